-- parts: names places connections absent absences
-- arguments: prefix inst id grace
local old = read(id)
if not old or old.instance == inst then
  if old and old.phase == 'open' then
    unlist(id, inst, old)
    depart(id, old, inst)
  end
  redis.call('DEL', prefix .. 'conn:' .. id)
end
redis.call('SREM', prefix .. 'conns:' .. inst, id)
return 1
