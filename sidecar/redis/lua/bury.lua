-- arguments: prefix inst seen
-- Declares an instance dead if it has sent no heartbeat since the caller saw the count `seen`, more than a lease ago by the caller's clock.
-- Returns 1 if it is dead, and 0 if there was a heartbeat.
if (redis.call('HGET', prefix .. 'beats', inst) or '') ~= seen then return 0 end
-- If these data have lost its connections and it has not registered them again, no survivor can send their disconnect events. The
-- tombstone 'unknown' then lets the instance keep these connections.
local unknown = redis.call('SISMEMBER', prefix .. 'incomplete', inst) == 1 and redis.call('EXISTS', prefix .. 'conns:' .. inst) == 0
redis.call('SET', prefix .. 'dead:' .. inst, unknown and 'unknown' or 1, 'EX', 86400)
redis.call('SREM', prefix .. 'incomplete', inst)
return 1
