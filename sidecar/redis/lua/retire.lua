-- parts: names connections
-- arguments: prefix inst id grace
-- Out of presence and routing; what a survivor must know for the disconnect event stays. Returns {word, connections that the user has left or -1}.
local old = read(id)
if not old or old.instance ~= inst then return {'gone', -1} end
if old.phase == 'open' then
  unlist(id, inst, old)
  redis.call('HSET', prefix .. 'conn:' .. id, 'phase', 'ending')
end
return {'ok', old.user == '' and -1 or connections_of(old.user)}
