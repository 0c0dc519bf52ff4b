-- arguments: prefix inst seen
-- Declares an instance dead that has sent no heartbeat since the caller saw the count `seen`, more than a lease ago by the caller's own clock. Returns 1:
-- it is dead; 0: there was a heartbeat.
if (redis.call('HGET', prefix .. 'beats', inst) or '') ~= seen then return 0 end
-- Where these data know none of its connections (they lost them, and it has not registered anew), nobody can send their disconnect events: it may go on
-- with them.
local unknown = redis.call('SISMEMBER', prefix .. 'incomplete', inst) == 1 and redis.call('EXISTS', prefix .. 'conns:' .. inst) == 0
redis.call('SET', prefix .. 'dead:' .. inst, unknown and 'unknown' or 1, 'EX', 86400)
redis.call('SREM', prefix .. 'incomplete', inst)
return 1
