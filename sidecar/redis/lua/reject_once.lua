-- parts: rejected
-- arguments: prefix sum record most bytes
if redis.call('SET', prefix .. 'rejected:' .. sum, 1, 'NX', 'EX', 10) then
  add_rejected(record)
  trim_rejected(most, bytes)
end
return 1
