-- arguments: prefix token feed
if redis.call('GET', prefix .. 'router' .. feed) == token then
  redis.call('DEL', prefix .. 'router' .. feed, prefix .. 'routing' .. feed)
end
return 1
