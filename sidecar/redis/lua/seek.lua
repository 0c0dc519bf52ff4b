-- parts: bodies
-- arguments: prefix key kind from_right id needle most bytes decoded_most found_most
-- Finds a push with this id in a list, or for `mailbox` in a sorted set. Reads at most `most` entries and `bytes` bytes from the end that is
-- consumed, or from the newest entry for `rejected` and `receipts`. `needle` is a part of the id that every JSON encoder writes unchanged;
-- entries that contain it are decoded, up to `decoded_most` bytes in total.
-- Returns {length, entries read, place, time, what, reason, name, deadline (ms), place, ...}, but never a push's payload.
local mailbox, records = kind == 'mailbox', kind == 'rejected' or kind == 'receipts'
local right = records or from_right ~= ''
local length = redis.call(mailbox and 'ZCARD' or 'LLEN', key)
local out, looked, size, found, decoded = {length, 0}, 0, 0, 0, 0
local function has_id(text)
  local ok, o = pcall(cjson.decode, text)
  if not ok or type(o) ~= 'table' then return string.find(text, '"' .. id .. '"', 1, true) ~= nil end  -- cut, or no JSON
  if o.id == id then return true end
  for _, e in ipairs(o) do if type(e) == 'table' and e.id == id then return true end end
  return false
end
local function add(place, time, what, reason, name, deadline)
  found = found + 1
  for _, x in ipairs({place, time, what, reason, name, deadline}) do out[#out + 1] = type(x) == 'string' and string.sub(x, 1, 512) or x end
end
local function word(x) return type(x) == 'string' and x or '' end
local function look_at(place, e)
  if not string.find(e, needle, 1, true) then return end
  if kind == 'rejected' and #e > tonumber(decoded_most) then
    -- This is too large to be decoded in one script. The id is in the envelope, whose quotes are escaped.
    if string.find(e, '\\"' .. id .. '\\"', 1, true) then
      add(place, string.match(string.sub(e, -64), '"time":"([^"]*)"}$') or '', string.match(e, '^{"reason":"([^"\\]*)') or '', '', '', '')
    end
    return
  end
  decoded = decoded + #e
  if records then
    local ok, o = pcall(cjson.decode, e)
    if not ok or type(o) ~= 'table' then return end
    if kind == 'rejected' and has_id(word(o.envelope)) then add(place, word(o.time), word(o.reason), '', '', '') end
    if kind == 'receipts' and o.id == id then
      add(place, word(o.time), word(o.outcome), word(o.reason), word(o.user or o.alias or o.connection), '')
    end
  elseif mailbox then
    local deadline, why, text = string.match(e, '^[^\r]*\r[^\r]*\r(%d+)\r(%a*)\r(.*)$')
    if deadline and has_id(text) then add(place, '', why, '', '', deadline) end
  elseif has_id(string.match(e, '[{%[].*$') or '') then
    add(place, '', '', '', '', '')
  end
end
-- Entries may be large, so one is read at a time, or a few while they are small, to stay within `bytes`.
local step = 1
while looked < length and looked < tonumber(most) and size < tonumber(bytes) and decoded < tonumber(decoded_most) and
  found < tonumber(found_most) do
  local some
  if mailbox then
    some = redis.call('ZRANGE', key, looked, looked + step - 1)
  elseif right then
    some = redis.call('LRANGE', key, -looked - step, -looked - 1)
  else
    some = redis.call('LRANGE', key, looked, looked + step - 1)
  end
  if #some == 0 then break end
  for i = 1, #some do
    local e = some[right and not mailbox and #some + 1 - i or i]
    local id_of_body = mailbox and string.match(e, '\r@([^\r]+)$') or not records and string.match(e, '^[^{%[]-\r@([^\r]+)$')
    local whole = e
    if id_of_body then whole = string.sub(e, 1, #e - #id_of_body - 1) .. (body_of(id_of_body) or '') end
    look_at(looked + i - 1, whole)
    size = size + #whole
  end
  looked = looked + #some
  step = size < 65536 * looked and 8 or 1
end
out[2] = looked
return out
