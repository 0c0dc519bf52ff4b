-- arguments: prefix inst seen
-- Declares an instance dead that has not beaten since the caller saw its beat `seen`, a lease and more ago by the caller's own clock. 1: it is
-- dead; 0: it has beaten.
if (redis.call('HGET', prefix .. 'beats', inst) or '') ~= seen then return 0 end
-- Of whose connections these data know nothing (they lost them, and it has not registered anew), nobody can speak: it may go on with them.
local unknown = redis.call('SISMEMBER', prefix .. 'incomplete', inst) == 1 and redis.call('EXISTS', prefix .. 'conns:' .. inst) == 0
redis.call('SET', prefix .. 'dead:' .. inst, unknown and 'unknown' or 1, 'EX', 86400)
redis.call('SREM', prefix .. 'incomplete', inst)
return 1
