-- Records that users, aliases and subscriptions leave audiences and come back (kept.lua). Needs the argument `grace`, in ms.
-- A value of away:<who> has the form "<deadline in ms> <field of absent:<audience>> <from>:<to>,<from>:".
local function deadline_parts(value)
  local deadline, field, ranges = string.match(value, '^(%d+) (%d+) (.*)$')
  return tonumber(deadline) or 0, field, ranges or ''
end
local ranges_at_most = 8
local absences  -- now, the last order, the last id of the broadcast stream, and the last deadline of all
local function begin_absences()
  if absences then return end
  local last = redis.pcall('HMGET', prefix .. 'order', 'ms', 'seq', 'away', 'wide')
  if failed(last) then last = {} end
  local ms = tonumber(last[1] or 0)
  -- Uses the time of the order if that is later: it never goes back as Redis's clock may, and routers compare deadlines with it.
  absences = {now = math.max(clock(), ms), last = string.format('%.0f-%.0f', ms, tonumber(last[2] or 0)), away = tonumber(last[3] or 0),
    broadcast = last[4] or ''}
end
-- Records that `who` has left these audiences. If other connections of theirs still belong to them, `who` includes the route ('r', route,
-- NUL and the name). `ranges` are kept pushes that they have claimed and not received, "<from>:<to>,...", or ''. Returns the amount of work.
local function go_away(who, audiences, ranges)
  if grace_ms <= 0 or #audiences == 0 then return 0 end
  begin_absences()
  local key, deadline = prefix .. 'away:' .. who, absences.now + grace_ms
  local step = math.max(math.floor(grace_ms / 16), 1)
  local field = string.format('%.0f', math.ceil(deadline / step) * step)
  local earlier = redis.pcall('HMGET', key, unpack(audiences))
  if failed(earlier) then return 1 end
  local words = {}
  for k, audience in ipairs(audiences) do
    local absent, his = key_of('absent:', audience), ranges
    if earlier[k] then
      local ends, old_field, old_ranges = deadline_parts(earlier[k])
      if ends > absences.now then
        -- They have not come back to this audience since the last time that they left it.
        redis.call('HINCRBY', absent, old_field, -1)
        redis.call('HINCRBY', absent, 'c', -1)
        his = ranges .. (ranges ~= '' and ',' or '') .. old_ranges
        earlier[k] = 'still'
      end
    end
    if earlier[k] ~= 'still' then his = his .. (his ~= '' and ',' or '') .. absences.last .. ':' end
    while select(2, string.gsub(his, ',', ',')) >= ranges_at_most do his = string.gsub(his, ':[^,]*,[^:]*', '', 1) end
    if redis.call('HINCRBY', absent, field, 1) == 1 then
      count_absent(absent, absences.now)
      redis.call('PEXPIRE', absent, grace_ms + 180000)  -- longer than the stream lasts
    else
      redis.call('HINCRBY', absent, 'c', 1)
    end
    words[#words + 1], words[#words + 2] = audience, string.format('%.0f', deadline) .. ' ' .. field .. ' ' .. his
  end
  redis.call('HSET', key, unpack(words))
  redis.call('PEXPIRE', key, grace_ms)
  if tonumber(field) > absences.away then
    absences.away = tonumber(field)
    redis.call('HSET', prefix .. 'order', 'away', field)
  end
  return 3 * #audiences + 3
end
-- Returns a connection's audiences, grouped by the name that represents it there: {who, {audience, ...}}, ... A STOMP client is represented
-- by its subscriptions, and gets from a group only pushes to a destination that it is subscribed to.
local function audiences_of(c)
  local out = {}
  if c.stomp == '' then
    local who = c.user ~= '' and 'u' .. c.user or who_is(c.aliases)
    if not who then return out end
    local audiences = {'*'}
    for _, g in ipairs(split(c.groups)) do audiences[#audiences + 1] = 'g' .. g end
    for k = 1, #audiences, 200 do out[#out + 1] = {who, {unpack(audiences, k, math.min(k + 199, #audiences))}} end
    return out
  end
  local owner
  if c.user ~= '' then
    owner = 'qu' .. c.user .. '\0'
  else
    local aliases = split(c.aliases)
    table.sort(aliases)
    if not aliases[1] then return out end
    owner = 'qa' .. aliases[1] .. '\0'
  end
  local own, room = nil, 256
  for _, name in ipairs(split(c.names)) do
    if string.sub(name, 1, #owner) == owner then
      local destination = string.sub(name, #owner + 1)
      if string.find(destination, '[*?{]') then
        out[#out + 1] = {name, {'p*'}}
      elseif string.sub(destination, 1, 6) ~= '/user/' then
        out[#out + 1] = {name, {'d' .. destination}}
      elseif room > 0 then
        own = own or split(c.groups)
        local audiences = {'*'}
        for k = 1, math.min(#own, room - 1) do audiences[#audiences + 1] = 'g' .. own[k] end
        room = room - #audiences
        out[#out + 1] = {name, audiences}
      end
    end
  end
  return out
end
-- Returns which audiences still have another connection of the same person: who -> audience -> 'same' if one of them is on the same route,
-- otherwise 'other'.
local function audiences_elsewhere(id, c)
  local ids
  if c.user ~= '' then
    ids = redis.pcall('HKEYS', prefix .. 'presence:' .. c.user)
  else
    local who = who_is(c.aliases)
    ids = who and redis.pcall('SMEMBERS', prefix .. 'person:' .. who) or {}
  end
  local there = {}
  if failed(ids) then return there end
  for k = 1, math.min(#ids, 65) do
    local other = ids[k] ~= id and read(ids[k])
    if other and other.phase == 'open' then
      for _, x in ipairs(audiences_of(other)) do
        local of = there[x[1]] or {}
        there[x[1]] = of
        local route = (c.route == '' or other.route == c.route) and 'same' or 'other'
        for _, audience in ipairs(x[2]) do
          if of[audience] ~= 'same' then of[audience] = route end
        end
      end
    end
  end
  return there
end
-- Records that a person has left an instance. They miss the pushes on their way there, which only that instance knows. If it dies before it
-- gives them back, a survivor reads this record (evacuate.lua). `audiences` is a result of audiences_of.
local leavers_at_most = 4096
local function remember_leaver(inst, audiences)
  begin_absences()
  local key = prefix .. 'leavers:' .. inst
  local function is_empty(stream)
    local n = redis.pcall('XLEN', prefix .. stream .. inst)
    return type(n) ~= 'number' or n == 0
  end
  local cursor = redis.pcall('HGET', prefix .. 'wide:cursors', inst)
  local has_all_of_broadcast = type(cursor) ~= 'string' or not is_before(cursor, absences.broadcast)
  if has_all_of_broadcast and is_empty('inbox:') and is_empty('overflow:') then
    redis.call('DEL', key)
    return
  end
  for _, x in ipairs(audiences) do redis.call('RPUSH', key, x[1] .. '\r' .. table.concat(x[2], '\r')) end
  redis.call('LTRIM', key, -leavers_at_most, -1)
  redis.call('PEXPIRE', key, grace_ms + 180000)
end
-- Handles the end of a connection of `inst`, which has been removed from the registry. Returns the amount of work.
local function depart(id, c, inst)
  if grace_ms <= 0 then return 0 end
  local audiences, done = audiences_of(c), 0
  if #audiences == 0 then return 0 end
  if inst then remember_leaver(inst, audiences) end
  local there = audiences_elsewhere(id, c)
  for _, x in ipairs(audiences) do
    local left, left_on_route = {}, {}
    for _, audience in ipairs(x[2]) do
      local of = there[x[1]] and there[x[1]][audience]
      if not of then left[#left + 1] = audience elseif of == 'other' then left_on_route[#left_on_route + 1] = audience end
    end
    done = done + go_away(x[1], left, '') + go_away('r' .. c.route .. '\0' .. x[1], left_on_route, '')
  end
  return done
end
-- Records that `who` is back in the audiences of `belongs`. Adds their claims to `claims`, each {audience, who, from, to}.
local function come_back(who, belongs, claims)
  begin_absences()
  if absences.away <= absences.now then return end
  local key = prefix .. 'away:' .. who
  local all = redis.pcall('HGETALL', key)
  if failed(all) then return end
  for k = 1, #all, 2 do
    local audience = all[k]
    local deadline, field, ranges = deadline_parts(all[k + 1])
    if belongs(audience) then
      redis.call('HDEL', key, audience)
      if field then
        local absent = key_of('absent:', audience)
        if redis.call('HEXISTS', absent, field) == 1 then
          redis.call('HINCRBY', absent, field, -1)
          redis.call('HINCRBY', absent, 'c', -1)
        end
      end
      if deadline > absences.now and redis.call('EXISTS', key_of('kept:', audience)) == 1 then
        for from, to in string.gmatch(ranges, '([^:,]+):([^,]*)') do
          to = to ~= '' and to or absences.last
          if is_before(from, to) then claims[#claims + 1] = {audience, select(2, route_of(who)), from, to} end
        end
        redis.call('HSET', prefix .. 'kept:claimed', audience, absences.last)
        redis.call('PEXPIRE', prefix .. 'kept:claimed', grace_ms + 180000)
      end
    end
  end
end
-- Returns the place of the first push that is kept for any of the claims, or nil.
local function next_claimed(claims)
  local first
  for _, x in ipairs(claims) do
    if x[5] == nil or x[5] and not is_before(x[3], x[5]) then
      local e = redis.pcall('XRANGE', key_of('kept:', x[1]), '(' .. x[3], x[4], 'COUNT', 1)
      x[5] = not failed(e) and e[1] and e[1][1] or false
    end
    if x[5] and (not first or is_before(x[5], first)) then first = x[5] end
  end
  return first
end
-- Writes the parts of the claims between two places, or up to one, in the form of an inbox entry: one per line.
local function claims_up_to(claims, to)
  local lines = {}
  for _, x in ipairs(claims) do
    if not to or is_before(x[3], to) then
      local ends = to and is_before(to, x[4]) and to or x[4]
      if is_before(x[3], ends) then lines[#lines + 1] = x[1] .. '\r' .. x[2] .. '\r' .. x[3] .. '\r' .. ends end
      x[3] = ends
    end
  end
  return table.concat(lines, '\n')
end
