-- parts: names bodies
-- arguments: prefix token feed key right sum record most
if redis.call('GET', prefix .. 'router' .. feed) ~= token then return 0 end
local e = redis.call('LINDEX', key, right == '1' and -1 or 0)
if not e or redis.sha1hex(e) ~= sum then return 0 end
redis.pcall('RPUSH', prefix .. 'rejected', record)
redis.pcall('LTRIM', prefix .. 'rejected', -tonumber(most), -1)
if right == '1' then redis.call('LTRIM', key, 0, -2) else redis.call('LTRIM', key, 1, -1) end
local id = string.match(e, '^[^{%[]-\r@([^\r]+)$')
if id then release(id) end
redis.call('DEL', prefix .. 'routing' .. feed)
return 1
