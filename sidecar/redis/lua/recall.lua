-- parts: names bodies order
-- arguments: prefix target most bytes age after kept joined
-- Reads the history of a name, the newest push first: at most `most` pushes and `bytes` bytes, none older than `age` (ms), and with `after`
-- only those after that place. Pushes after `joined` do not count towards `most`. `kept` is the most that a history holds. With target '',
-- reads no history. Returns {'ok', last place of the order, last id of the broadcast stream, time since when the rules are in force, last
-- place removed to make room for other names, last place removed from this history, 1 if not all fit, place, envelope, ...}, or {'wrong'}
-- if the key holds another type.
local now = clock()
begin_order(now)
local stands = order_text .. order_seq
-- Later pushes must get later places than the one told here, also if Redis' clock goes back.
if order_ms == now then end_order() end
local cut = redis.call('HMGET', prefix .. 'history:cut', '', target)
local out = {'ok', stands, last_broadcast, redis.call('HGET', prefix .. 'history:rules', 'since') or '', cut[1] or '', cut[2] or '', 0}
local function is_before(a, b)
  local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
  return tonumber(a_ms) < tonumber(b_ms) or tonumber(a_ms) == tonumber(b_ms) and tonumber(a_seq) < tonumber(b_seq)
end
if target == '' or tonumber(most) == 0 or after ~= '' and is_before(stands, after) then return out end
local key = target == '*' and prefix .. 'history:all' or key_of('history:', target)
local left, oldest, counted = tonumber(bytes), now - age, 0
-- Returns false if no older push is wanted.
local function take(entry)
  if tonumber(string.match(entry[1], '^%d+')) < oldest then return false end
  if joined == '' or not is_before(joined, entry[1]) then
    if counted == tonumber(most) then return false end
    counted = counted + 1
  end
  local e = ''
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 'e' then e = entry[2][i + 1] elseif entry[2][i] == 'b' then e = body_of(entry[2][i + 1]) or '' end
  end
  left = left - #e
  if left < 0 then
    out[7] = 1
    return false
  end
  if e ~= '' then out[#out + 1], out[#out + 2] = entry[1], e end
  return true
end
-- Reads a few at a time, so that a request for one push does not read the whole history.
local newest, unread = '+', tonumber(kept)
while unread > 0 do
  local some = math.min(unread, 32)
  local all = redis.pcall('XREVRANGE', key, newest, after ~= '' and '(' .. after or '-', 'COUNT', some)
  if failed(all) then
    if string.find(all.err, 'WRONGTYPE', 1, true) then return {'wrong'} end
    return redis.error_reply(all.err)
  end
  for _, entry in ipairs(all) do
    if not take(entry) then return out end
  end
  if #all < some then break end
  newest, unread = '(' .. all[#all][1], unread - some
end
return out
