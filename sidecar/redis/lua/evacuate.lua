-- parts: names shards places order bodies receipts tallies connections absent absences settling
-- arguments: prefix inst outbox most grace now
-- Takes one step in taking over from an instance that is dead or leaving: first its connections, then its pushes, in order. `most` is the
-- number of names and entries that one step may touch. Every step may be repeated. Returns how much it did; 0 means that nothing is left.
local returned = prefix .. outbox .. ':returned'
local budget = tonumber(most)
local function remember(set, name)
  local key = prefix .. 'gone:' .. inst .. ':' .. set
  redis.call('SADD', key, name)
  redis.call('EXPIRE', key, 3600)
  budget = budget - 1
end
-- First its connections. Their names are remembered until its pushes have been handled. Its unconfirmed pushes to an audience are kept once,
-- as this instance's handover, for the audience's members.
local function hand_over(name, targets)
  local key = prefix .. 'heirs:' .. name
  local earlier = redis.call('HGET', key, inst)
  local had = {}
  for _, t in ipairs(split(earlier or '')) do had[t] = true end
  for k = #targets, 1, -1 do if had[targets[k]] then table.remove(targets, k) end end
  if earlier and #targets == 0 then return end
  redis.call('HSET', key, inst, (earlier and earlier .. '\n' or '') .. table.concat(targets, '\n'))
  redis.call('PEXPIRE', key, grace_ms + 10000)
  -- Members who are connected elsewhere get the handover at the end of the evacuation, others when they connect (enroll.lua).
  if redis.call('EXISTS', key_of('where:', name)) == 1 then redis.call('RPUSH', prefix .. 'claims:' .. inst, name) end
  budget = budget - 5
end
local function belonged(who, audiences)
  for _, audience in ipairs(audiences) do remember(audience, who) end
  hand_over(who, audiences)
end
local done = 0
local ids = redis.pcall('SRANDMEMBER', prefix .. 'conns:' .. inst, 200)
for _, id in ipairs(failed(ids) and {} or ids) do
  if budget <= 0 then break end
  local old = read(id)
  if old and old.instance == inst then
    if old.phase == 'open' then
      budget = budget - 2 * unlist(id, inst, old)
      budget = budget - depart(id, old)
      local name = old.user ~= '' and 'u' .. old.user or who_is(old.aliases)
      if old.user ~= '' then remember('c' .. id, 'u' .. old.user) end
      if name then
        remember('here', name)
        for _, a in ipairs(split(old.aliases)) do remember('here', 'a' .. a) end
        for _, m in ipairs(split(old.names)) do
          if string.sub(m, 1, 2) == (old.user ~= '' and 'qu' or 'qa') then remember('q', m) end
        end
        for _, x in ipairs(audiences_of(old)) do belonged(x[1], x[2]) end
      end
    end
    if not old.guest then
      local event = {connection = id, instance = inst, user = old.user, path = old.path, state = old.state, at = math.floor(clock())}
      if old.user ~= '' then event.left = connections_of(old.user) end
      redis.call('RPUSH', prefix .. 'lost', cjson.encode(event))
    end
    redis.call('DEL', prefix .. 'conn:' .. id)
  end
  redis.call('SREM', prefix .. 'conns:' .. inst, id)
  budget = budget - 5
  done = done + 1
end
if done > 0 then return done end
-- Members who left the instance while these pushes were on their way.
local departures = prefix .. 'leavers:' .. inst
for _, line in ipairs(redis.call('LRANGE', departures, 0, 99)) do
  if budget <= 0 then break end
  local who, audiences = nil, {}
  for word in string.gmatch(line, '[^\r]+') do
    if who then audiences[#audiences + 1] = word else who = word end
  end
  belonged(who, audiences)
  redis.call('LPOP', departures)
  budget = budget - 3
  done = done + 1
end
if done > 0 then return done end
local function gone_set(target) return prefix .. 'gone:' .. inst .. ':' .. target end
-- Kept pushes that a member has claimed and not received completely are the member's again (kept.lua): now if they are connected elsewhere.
local function give_back_claims(lines)
  for line in string.gmatch(lines, '[^\n]+') do
    local audience, who, from, to = string.match(line, '^([^\r]*)\r([^\r]*)\r([^\r]*)\r([^\r]*)$')
    if who and redis.call('EXISTS', key_of('where:', who)) == 1 then
      redis.call('RPUSH', prefix .. 'claims:' .. inst, '\r' .. line)
    elseif who then
      budget = budget - go_away(who, {audience}, from .. ':' .. to)
    end
    budget = budget - 2
  end
end
-- A member who has not received all of an earlier instance's handover gets it where they are connected now, or when they return (enroll.lua).
local function give_back_handover(handover, name)
  local where, elsewhere = redis.pcall('HKEYS', key_of('where:', name)), false
  for _, i in ipairs(failed(where) and {} or where) do
    if i ~= inst and redis.call('HEXISTS', prefix .. 'instances', i) == 1 then
      begin_order(clock())
      elsewhere = append(prefix .. 'inbox:' .. i, 'h', handover, 's', name, 'w', last_broadcast) and true or elsewhere
      end_order()
    end
    budget = budget - 5
  end
  if elsewhere then return end
  local first, target = string.match(handover, '^([^:]*):(.*)$')
  local key = prefix .. 'heirs:' .. name
  local earlier = first and redis.call('HGET', key, first)
  if first then
    redis.call('HSET', key, first, (earlier and earlier .. '\n' or '') .. target)
    redis.call('PEXPIRE', key, grace_ms + 10000)
  end
  budget = budget - 4
end
-- Gives a push back for routing. Returns false if Redis refuses.
local function give_back(entry, is_broadcast)
  local f = fields_of(entry)
  if f.k then give_back_claims(f.k) end
  if f.h then give_back_handover(f.h, f.s) end
  if not f.e and not f.b then return true end
  local tally = f.y or ''
  local marker = is_broadcast and tally ~= '' and entry[1] .. inst
  if marker and redis.call('HEXISTS', tally_key(tally), marker) == 0 then return true end
  local s = {same = '', failed = '', reached = 0, dropped = 0, stored = 0, outcome = 'dropped', reason = 'connection_gone', connection = '', lines = '',
    callback = callback_in(f.e or text_of('@' .. f.b))}
  local names, seen = {}, {}
  local function add(name)
    if name and not seen[name] then seen[name] = true; names[#names + 1] = name end
    budget = budget - 1
  end
  local function was_here(name)
    local kind = string.sub(name, 1, 1)
    if kind == 'm' then name = 'a' .. string.sub(name, 2) end
    return redis.call('SISMEMBER', gone_set(kind == 'q' and 'q' or 'here'), name) == 1
  end
  if (f.s or '') ~= '' then
    if string.sub(f.s, 1, 1) == 'c' then add(redis.call('SMEMBERS', gone_set(f.s))[1]) elseif not is_broadcast or was_here(f.s) then add(f.s) end
  else
    for _, target in ipairs(split(f.t)) do
      local kind = string.sub(target, 1, 1)
      if kind == 'c' then
        add(redis.call('SMEMBERS', gone_set(target))[1])
      elseif kind == '*' or kind == 'g' or kind == 'd' then
        local sets = {target}
        if kind == 'd' then sets[2] = 'p*' end
        for _, set in ipairs(sets) do
          local receivers = redis.call('SCARD', gone_set(set))
          if receivers > 0 then
            local body = body_for(entry[1], f)
            local handover = prefix .. 'estate:' .. inst .. ':' .. set
            if not failed(redis.pcall('XADD', handover, '*', 'b', body, 'o', f.o, 'n', (f.n or 0) + 1)) then
              redis.call('PEXPIRE', handover, grace_ms + 60000)  -- the sweep ends it sooner
              add_owners(body, 1)
              s.stored = s.stored + receivers
              redis.call('ZADD', prefix .. 'estates', clock() + grace_ms + 10000, inst .. ':' .. set)
              redis.call('PEXPIRE', prefix .. 'estates', grace_ms + 120000)
            end
          end
          budget = budget - 3
        end
      elseif not is_broadcast or was_here(target) then
        add(target)
      end
    end
  end
  s.failed = table.concat(names, '\n')
  if is_broadcast then
    if s.failed ~= '' then
      f.b = body_for(entry[1], f)
      add_owners(f.b, 1)
    else
      f.b = nil
    end
  end
  if not settle(entry[1], inst, returned, now, f, s) then return false end
  if marker and redis.call('EXISTS', tally_key(tally)) == 1 then redis.call('HDEL', tally_key(tally), marker) end
  return true
end
for _, stream in ipairs({'inbox:', 'overflow:'}) do
  for _, entry in ipairs(redis.call('XRANGE', prefix .. stream .. inst, '-', '+', 'COUNT', 100)) do
    if budget <= 0 then return done end
    if not give_back(entry, false) then return redis.error_reply('ERR Redis refuses what has to be routed again') end
    redis.call('XDEL', prefix .. stream .. inst, entry[1])
    budget = budget - 5
    done = done + 1
  end
  if done > 0 then return done end
end
local cursor = redis.call('HGET', prefix .. 'wide:cursors', inst)
if cursor then
  for _, entry in ipairs(redis.call('XRANGE', prefix .. 'wide', '(' .. cursor, '+', 'COUNT', 50)) do
    if budget <= 0 then return done end
    if not give_back(entry, true) then return redis.error_reply('ERR Redis refuses what has to be routed again') end
    redis.call('HSET', prefix .. 'wide:cursors', inst, entry[1])
    budget = budget - 5
    done = done + 1
  end
  if done > 0 then return done end
end
for _, queue in ipairs({'lost', 'callbacks'}) do
  local key = prefix .. queue .. ':' .. inst
  for _, entry in ipairs(redis.call('LRANGE', key, 0, 199)) do
    redis.call('RPUSH', prefix .. queue, entry)
    redis.call('LPOP', key)
    done = done + 1
  end
  if done > 0 then return done end
end
-- Members who are connected elsewhere get one entry for each handover with pushes for them; their instance reads the handover.
local claims = prefix .. 'claims:' .. inst
begin_order(clock())
for _, name in ipairs(redis.call('LRANGE', claims, 0, 99)) do
  if budget <= 0 then break end
  local line = string.match(name, '^\r(.*)$')
  if line then name = string.match(line, '\r([^\r]*)\r') end
  local where = redis.pcall('HKEYS', key_of('where:', name))
  local targets = not line and redis.call('HGET', prefix .. 'heirs:' .. name, inst)
  for _, i in ipairs(line and not failed(where) and where or {}) do
    local about = i ~= inst and redis.call('HGET', prefix .. 'instances', i)
    local ok, said = pcall(cjson.decode, about or '')
    if ok and type(said) == 'table' and (tonumber(said.format) or 0) >= 2 then
      append(prefix .. 'inbox:' .. i, 'k', line, 'w', last_broadcast)
    elseif about then
      -- That instance's version would not understand the entry, so it waits for the next connection.
      local audience, who, from, to = string.match(line, '^([^\r]*)\r([^\r]*)\r([^\r]*)\r([^\r]*)$')
      go_away(who, {audience}, from .. ':' .. to)
    end
    budget = budget - 6
  end
  if not failed(where) and #where > 0 and targets then
    for _, target in ipairs(split(targets)) do
      local handover = inst .. ':' .. target
      if redis.call('EXISTS', prefix .. 'estate:' .. handover) == 1 then
        for _, i in ipairs(where) do
          if i ~= inst and redis.call('HEXISTS', prefix .. 'instances', i) == 1 then
            append(prefix .. 'inbox:' .. i, 'h', handover, 's', name, 'w', last_broadcast)
          end
          budget = budget - 3
        end
      end
      budget = budget - 2
    end
    redis.call('HDEL', prefix .. 'heirs:' .. name, inst)
  end
  redis.call('LPOP', claims)
  budget = budget - 4
  done = done + 1
end
end_order()
if done > 0 then return done end
redis.call('DEL', prefix .. 'inbox:' .. inst, prefix .. 'overflow:' .. inst, departures, prefix .. 'conns:' .. inst, prefix .. 'lease:' .. inst)
if redis.call('HDEL', prefix .. 'instances', inst) == 1 then redis.call('HINCRBY', prefix .. 'epoch', 'roster', 1) end
redis.call('HDEL', prefix .. 'wide:cursors', inst)
redis.call('HDEL', prefix .. 'beats', inst)
redis.call('HDEL', prefix .. 'links', inst)
redis.call('SREM', prefix .. 'incomplete', inst)
return 0
