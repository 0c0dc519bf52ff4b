-- arguments: prefix token feed inst
-- Gives up the router's lease of the feed. The head that this router was processing has not killed it.
local head = prefix .. 'routing' .. feed
if redis.call('GET', prefix .. 'router' .. feed) == token then
  redis.call('DEL', prefix .. 'router' .. feed, head)
else
  local names, left = redis.call('HGET', head, 'instances'), ''
  for name in string.gmatch(names or '', '%S+') do
    if name ~= inst then left = left .. ' ' .. name end
  end
  if names then redis.call('HSET', head, 'instances', left) end
end
return 1
