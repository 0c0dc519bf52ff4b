-- parts: names order
-- arguments: prefix feed rules
-- A router begins, which keeps histories by these rules. Where the one before had others, what is kept has holes. Returns those that it had, or ''.
local key = prefix .. 'history:rules'
local was = redis.call('HGET', key, 'of:' .. feed) or ''
if was == rules then return '' end
begin_order(clock())
redis.call('HSET', key, 'of:' .. feed, rules, 'since', next_order())
end_order()
return was
