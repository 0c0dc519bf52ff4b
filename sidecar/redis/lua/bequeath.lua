-- parts: names places connections absent absences
-- arguments: prefix inst id grace entry
-- Hands a connection's disconnect event to other instances, because this instance's app does not accept it. `entry` is an element of
-- `lost`.
local old = read(id)
if old and old.instance ~= inst then return 0 end
if redis.call('EXISTS', prefix .. 'dead:' .. inst) == 1 then return 0 end  -- whoever took over has done so
if redis.call('EXISTS', prefix .. 'told:end:' .. id) == 1 then return 0 end
redis.call('RPUSH', prefix .. 'lost', entry)
redis.call('SET', prefix .. 'told:end:' .. id, 1, 'EX', 600)
if not old then return 1 end
if old.phase == 'open' then
  unlist(id, inst, old)
  depart(id, old, inst)
end
redis.call('DEL', prefix .. 'conn:' .. id)
redis.call('SREM', prefix .. 'conns:' .. inst, id)
return 1
