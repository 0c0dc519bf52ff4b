-- parts: names shards bodies heads rejected
-- arguments: prefix token feed key right group sum record most bytes
if redis.call('GET', prefix .. 'router' .. feed) ~= token then return 0 end
local head = head_of(key, right == '1', group, 1)
local e = head[1]
if not e or redis.sha1hex(e) ~= sum then return 0 end
local shard = this_shard()
if shard and shard ~= '0' then
  send_to('0', 'r' .. record)
else
  add_rejected(record)
  trim_rejected(most, bytes)
end
take_head(key, right == '1', group, 1, head, feed)
local id = string.match(e, '^[^{%[]-\r@([^\r]+)$')
if id then release(id) end
redis.call('DEL', prefix .. 'routing' .. feed)
return 1
