-- arguments: prefix inst seen
-- Declares an instance dead if it has sent no heartbeat since the caller saw the count `seen`, more than a lease ago by the caller's clock.
-- Returns 1 if it is dead, and 0 if there was a heartbeat.
if (redis.call('HGET', prefix .. 'beats', inst) or '') ~= seen then return 0 end
-- An instance is incomplete if these data went back in time and it has not registered its connections again since. They may then lack some
-- of its connections, or all of them, and no survivor can send a disconnect event for what they lack. The tombstone tells the instance, in
-- case it is alive: with 'unknown' there are none, so it keeps its connections; with 'again' there are some, so it closes all of them and
-- sends their events itself, too.
local tombstone = 1
if redis.call('SISMEMBER', prefix .. 'incomplete', inst) == 1 then
  tombstone = redis.call('EXISTS', prefix .. 'conns:' .. inst) == 1 and 'again' or 'unknown'
end
redis.call('SET', prefix .. 'dead:' .. inst, tombstone, 'EX', 86400)
redis.call('SREM', prefix .. 'incomplete', inst)
return 1
