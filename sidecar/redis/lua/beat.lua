-- parts: names members
-- arguments: prefix inst lease newcomer generation about layout format pop outbox epoch fresh process reconnected highest link shards shard cursor names_all
-- Renews the lease. `generation`: under which of Redis' histories this instance has registered all that it has. The rest: instances that it
-- has seen alive lately, where `names_all` is 1. `cursor`: its position in the broadcast stream; '': it does not say. `link`: the number of this connection of the instance.
-- `generation` '*': it has nothing to register. `reconnected` 1: on a new connection; 2: another connection has met a
-- Redis that did not say which it is. Returns {word, ...}; for ok: epoch, generation, whether the lease was still held, position in the broadcast stream, number of
-- the roster of instances, 1 when a generation began here, 1 when pushes wait behind the inbox, and what there is for any instance to do, a sum:
-- 1 disconnect events are to be sent, 2 apps are to be told of deliveries, 4 nobody routes the outbox, 8 nobody looks for dead instances; last how
-- long ago (ms) the service got its shards, or -1.
-- {'who'}: a generation has to begin, and the instance has not said whom it has seen. {'dead', 'unknown'}: it was taken for dead, and nobody
-- has sent the disconnect events of its connections. `shards`: how many the service has, '' for one; `shard`: which of them this is.
local said = redis.call('MGET', prefix .. 'dead:' .. inst, prefix .. 'lease:' .. inst, prefix .. 'router', prefix .. 'watched')
if said[1] then return {'dead', said[1]} end
local c = redis.call('HMGET', prefix .. 'config', 'lease', 'pop', 'outbox', 'layout', 'shards', 'grown')
local grown = c[6]
if c[1] and not c[4] then return {'layout'} end
-- What is spread over several shards is found by those only who spread it likewise.
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
    -- What one shard knew of those who are between two connections is not known in the others for a while.
    if c[1] and not c[5] then
      grown = string.format('%.0f', clock())
      redis.call('HSET', prefix .. 'config', 'grown', grown)
    end
    redis.call('HSET', prefix .. 'config', 'shards', shards, 'shard', shard)
  end
end
if newcomer == '1' then
  -- Version N reads N-1, and N-1 knows nothing of N+1.
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
  -- These data are not those that the instances have registered in, or nobody can tell. All of them register anew, also those that these
  -- data know nothing of.
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
-- Ids never go below what anybody has seen.
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
-- A clock that was set back would let `watched` last as much longer.
if said[4] and redis.call('PTTL', prefix .. 'watched') > 4000 then redis.call('PEXPIRE', prefix .. 'watched', 4000) end
-- What it has taken already and not ended counts, too: a failover may have brought it back.
local function has_work(queue) return redis.call('EXISTS', prefix .. queue, prefix .. queue .. ':' .. inst) > 0 and 1 or 0 end
local work = has_work('lost') + 2 * has_work('callbacks') + (said[3] and 0 or 4) + (said[4] and 0 or 8)
return {'ok', id, current, said[2] and 1 or 0, at, roster, began, redis.call('EXISTS', prefix .. 'overflow:' .. inst), work,
  shards ~= '' and grown and clock() - grown or -1}
