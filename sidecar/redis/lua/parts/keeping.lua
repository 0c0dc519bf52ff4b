-- Keeps a push for the members of an audience who are away. `of` is the audience's standing (absent_from). Returns whether it was kept.
local function keep_for_absent(audience, of, p, letter, e, size, order, alone, limits)
  local key, id = of.stream, nil
  if p.key == '' and p.attempts == '0' and alone == '' and letter == 'e' then
    id = append(key, 'e', e, 'o', order, 'i', p.id)
  else
    local fields = {letter, e, 'o', order, 'i', p.id}
    local function say(name, value) fields[#fields + 1], fields[#fields + 2] = name, value end
    if p.key ~= '' then say('r', p.key) end
    if p.attempts ~= '0' then say('n', p.attempts) end
    if alone ~= '' then say('a', alone) end
    if letter == 'b' then say('z', size) end
    id = append(key, unpack(fields))
  end
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
    redis.call('HSET', of.key, 'x', string.format('%.0f', order_ms))
    for _, name in ipairs({key, prefix .. 'kept', prefix .. 'kept:told', prefix .. 'kept:claimed'}) do
      redis.call('PEXPIRE', name, limits.grace + 180000)
    end
  end
  of.count, of.bytes, of.changed = of.count + 1, of.bytes + size, true
  return true
end
-- Removes the oldest kept pushes while there are too many. Returns the number of those removed that a member could still have claimed.
local function trim_kept(audience, of, limits)
  local key, dropped = of.stream, 0
  local function is_over() return of.count > limits.count or of.bytes > limits.bytes end
  while is_over() do
    -- Reads as many as will probably have to go.
    local over = math.max(of.count - limits.count, math.ceil((of.bytes - limits.bytes) / of.bytes * of.count), 1)
    local oldest = redis.call('XRANGE', key, '-', '+', 'COUNT', math.min(over, 100))
    if #oldest == 0 then break end
    local is_claimable, removed = false, nil
    for _, entry in ipairs(oldest) do
      if not is_over() then break end
      local list = entry[2]
      removed = entry[1]
      is_claimable = is_claimable or split_order(removed) > order_ms - limits.grace  -- so are those behind it
      if is_claimable then dropped = dropped + 1 end
      if list[1] == 'e' and #list == 6 then
        of.bytes = of.bytes - #list[2]  -- no receipt and no body: nothing else has to be done
      else
        local f = fields_in(list)
        if is_claimable then end_kept(audience, removed, f, 'dropped', 'mailbox_full', limits.now) end
        if f.b then release(f.b) end
        of.bytes = of.bytes - size_kept(f)
      end
      of.count = of.count - 1
    end
    local ms, seq = string.match(removed, '^(%d+)-(%d+)$')
    redis.call('XTRIM', key, 'MINID', string.format('%s-%.0f', ms, seq + 1))
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
