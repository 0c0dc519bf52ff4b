-- parts: names members
-- arguments: prefix inst lease newcomer generation about layout format pop outbox epoch fresh process reconnected highest link shards shard cursor names_all
-- Renews the lease of an instance. `generation` is the generation in which the instance has registered all its connections; '*' means
-- that it has none. `cursor` is its position in the broadcast stream, or '' to leave the stored one. `link` is the number of its connection
-- to Redis. `reconnected` is 1 on a new connection, and 2 if another connection has met a Redis that does not identify itself. `shards` is
-- the number of shards, or '' for one; `shard` is the number of this one. If `names_all` is 1, the rest are the instances seen alive lately.
-- Returns {word, ...}. After 'ok': epoch, generation, 1 if the lease was still held, position in the broadcast stream, number of the
-- roster, 1 if a generation began, 1 if pushes wait in overflow:<inst>, work for any instance, and how long ago (ms) the service was
-- spread over shards, or -1. The work is a sum: 1 disconnect events wait, 2 callbacks wait, 4 there is no router, 8 no instance on duty
-- looks for dead instances. {'who'}: a generation has to begin, so the instance must name the instances that it has seen.
-- {'dead', tombstone}: the instance was declared dead. 'unknown': nobody sends the disconnect events of its connections; 'again': survivors
-- may lack some, because Redis has lost data.
local said = redis.call('MGET', prefix .. 'dead:' .. inst, prefix .. 'lease:' .. inst, prefix .. 'router', prefix .. 'watched')
if said[1] then return {'dead', said[1]} end
local c = redis.call('HMGET', prefix .. 'config', 'lease', 'pop', 'outbox', 'layout', 'shards', 'grown')
local grown = c[6]
if c[1] and not c[4] then return {'layout'} end
-- Only instances with the same number of shards find each other's names.
if c[5] and c[5] ~= shards then return {'shards', c[5]} end
if c[1] ~= lease or c[2] ~= pop or c[3] ~= outbox or c[4] ~= layout or (c[5] or '') ~= shards then
  if c[1] then
    for _, i in ipairs(redis.call('HKEYS', prefix .. 'instances')) do
      if i ~= inst and redis.call('EXISTS', prefix .. 'lease:' .. i) == 1 then
        return {'config', 'lease ' .. c[1] .. ' ms, pop ' .. c[2] .. ', outbox ' .. c[3] .. (shards ~= '' and ', shards ' .. (c[5] or '1') or ''), i}
      end
    end
  end
  redis.call('HSET', prefix .. 'config', 'layout', layout, 'lease', lease, 'pop', pop, 'outbox', outbox)
  if shards ~= '' then
    -- For a while, users who were between two connections at this time are known in the first shard only.
    if c[1] and not c[5] then
      grown = string.format('%.0f', clock())
      redis.call('HSET', prefix .. 'config', 'grown', grown)
    end
    redis.call('HSET', prefix .. 'config', 'shards', shards, 'shard', shard)
  end
end
if newcomer == '1' then
  -- An instance of format N reads N-1 but not N-2, so live formats may differ by one at most.
  local all = redis.call('HGETALL', prefix .. 'instances')
  for n = 1, #all, 2 do
    if all[n] ~= inst and redis.call('EXISTS', prefix .. 'lease:' .. all[n]) == 1 then
      local ok, their_about = pcall(cjson.decode, all[n + 1])
      local their = ok and type(their_about) == 'table' and tonumber(their_about.format)
      if their and math.abs(their - tonumber(format)) > 1 then return {'format', tostring(their), all[n]} end
    end
  end
end
local now = redis.call('HMGET', prefix .. 'epoch', 'id', 'generation', 'process', 'roster')
local id, current, roster, began = now[1], now[2], tonumber(now[4] or 0), 0
local begins = not id or not current or reconnected == '2' or (reconnected == '1' and (process == '' or process ~= now[3]) and newcomer ~= '1') or (process ~= '' and process ~= (now[3] or process))
if begins and names_all ~= '1' then return {'who'} end
if not id then
  id = fresh
  redis.call('HSET', prefix .. 'epoch', 'id', id)
end
if begins then
  -- The instances may have registered in other data than these. All of them must register again, including those that are not in
    -- these data.
  current, began = fresh, 1
  redis.call('HSET', prefix .. 'epoch', 'generation', current, 'process', process)
  for k = rest, #ARGV do
    if redis.call('EXISTS', prefix .. 'dead:' .. ARGV[k]) == 0 then roster = admit(ARGV[k]) or roster end
  end
  for _, i in ipairs(redis.call('HKEYS', prefix .. 'instances')) do redis.call('SADD', prefix .. 'incomplete', i) end
end
if generation == '*' or generation == current then
  redis.call('SREM', prefix .. 'incomplete', inst)
else
  redis.call('SADD', prefix .. 'incomplete', inst)
end
-- New ids must exceed the highest id that any instance has seen.
local ms, seq = string.match(highest, '^(%d+)-(%d+)$')
local last = redis.call('HMGET', prefix .. 'order', 'ms', 'seq')
local last_ms, last_seq = tonumber(last[1] or 0), tonumber(last[2] or 0)
if ms and (tonumber(ms) > last_ms or tonumber(ms) == last_ms and tonumber(seq) > last_seq) then
  redis.call('HSET', prefix .. 'order', 'ms', ms, 'seq', seq)
end
redis.call('HINCRBY', prefix .. 'beats', inst, 1)
if reconnected ~= '0' then redis.call('HSET', prefix .. 'links', inst, link) end
redis.call('SET', prefix .. 'lease:' .. inst, 1, 'PX', lease)
if redis.call('HGET', prefix .. 'instances', inst) ~= about then
  redis.call('HSET', prefix .. 'instances', inst, about)
  roster = redis.call('HINCRBY', prefix .. 'epoch', 'roster', 1)
end
local at = redis.call('HGET', prefix .. 'wide:cursors', inst)
if not at then
  at = end_of_broadcast()
  redis.call('HSET', prefix .. 'wide:cursors', inst, at)
elseif cursor ~= '' and generation == current and began == 0 then
  at = cursor
  redis.call('HSET', prefix .. 'wide:cursors', inst, at)
end
-- If Redis's clock is set back, `watched` would last longer by that time.
if said[4] and redis.call('PTTL', prefix .. 'watched') > 4000 then redis.call('PEXPIRE', prefix .. 'watched', 4000) end
-- Entries that this instance has taken and not ended also count, because a failover may have brought them back.
local function has_work(queue) return redis.call('EXISTS', prefix .. queue, prefix .. queue .. ':' .. inst) > 0 and 1 or 0 end
local work = has_work('lost') + 2 * has_work('callbacks') + (said[3] and 0 or 4) + (said[4] and 0 or 8)
return {'ok', id, current, said[2] and 1 or 0, at, roster, began, redis.call('EXISTS', prefix .. 'overflow:' .. inst), work,
  shards ~= '' and grown and clock() - grown or -1}
