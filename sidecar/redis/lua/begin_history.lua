-- parts: names order
-- arguments: prefix feed rules
-- Records the history rules of a router that begins. If the previous router had other rules, histories have gaps from that time on.
-- Returns the previous rules if they differ, otherwise ''.
local key = prefix .. 'history:rules'
local was = redis.call('HGET', key, 'of:' .. feed) or ''
if was == rules then return '' end
begin_order(clock())
redis.call('HSET', key, 'of:' .. feed, rules, 'since', next_order())
end_order()
return was
