-- arguments: prefix sum entry
if redis.call('SET', prefix .. 'delivered:' .. sum, 1, 'NX', 'EX', 10) then redis.call('RPUSH', prefix .. 'callbacks', entry) end
return 1
