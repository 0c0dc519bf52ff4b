-- arguments: prefix sum entry
if redis.call('EXISTS', prefix .. 'delivered:' .. sum) == 0 then
  redis.call('RPUSH', prefix .. 'callbacks', entry)
  redis.call('SET', prefix .. 'delivered:' .. sum, 1, 'EX', 10)
end
return 1
