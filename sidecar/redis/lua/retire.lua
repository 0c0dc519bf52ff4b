-- parts: names places members connections absent absences
-- arguments: prefix inst id grace user aliases groups names subscribes route path state since guest owes_event link
-- Removes an ended connection from presence and routing. What a survivor needs for the disconnect event stays, and is written again if Redis
-- has lost it and the event has not been sent (`owes_event`). `user` and the arguments up to `since` are the connection's last registration,
-- because Redis may have lost it or have an older one; all are empty if it was never open.
-- Returns {word, number of connections that the user has left or -1, the place in the order of pushes at which it was removed}.
local old = read(id)
begin_absences()
if old and old.instance ~= inst then return {'gone', -1, absences.last} end
local last = {user = user, aliases = aliases, groups = groups, names = names, stomp = subscribes, route = route}
if user == '' and aliases == '' then last = old end
if old and old.phase == 'open' then
  unlist(id, inst, old)
  redis.call('HSET', prefix .. 'conn:' .. id, 'phase', 'ending')
end
if last and not (old and old.phase == 'ending') then
  -- Names that are not in these data have lost no connection here.
  local is_known = old and old.phase == 'open' and old.user == last.user and old.aliases == last.aliases and old.names == last.names
    and old.route == last.route
  for _, name in ipairs(not is_known and grace_ms > 0 and names_of(last) or {}) do
    if string.find(name, '^[uaqr]') and redis.call('EXISTS', key_of('where:', name)) == 0 then
      redis.call('SET', key_of('left:', name), 1, 'PX', grace_ms)
    end
  end
  depart(id, last, inst)
end
if not old and owes_event == '1' and path ~= '' and redis.call('EXISTS', prefix .. 'dead:' .. inst) == 0
  and tonumber(redis.call('HGET', prefix .. 'links', inst) or 0) <= tonumber(link) then
  admit(inst)
  redis.call('SADD', prefix .. 'conns:' .. inst, id)
  redis.call('HSET', prefix .. 'conn:' .. id, 'instance', inst, 'user', user, 'path', path, 'state', state, 'since', since, 'phase', 'ending')
  if guest ~= '' then redis.call('HSET', prefix .. 'conn:' .. id, 'guest', 1) end
end
if not old then return {'gone', -1, absences.last} end
return {'ok', old.user == '' and -1 or connections_of(old.user), absences.last}
