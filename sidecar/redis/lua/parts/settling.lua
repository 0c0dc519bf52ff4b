-- Settles a push at one instance. `f` are the fields of its entry (inbox_entry.hpp). `s` has: same and failed (names to which it is routed
-- again, one per line: `same` because their connection ended, `failed` because there was none, which counts as an attempt), reached,
-- dropped, stored, outcome, reason, connection, lines (receipts of single connections), callback. Everything is added in its new place
-- before it is removed from the old one. Returns true if all was added; the caller then removes the entry. Returns false if Redis refused,
-- and nothing has changed then.
local function fields_of(entry)
  local f = {}
  for i = 1, #entry[2], 2 do f[entry[2][i]] = entry[2][i + 1] end
  f.o = f.o or entry[1]
  return f
end
local function returned_entry(attempts, order, tally, names, envelope)
  return attempts .. '\r' .. order .. '\r' .. tally .. '\r' .. names .. '\r' .. envelope
end
local function settle(sid, inst, returned, now, f, s)
  local single, key, tally = f.s or '', f.r or '', f.y or ''
  local same, failing = s.same, s.failed
  if f.c and key == '' then
    -- The push comes from a mailbox, where only the envelope has what its receipt needs.
    local text = f.e or text_of('@' .. f.b)
    local ok, o = false, nil
    if string.find(text, '"receipt":"', 1, true) then ok, o = pcall(cjson.decode, text) end
    if ok and type(o) == 'table' and type(o.receipt) == 'string' then key, f.i = o.receipt, o.id or '' end
  end
  local attempts = tonumber(f.n or 0)
  local last, fan_out = true, nil
  if f.f and f.f ~= '' then
    -- If one name is on several instances, the last instance to settle decides.
    local said = redis.call('HMGET', prefix .. 'fan:' .. f.f, 'left', 'reached', 'dropped', 'same', 'failed', 'connection')
    if said[1] then
      fan_out = prefix .. 'fan:' .. f.f
      s.reached, s.dropped = s.reached + (said[2] or 0), s.dropped + (said[3] or 0)
      if s.connection == '' then s.connection = said[6] or '' end
      if same == '' then same = said[4] or '' end
      if failing == '' then failing = said[5] or '' end
      last = tonumber(said[1]) <= 1
      if not last then
        redis.call('HSET', fan_out, 'left', said[1] - 1, 'reached', s.reached, 'dropped', s.dropped, 'same', same, 'failed', failing, 'connection',
          s.connection)
        if f.b then release(f.b) end
        return true
      end
      if s.reached > 0 then same, failing, s.outcome, s.reason = '', '', 'delivered', '' end
    end
  end
  -- The name is routed again once, whatever the outcomes at the single instances.
  if single ~= '' and same ~= '' then failing = '' end
  local envelope = f.b and '@' .. f.b or f.e
  local parts = (same ~= '' and 1 or 0) + (failing ~= '' and 1 or 0)
  if parts > 0 and single == '' and tally == '' and key ~= '' then
    tally = sid .. ':' .. inst
    redis.call('HSET', tally_key(tally), 'left', 1)
    redis.call('EXPIRE', tally_key(tally), 172800)
  end
  if same ~= '' and failed(redis.pcall('RPUSH', returned, returned_entry(math.max(attempts, 1), f.o, tally, same, envelope))) then return false end
  if failing ~= '' and failed(redis.pcall('RPUSH', returned, returned_entry(attempts + 1, f.o, tally, failing, envelope))) then return false end
  for line in string.gmatch(s.lines, '[^\n]+') do write_receipt(key, line) end
  if s.reached > 0 or single ~= '' and s.outcome == 'delivered' then queue_callback(f.o, s.callback) end
  if tally ~= '' then
    -- A receiver may belong to parts of the push in several shards and have received it through another one.
    local had = s.reason == 'duplicate' and string.find(tally, '~', 1, true)
    if single ~= '' and s.outcome ~= 'delivered' and parts == 0 and s.dropped == 0 and not had then s.dropped = 1 end
    local reached = single ~= '' and math.min(s.reached, 1) or s.reached
    local sums = end_part(tally, parts, reached, s.dropped, s.stored or 0, s.lines ~= '' and reached + s.dropped or 0)
    if sums then write_summary(key, f.i or '', sums, now) end
  elseif single ~= '' then
    if parts == 0 and key ~= '' and is_first_end(f.o, single) then
      receipt(key, f.i or '', single, s.outcome, s.reason, now, s.connection)
    end
  elseif s.lines == '' then
    write_summary(key, f.i or '', {reached = s.reached, dropped = s.dropped, stored = s.stored or 0}, now)
  end
  if f.b and parts == 0 then release(f.b) elseif f.b and parts == 2 then add_owners(f.b, 1) end
  if fan_out then redis.call('DEL', fan_out) end
  return true
end
