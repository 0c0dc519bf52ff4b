-- A push to several names, a group, a destination or all ends in parts: at each instance, and again where a part is routed again. The hash
-- tally:<id> counts the parts that are on their way (left), and what became of the others; its last part writes the summary.
local function tally_key(id) return prefix .. 'tally:' .. id end
-- How many have not ended of those that a push is kept for (kept.lua).
local function kept_tally(id) return tally_key('k' .. id) end
local function add_parts(id, n) redis.call('HINCRBY', tally_key(id), 'left', n) end
-- What the app is told once a push is delivered (a source's `delivered`): once for the push, whatever it was divided into.
-- Where its parts are in several shards, "~" and a name that all of them have stand in front of the callback: the first shard knows whether the app was told.
local function queue_callback(order, callback)
  local name, rest_of_it = string.match(callback, '^(~%x+)(.*)$')
  if name then
    local shard = this_shard()
    if shard and shard ~= '0' then
      send_to('0', 'c' .. counted(name) .. rest_of_it)
      return
    end
    order, callback = name, rest_of_it
  end
  if callback ~= '' and redis.call('SET', prefix .. 'told:' .. order, 1, 'NX', 'EX', 86400) then
    redis.call('RPUSH', prefix .. 'callbacks', callback)
  end
end
-- A part has ended, in `more` parts that go on. Returns the sums when it was the last, else nil; `told`: the app has been told.
local function end_part(id, more, reached, dropped, stored)
  local key = tally_key(id)
  if redis.call('EXISTS', key) == 0 then return nil end  -- the last part was here before: this one came twice
  local sums = {reached = redis.call('HINCRBY', key, 'reached', reached), dropped = redis.call('HINCRBY', key, 'dropped', dropped),
    stored = redis.call('HINCRBY', key, 'stored', stored)}
  if redis.call('HINCRBY', key, 'left', more - 1) > 0 then return nil end
  local kind = string.sub(id, 1, 1)
  if kind == '~' then
    -- Of a push to several shards: whose part was the last need not know what the app is to be told.
    sums.told = true
    if sums.reached > 0 then queue_callback(id, redis.call('HGET', key, 'c') or '') end
  end
  local shard, whole
  if kind == '^' then shard, whole = elsewhere(id) end
  if shard then
    local parts = redis.call('HGET', key, 'parts') or '1'
    local came_to = table.concat({parts, sums.reached, sums.dropped, sums.stored}, ' ')
    if not send_to(shard, 't' .. counted(whole) .. came_to) then receipts_failed = receipts_failed + 1 end
    sums = nil
  end
  redis.call('DEL', key)
  return sums
end
local function write_summary(key, id, sums, now)
  if key == '' then return end
  local o = {id = id, outcome = 'summary', delivered = sums.reached, dropped = sums.dropped, time = now}
  if sums.stored > 0 then o.stored = sums.stored end
  write_receipt(key, cjson.encode(o))
end
local function callback_in(e)  -- a quote in a payload is escaped, so that this is the member
  if not string.find(e, '"callback":"', 1, true) then return '' end
  local ok, o = pcall(cjson.decode, e)
  return ok and type(o) == 'table' and type(o.callback) == 'string' and o.callback or ''
end
