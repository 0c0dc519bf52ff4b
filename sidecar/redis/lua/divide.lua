-- parts: names shards order bodies receipts tallies heads
-- arguments: prefix token feed key right group sum attempts first_order tally body body_id
-- Replaces the head, which is too much work for one commit, by parts. The rest: for each part its names (one per line, or '') and its
-- envelope, or '' for the shared one: `body`, which is stored here, or the body `body_id`. If `tally` is 'new', creates a tally of the parts.
if redis.call('GET', prefix .. 'router' .. feed) ~= token then return {'lost'} end
local head = head_of(key, right == '1', group, 1)
local e = head[1]
if not e or sum_of(head) ~= sum then return {'moved'} end
begin_order(clock())
local order = next_order()
local parts = (#ARGV - rest + 1) / 2
if body ~= '' then
  body_id = order
  redis.call('HSET', body_key(order), 'e', body, 'n', parts)
  redis.call('EXPIRE', body_key(order), 172800)
elseif body_id ~= '' then
  add_owners(body_id, parts)
end
if tally == 'new' then
  tally = order
  redis.call('HSET', tally_key(tally), 'left', parts)
  redis.call('EXPIRE', tally_key(tally), 172800)
elseif tally ~= '' then
  add_parts(tally, parts - 1)
end
if first_order == '' and string.sub(attempts, 1, 1) ~= 'a' then first_order = order end
for k = rest, #ARGV, 2 do
  local envelope = ARGV[k + 1] ~= '' and ARGV[k + 1] or '@' .. body_id
  redis.call('RPUSH', prefix .. 'parts' .. feed, attempts .. '\r' .. first_order .. '\r' .. tally .. '\r' .. ARGV[k] .. '\r' .. envelope)
end
end_order()
take_head(key, right == '1', group, 1, head, feed)
redis.pcall('DEL', prefix .. 'routing' .. feed)
local id = string.match(e, '^[^{%[]-\r@([^\r]+)$')
if id then release(id) end
return {'ok'}
