-- Keeps a push for the members of an audience who are away. `of` is the audience's standing (absent_from). Returns whether it was kept.
local function keep_for_absent(audience, of, p, letter, e, size, order, alone, limits)
  local key = key_of('kept:', audience)
  local fields = {letter, e, 'o', order, 'i', p.id}
  if p.key ~= '' then fields[7], fields[8] = 'r', p.key end
  if p.attempts ~= '0' then fields[#fields + 1], fields[#fields + 2] = 'n', p.attempts end
  if alone ~= '' then fields[#fields + 1], fields[#fields + 2] = 'a', alone end
  if letter == 'b' then fields[#fields + 1], fields[#fields + 2] = 'z', size end
  local id = append(key, unpack(fields))
  if not id then return false end
  if letter == 'b' then add_owners(e, 1) end
  if p.key ~= '' then
    redis.call('HSET', kept_tally(id), 'left', of.away)
    redis.call('EXPIRE', kept_tally(id), 172800)
  end
  if of.count == 0 then redis.call('ZADD', prefix .. 'kept', 'NX', order_ms + limits.grace + 500, audience) end
  if of.count == 0 or order_ms - of.renewed > 60000 then
    -- The expiry is for the case that no instance is left to sweep these keys.
    of.renewed = order_ms
    for _, name in ipairs({key, prefix .. 'kept', prefix .. 'kept:told', prefix .. 'kept:claimed'}) do
      redis.call('PEXPIRE', name, limits.grace + 180000)
    end
  end
  of.count, of.bytes, of.changed = of.count + 1, of.bytes + size, true
  return true
end
-- Removes the oldest kept pushes while there are too many. Returns the number of those removed that a member could still have claimed.
local function trim_kept(audience, of, limits)
  local key, dropped = key_of('kept:', audience), 0
  while of.count > limits.count or of.bytes > limits.bytes do
    local oldest = redis.call('XRANGE', key, '-', '+', 'COUNT', math.max(1, math.min(of.count - limits.count, 100)))
    if #oldest == 0 then break end
    local ids = {}
    for k, entry in ipairs(oldest) do
      local f = fields_in(entry[2])
      ids[k] = entry[1]
      if split_order(entry[1]) > order_ms - limits.grace then
        dropped = dropped + 1
        end_kept(audience, entry[1], f, 'dropped', 'mailbox_full', limits.now)
      end
      if f.b then release(f.b) end
      of.bytes = of.bytes - size_kept(f)
    end
    of.count = of.count - #oldest
    redis.call('XDEL', key, unpack(ids))
  end
  return dropped
end
-- What a push displaces may be of the same batch. Its receipt then comes after the one which says that it was stored.
local displaced, write_now = {}, write_receipt
local function receipts_later(trim, ...)
  write_receipt = function(receipts, line)
    displaced[#displaced + 1] = {receipts, line, first_end}
    first_end = nil
  end
  local dropped = trim(...)
  write_receipt = write_now
  return dropped
end
local function write_displaced()
  for _, x in ipairs(displaced) do
    first_end = x[3]
    write_now(x[1], x[2])
  end
end
