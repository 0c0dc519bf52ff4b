-- arguments: prefix inst seen
-- Declares an instance dead that has not beaten since the caller saw its beat `seen`, a lease and more ago by the caller's own clock. 1: it is
-- dead; 0: it has beaten.
if (redis.call('HGET', prefix .. 'beats', inst) or '') ~= seen then return 0 end
redis.call('SET', prefix .. 'dead:' .. inst, 1, 'EX', 86400)
redis.call('SREM', prefix .. 'incomplete', inst)
return 1
