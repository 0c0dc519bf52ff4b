-- parts: names places members bodies shards receipts order mailbox connections absent absences
-- arguments: prefix inst id user aliases groups path state since mode limit on_excess grace names takes_plain route link guest
-- Registers the complete state of a connection; only changes are written. With mode 'announce', records only that the connection may be
-- opened. Returns {word, number of the user's connections or -1, ids to close, pushes under way from mailboxes, 1 if there are more and the
-- caller must call again}.
if redis.call('EXISTS', prefix .. 'dead:' .. inst) == 1 then return {'dead', -1} end
local key = prefix .. 'conn:' .. id
-- A command sent over a broken connection may arrive after commands sent over the next one (whose number is `link`). Such a late command
-- changes nothing.
if tonumber(redis.call('HGET', prefix .. 'links', inst) or 0) > tonumber(link) then return {'ok', -1, {}, 0, 0} end
local phase = redis.pcall('HGET', key, 'phase')
if phase == 'ending' or phase == 'open' and mode == 'announce' then return {'ok', -1, {}, 0, 0} end
admit(inst)  -- into data that lost it, this may come before its beat
redis.call('SADD', prefix .. 'conns:' .. inst, id)
if mode == 'announce' then
  redis.call('HSET', key, 'instance', inst, 'user', user, 'path', path, 'state', state, 'since', since, 'phase', 'pending')
  return {'ok', -1}
end
local old = read(id)
if old and old.instance ~= inst then
  -- The instance is dead, so a survivor sends this connection's disconnect event, and the connection is being closed.
  if redis.call('EXISTS', prefix .. 'dead:' .. old.instance) == 1 then return {'ok', -1, {}, 0, 0} end
  if old.phase == 'open' then unlist(id, old.instance, old) end
end
if not old or old.phase ~= 'open' or old.instance ~= inst then old = {user = '', aliases = '', groups = '', names = ''} end
local evicted = {}
if user ~= '' and tonumber(limit) > 0 and user ~= old.user then
  local over = connections_of(user) + 1 - tonumber(limit)
  if over > 0 and on_excess ~= 'close_oldest' then return {'refused', over + tonumber(limit) - 1} end
  if over > 0 then
    local all = redis.call('HGETALL', prefix .. 'presence:' .. user)
    local by_age = {}
    for i = 1, #all, 2 do
      if all[i] ~= id then by_age[#by_age + 1] = {cjson.decode(all[i + 1]).since, all[i]} end
    end
    table.sort(by_age, function(a, b) return a[1] < b[1] end)
    for i = 1, over do if by_age[i] then evicted[#evicted + 1] = by_age[i][2] end end
  end
end
local had, has = {}, {}
local now = {user = user, aliases = aliases, groups = groups, names = names, route = route}
for _, name in ipairs(names_of(old)) do had[name] = true end
for _, name in ipairs(names_of(now)) do has[name] = true end
if old.user ~= '' and old.user ~= user then redis.pcall('HDEL', prefix .. 'presence:' .. old.user, id) end
local person = user == '' and who_is(aliases) or nil
local earlier_person = old.user == '' and who_is(old.aliases) or nil
if earlier_person and earlier_person ~= person then redis.pcall('SREM', prefix .. 'person:' .. earlier_person, id) end
if person and person ~= earlier_person then redis.pcall('SADD', prefix .. 'person:' .. person, id) end
if user ~= '' then redis.pcall('HSET', prefix .. 'presence:' .. user, id, cjson.encode({instance = inst, path = path, since = since})) end
for name in pairs(has) do
  if not had[name] then
    count(name, inst, 1)
    if string.find(name, '^[uaqr]') then redis.call('DEL', key_of('left:', name)) end
  end
end
for name in pairs(had) do if not has[name] then count(name, inst, -1) end end
redis.call('HSET', key, 'instance', inst, 'user', user, 'aliases', aliases, 'groups', groups, 'path', path, 'state', state, 'since', since,
  'phase', 'open')
if route ~= '' then redis.call('HSET', key, 'route', route) end
if guest ~= '' then redis.call('HSET', key, 'guest', 1) end  -- the disconnect event is sent from another shard
if takes_plain ~= '1' then redis.call('HSET', key, 'stomp', 1) end
if names ~= '' then redis.call('HSET', key, 'names', names) elseif old.names ~= '' then redis.call('HDEL', key, 'names') end
-- Merges the mailboxes of the connection's names in the order of the pushes and moves them to this connection alone. A client that
-- subscribes (STOMP) can take only pushes for a subscription; the others stay for another connection.
local kept, handovers, claims, more = {}, {}, {}, 0
local inbox = prefix .. 'inbox:' .. inst
local readable = not failed(redis.pcall('XLEN', inbox))
for name in pairs(readable and has or {}) do
  local kind = string.sub(name, 1, 1)
  if kind == 'q' or takes_plain == '1' and (kind == 'u' or kind == 'a' or kind == 'r') then
    if #kept < 500 then
      local all = redis.pcall('ZRANGE', key_of('mailbox:', name), 0, -1)
      if not failed(all) and #all > 0 then
        for _, member in ipairs(all) do
          local order, n, _, why, e = parts_of(member)
          -- Only for a member of one of the push's groups.
          local of_route, whole = route_of(name)
          local of = string.sub(why, -1) == 'M' and of_route .. 'm' .. string.sub(whole, 2) or name
          kept[#kept + 1] = {string.match(member, '^[^\r]*'), order, n, e, of}
        end
        drop_box(name)
      end
    else
      more = 1
    end
  end
  -- Handovers of dead instances to audiences that this user belonged to there (evacuate.lua).
  if kind == 'q' or takes_plain == '1' and (kind == 'u' or kind == 'a') then
    local of = redis.pcall('HGETALL', prefix .. 'heirs:' .. name)
    if not failed(of) then
      for i = 1, #of, 2 do
        if redis.call('HEXISTS', prefix .. 'instances', of[i]) == 1 then
          -- Its handover is not complete yet.
          redis.call('RPUSH', prefix .. 'claims:' .. of[i], name)
        else
          local later = {}
          for _, target in ipairs(split(of[i + 1])) do
            local handover = of[i] .. ':' .. target
            if string.sub(target, 1, 1) == 'g' and not has[target] then
              later[#later + 1] = target
            else
              local n = redis.pcall('XLEN', prefix .. 'estate:' .. handover)
              if type(n) == 'number' and n > 0 then handovers[#handovers + 1] = {handover, name, n} end
            end
          end
          if #later > 0 then
            redis.call('HSET', prefix .. 'heirs:' .. name, of[i], table.concat(later, '\n'))
          else
            redis.call('HDEL', prefix .. 'heirs:' .. name, of[i])
          end
        end
      end
    end
    -- Pushes to audiences while the user was away (kept.lua).
    local function belongs(audience) return string.sub(audience, 1, 1) ~= 'g' or has[audience] end
    come_back(name, belongs, claims)
    if route ~= '' then come_back('r' .. route .. '\0' .. name, belongs, claims) end
  end
end
local came = #kept
if #kept + #handovers + #claims > 0 then begin_order(clock()) end
for _, x in ipairs(handovers) do
  came = came + x[3]
  append(inbox, 'h', x[1], 's', x[2], 'c', id, 'w', last_broadcast)
end
-- Writes one entry for all kept pushes that lie between two pushes of the mailbox.
local function claim(to)
  local lines = claims_up_to(claims, to)
  if lines ~= '' and append(inbox, 'k', lines, 'c', id, 'w', last_broadcast) then came = came + 1 end
end
if #kept > 0 then
  table.sort(kept, function(a, b) return a[1] < b[1] end)
  -- One entry for each run of kept pushes between two pushes of the mailbox, while that is not too much work.
  local claimed, between = next_claimed(claims), math.min(256, math.max(8, math.floor(2000 / math.max(#claims, 1))))
  for _, k in ipairs(kept) do
    if claimed and between > 0 and is_before(claimed, k[2]) then
      between = between - 1
      claim(k[2])
      claimed = next_claimed(claims)
    end
    local body = reference_in(k[4])
    append(inbox, body and 'b' or 'e', body or k[4], 'n', k[3], 'w', last_broadcast, 's', k[5], 'c', id, 'o', k[2])
  end
end
claim(nil)
if #kept + #handovers + #claims > 0 then end_order() end
return {'ok', user == '' and -1 or connections_of(user), evicted, came, more}
