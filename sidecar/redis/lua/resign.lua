-- arguments: prefix token feed inst
-- Gives the feed up. Whoever leaves has not died of the head that it had in hand.
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
