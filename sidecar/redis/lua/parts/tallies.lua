-- A push to several names or to an audience ends in parts: one at each instance, and more where a part is routed again. The hash tally:<id>
-- counts the parts that are under way (left) and the outcomes of the others. The last part writes the summary.
local function tally_key(id) return prefix .. 'tally:' .. id end
-- The key of the count of absent members for whom a kept push has not ended (kept.lua).
local function kept_tally(id) return tally_key('k' .. id) end
local function add_parts(id, n) redis.call('HINCRBY', tally_key(id), 'left', n) end
-- Queues the callback of a push (a source's `delivered`) when a part of it was delivered: once for the push, however many parts it has. If it
-- was divided among several shards before it had an order, the callback begins with "~" and a name that all parts share. A part may also move
-- to another shard later, so the first shard knows, under this name or the order, whether the callback was queued.
local function queue_callback(order, callback)
  if callback == '' then return end
  local name, rest_of_it = string.match(callback, '^(~%x+)(.*)$')
  if name then
    order, callback = name, rest_of_it
  else
    order = order_everywhere(order)
  end
  local shard = this_shard()
  if shard and shard ~= '0' then
    send_to('0', 'c' .. counted(order) .. callback)
    return
  end
  if callback ~= '' and redis.call('SET', prefix .. 'told:' .. order, 1, 'NX', 'EX', 86400) then
    redis.call('RPUSH', prefix .. 'callbacks', callback)
  end
end
-- A part has ended and `more` parts continue. Of those reached and dropped, `told` have had a receipt of their own (outbox.receipts: each).
-- Returns the sums if it was the last part, otherwise nil.
local function end_part(id, more, reached, dropped, stored, told)
  local key = tally_key(id)
  if redis.call('EXISTS', key) == 0 then return nil end  -- the last part was here before: this one came twice
  local sums = {reached = redis.call('HINCRBY', key, 'reached', reached), dropped = redis.call('HINCRBY', key, 'dropped', dropped),
    stored = redis.call('HINCRBY', key, 'stored', stored), told = redis.call('HINCRBY', key, 'told', told)}
  if redis.call('HINCRBY', key, 'left', more - 1) > 0 then return nil end
  local shard, whole = elsewhere(id)
  if shard then
    local parts = redis.call('HGET', key, 'parts') or '1'
    local came_to = table.concat({parts, sums.reached, sums.dropped, sums.stored, sums.told}, ' ')
    if not send_to(shard, 't' .. counted(whole) .. came_to) then receipts_failed = receipts_failed + 1 end
    sums = nil
  end
  redis.call('DEL', key)
  return sums
end
-- Where everybody counted has had a receipt, there is nothing to sum up.
local function write_summary(key, id, sums, now)
  if key == '' or sums.told and sums.told > 0 and sums.told >= sums.reached + sums.dropped + sums.stored then return end
  local o = {id = id, outcome = 'summary', delivered = sums.reached, dropped = sums.dropped, time = now}
  if sums.stored > 0 then o.stored = sums.stored end
  write_receipt(key, cjson.encode(o))
end
local function callback_in(e)  -- a quote in a payload is escaped, so that this is the member
  if not string.find(e, '"callback":"', 1, true) then return '' end
  local ok, o = pcall(cjson.decode, e)
  return ok and type(o) == 'table' and type(o.callback) == 'string' and o.callback or ''
end
