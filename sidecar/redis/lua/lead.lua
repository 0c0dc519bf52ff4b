-- arguments: prefix token feed lease
-- 1: this token routes; 0: another one. `feed`: '' for the outbox, else ':' and the list of a source.
if redis.call('SET', prefix .. 'router' .. feed, token, 'NX', 'PX', lease) then return 1 end
if redis.call('GET', prefix .. 'router' .. feed) ~= token then
  -- A clock that was set back would let the lease of a router that has died last as much longer.
  if redis.call('PTTL', prefix .. 'router' .. feed) > tonumber(lease) then redis.call('PEXPIRE', prefix .. 'router' .. feed, lease) end
  return 0
end
redis.call('PEXPIRE', prefix .. 'router' .. feed, lease)
return 1
