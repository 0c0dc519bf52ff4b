-- parts: names shards places order bodies receipts tallies inboxes settling kept_settling
-- arguments: prefix inst outbox cursor now below plain inbox_most inbox_bytes
-- Removes from Redis what an instance has settled (settlement.hpp). The rest: `plain` ids of inbox entries that need no report, then for each
-- report: id in the stream, source ('' inbox, 1 broadcast stream, h handover, k kept push: see settle_kept), same, failed, reached, dropped,
-- outcome, reason, connection, lines, callback. Returns {number of receipts that failed, numbers (from 1) of the reports that Redis refused},
-- or {-1} if the instance is dead.
if redis.call('HEXISTS', prefix .. 'instances', inst) == 0 then return {-1} end
local own, broadcast_key, returned = prefix .. 'inbox:' .. inst, prefix .. 'wide', prefix .. outbox .. ':returned'
local first = rest + tonumber(plain)
local again = {}
-- Only slow connections still lack the push. It continues as a new inbox entry, so that neither the broadcast stream nor the members whose
-- connections have ended (`same`) wait for them. Returns false if Redis refuses.
local function move(sid, f, tally, same)
  local inline = not f.b
  f.b = body_for(sid, f)
  local new_tally = same ~= '' and tally == '' and (f.r or '') ~= ''
  if new_tally then tally = sid .. ':' .. inst end
  begin_order(clock())
  local id = append(own, 'b', f.b, 'n', f.n or 0, 'o', f.o, 't', f.t or f.s or '', 'y', tally, 'r', f.r or '', 'i', f.i or '', 'p', f.p or '', 'v', sid)
  end_order()
  if not id then return false end
  if same ~= '' and failed(redis.pcall('RPUSH', returned, returned_entry(math.max(tonumber(f.n or 0), 1), f.o, tally, same, '@' .. f.b))) then
    redis.call('XDEL', own, id)
    return false
  end
  if new_tally then
    redis.call('HSET', tally_key(tally), 'left', 1)
    redis.call('EXPIRE', tally_key(tally), 172800)
  end
  if same ~= '' and tally ~= '' then add_parts(tally, 1) end
  -- The entry in the broadcast stream keeps its reference to the body; that of an inbox entry goes over to the new one.
  add_owners(f.b, (same ~= '' and 1 or 0) + ((inline or f.in_broadcast) and 1 or 0))
  return true
end
for k = first, #ARGV, 11 do
  local sid, source, same, failing, reached, dropped, outcome, reason, connection, lines, callback = unpack(ARGV, k, k + 10)
  local stream = source == '' and own or source == 'h' and prefix .. 'estate:' .. connection or broadcast_key
  if source == 'k' and not settle_kept(returned, sid, same, outcome, reason, connection, lines, callback, now) then
    again[#again + 1] = (k - first) / 11 + 1
  end
  local entry = source ~= 'k' and redis.call('XRANGE', stream, sid, sid)[1]  -- said before, it is not there: an answer can get lost
  if entry then
    local f = fields_of(entry)
    local tally = f.y or ''
    local marker = source ~= '' and source ~= 'h' and tally ~= '' and sid .. inst
    if source == 'h' and outcome == 'delivered' then
      queue_callback(f.o, callback)
    elseif source == 'h' then
      -- This member has not received the push of a dead instance's handover. The handover stays for the other members.
      if f.b then add_owners(f.b, 1) end
      if failed(redis.pcall('RPUSH', returned, returned_entry(f.n or 1, f.o, '', same, '@' .. (f.b or '')))) then
        if f.b then release(f.b) end
        again[#again + 1] = (k - first) / 11 + 1
      end
    elseif marker and redis.call('HEXISTS', tally_key(tally), marker) == 0 then
      marker = nil  -- said before
    elseif outcome == 'move' then
      f.in_broadcast = source ~= ''
      if not move(sid, f, tally, same) then
        again[#again + 1] = (k - first) / 11 + 1
      elseif source == '' then
        redis.call('XDEL', own, sid)
      elseif marker then
        redis.call('HDEL', tally_key(tally), marker)
      end
    else
      if source ~= '' then
        -- The entry in the broadcast stream keeps its reference to the body, so the new entry needs its own.
        local body = (same ~= '' or failing ~= '') and body_for(sid, f) or nil
        if body then add_owners(body, 1) end
        f.b = body
      end
      local s = {same = same, failed = failing, reached = tonumber(reached), dropped = tonumber(dropped), outcome = outcome, reason = reason,
        connection = connection, lines = lines, callback = callback}
      if not settle(sid, inst, returned, now, f, s) then
        again[#again + 1] = (k - first) / 11 + 1
      elseif source == '' then
        redis.call('XDEL', own, sid)
      elseif marker and redis.call('EXISTS', tally_key(tally)) == 1 then
        redis.call('HDEL', tally_key(tally), marker)
      end
    end
  end
end
-- Entries without a report: all below an id, and single ones above it.
if #again == 0 and below ~= '' then redis.call('XTRIM', own, 'MINID', below) end
for k = rest, first - 1, 1000 do redis.call('XDEL', own, unpack(ARGV, k, math.min(k + 999, first - 1))) end
if #again == 0 and cursor ~= '' then redis.call('HSET', prefix .. 'wide:cursors', inst, cursor) end
-- Moves entries from the overflow list into the inbox as long as there is room.
local waiting = redis.call('XRANGE', prefix .. 'overflow:' .. inst, '-', '+', 'COUNT', 100)
if #waiting > 0 and length_of(own) < tonumber(inbox_most) then
  begin_order(clock())
  local n = 0
  for _, entry in ipairs(waiting) do
    if length_of(own) >= tonumber(inbox_most) then break end
    local fields, first_order = entry[2], false
    for i = 1, #fields, 2 do first_order = first_order or fields[i] == 'o' end
    if not first_order then fields[#fields + 1], fields[#fields + 2] = 'o', entry[1] end
    if not append(own, unpack(fields)) then break end
    lengths[own] = lengths[own] + 1
    redis.call('XDEL', prefix .. 'overflow:' .. inst, entry[1])
    n = n + 1
  end
  end_order()
  if n == #waiting and redis.call('XLEN', prefix .. 'overflow:' .. inst) == 0 then redis.call('DEL', prefix .. 'overflow:' .. inst) end
end
return {receipts_failed, again}
