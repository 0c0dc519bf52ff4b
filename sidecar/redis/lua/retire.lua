-- parts: names places connections absent absences
-- arguments: prefix inst id grace
-- Out of presence and routing; what a survivor must know for the disconnect event stays. Returns {word, connections
-- that the user has left or -1, the place in the order of all pushes at which it went}.
local old = read(id)
begin_absences()
if not old or old.instance ~= inst then return {'gone', -1, absences.last} end
if old.phase == 'open' then
  unlist(id, inst, old)
  depart(id, old, inst)
  redis.call('HSET', prefix .. 'conn:' .. id, 'phase', 'ending')
end
return {'ok', old.user == '' and -1 or connections_of(old.user), absences.last}
