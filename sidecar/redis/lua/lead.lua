-- arguments: prefix token feed lease
-- Takes or renews the router's lease. Returns 1 if this token holds it, otherwise 0. `feed` is '' for the outbox, otherwise ':' and the
-- name of a source's list.
if redis.call('SET', prefix .. 'router' .. feed, token, 'NX', 'PX', lease) then return 1 end
if redis.call('GET', prefix .. 'router' .. feed) ~= token then
  -- If Redis's clock was set back, a dead router's lease would last longer by that time.
  if redis.call('PTTL', prefix .. 'router' .. feed) > tonumber(lease) then redis.call('PEXPIRE', prefix .. 'router' .. feed, lease) end
  return 0
end
redis.call('PEXPIRE', prefix .. 'router' .. feed, lease)
return 1
