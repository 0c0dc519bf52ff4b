-- arguments: prefix sum record most
if redis.call('SET', prefix .. 'rejected:' .. sum, 1, 'NX', 'EX', 10) then
  redis.call('RPUSH', prefix .. 'rejected', record)
  redis.call('LTRIM', prefix .. 'rejected', -tonumber(most), -1)
end
return 1
