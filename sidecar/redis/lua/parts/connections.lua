-- A connection's entries in the registry. Needs the argument `grace`, in ms.
local grace_ms = tonumber(grace)
local function count(target, inst, by)
  local key = key_of('where:', target)
  local n = redis.pcall('HINCRBY', key, inst, by)
  if failed(n) and not string.find(n.err, 'WRONGTYPE', 1, true) then error(n.err) end  -- the whole is asked again
  if type(n) == 'number' and n <= 0 then
    redis.call('HDEL', key, inst)
    -- This was the last connection of the name, and the client may come back.
    if grace_ms > 0 and string.find(target, '^[uaqr]') and redis.call('EXISTS', key) == 0 then
      redis.call('SET', key_of('left:', target), 1, 'PX', grace_ms)
    end
  end
end
-- Identifies the person behind a connection without a user by all of its aliases. Two persons may share one alias, but not all.
local function who_is(aliases)
  local all = split(aliases)
  table.sort(all)
  return #all > 0 and 'a' .. table.concat(all, '\0') or nil
end
-- Returns the names by which a connection can be addressed, each with its kind in front.
local function names_of(c)
  local out = {}
  if c.user ~= '' then out[1] = 'u' .. c.user end
  for _, a in ipairs(split(c.aliases)) do out[#out + 1] = 'a' .. a end
  if c.user == '' and string.find(c.aliases, '\n', 1, true) then out[#out + 1] = who_is(c.aliases) end
  if c.route and c.route ~= '' then
    for k = 1, #out do out[#out + 1] = 'r' .. c.route .. '\0' .. out[k] end
  end
  for _, g in ipairs(split(c.groups)) do out[#out + 1] = 'g' .. g end
  for _, name in ipairs(split(c.names)) do out[#out + 1] = name end
  return out
end
-- Removes a connection from the registry. Returns the number of its names.
local function unlist(id, inst, old)
  if old.user ~= '' then redis.pcall('HDEL', prefix .. 'presence:' .. old.user, id) end
  local all = names_of(old)
  if old.user == '' and old.aliases ~= '' then redis.pcall('SREM', prefix .. 'person:' .. who_is(old.aliases), id) end
  for _, name in ipairs(all) do count(name, inst, -1) end
  return #all
end
local function read(id)
  local v = redis.pcall('HMGET', prefix .. 'conn:' .. id, 'instance', 'user', 'aliases', 'groups', 'phase', 'path', 'state', 'names', 'since', 'stomp', 'route', 'guest')
  if failed(v) or not v[1] then return nil end
  return {instance = v[1], user = v[2] or '', aliases = v[3] or '', groups = v[4] or '', phase = v[5], path = v[6] or '', state = v[7] or '',
    names = v[8] or '', since = v[9] or '', stomp = v[10] or '', route = v[11] or '', guest = v[12]}
end
local function connections_of(user)
  local n = redis.pcall('HLEN', prefix .. 'presence:' .. user)
  return type(n) == 'number' and n or 0
end
