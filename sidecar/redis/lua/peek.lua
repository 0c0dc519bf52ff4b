-- parts: names bodies heads streams
-- arguments: prefix token feed list outbox pop most bytes whole skip_source skip budget inst group from queue_most
-- Returns the next entries of the first non-empty source: returned pushes, parts of a divided entry, parked entries, the list itself (with
-- a `group`, the stream; parts/streams.lua). With `skip_source`, reads only that source, from its entry number `skip` on. `queue_most` is
-- the number of items that may wait for another shard; '' if there is one shard.
-- Returns {word, source, entries, bodies}; `bodies` has id and envelope of each body that the entries refer to.
if redis.call('GET', prefix .. 'router' .. feed) ~= token then return {'lost'} end
if queue_most ~= '' then
  for _, shard in ipairs(redis.call('SMEMBERS', prefix .. 'shard:queues')) do
    if redis.call('LLEN', prefix .. 'shard:to:' .. shard) >= tonumber(queue_most) then return {'behind', shard} end
  end
  -- An empty entry only wakes the router, because items have arrived from another shard (receive.lua).
  local at = pop == 'right' and -1 or 0
  if feed == '' and redis.call('LINDEX', list, at) == '\0bell' then
    redis.call('LTRIM', list, pop == 'right' and 0 or 1, pop == 'right' and -2 or -1)
  end
end
-- `rejected` keeps an entry of up to `whole` bytes, and of a larger one the beginning.
local function as_kept(e) return #e <= tonumber(whole) and e or string.sub(e, 1, 1024) end
local function look(source, key, right, from)
  local entries, bodies, seen, size = {}, {}, {}, 0
  local chunk, first = {}, from
  for i = from, from + tonumber(most) - 1 do
    local e = chunk[i - first + 1]
    if not e then
      -- Reads the first entry alone, then several short ones at once.
      local n = i > from and size < 4096 * (i - from) and 16 or 1
      first = i
      chunk = redis.call('LRANGE', key, right and -i - n or i, right and -1 - i or i + n - 1)
      if right then for k = 1, math.floor(#chunk / 2) do chunk[k], chunk[#chunk + 1 - k] = chunk[#chunk + 1 - k], chunk[k] end end
      e = chunk[1]
    end
    if not e then break end
    -- Returned entries are written in another, longer form: escaped and with an id.
    if #e > tonumber(bytes) * (source == 'list' and 1 or 8) then
      if i == from then return {'big', source, redis.sha1hex(e), as_kept(e), #e} end
      break
    end
    local id = source ~= 'list' and string.match(e, '^[^{%[]-\r@([^\r]+)$')
    if id and seen[id] == nil then
      seen[id] = body_of(id) or false
      size = size + (seen[id] and #seen[id] or 0)
    end
    size = size + #e
    if i > from and size > tonumber(budget) then break end
    if id and seen[id] then
      bodies[#bodies + 1], bodies[#bodies + 2] = id, seen[id]
      seen[id] = true
    end
    entries[#entries + 1] = e
  end
  return {'ok', source, entries, bodies}
end
local waiting = redis.call('SCARD', prefix .. 'incomplete') == 0
local function source(name, key, right)
  if skip_source ~= '' and skip_source ~= name then return nil end
  local out = look(name, key, right, skip_source == name and tonumber(skip) or 0)
  return (out[1] ~= 'ok' or #out[3] > 0) and out or nil
end
local out = feed == '' and source('returned', prefix .. outbox .. ':returned', false) or source('parts', prefix .. 'parts' .. feed, false) or
  waiting and source('parked', prefix .. 'parked' .. feed, false) or
  feed == '' and queue_most ~= '' and source('arrived', prefix .. 'shard:arrived', false)
if not out and group == '' then out = source('list', list, pop == 'right') end
if not out and group ~= '' and (skip_source == '' or skip_source == 'list') then
  out = read_stream(list, group, from, feed, tonumber(most), tonumber(bytes), as_kept, tonumber(budget), skip_source == 'list' and tonumber(skip) or 0)
end
if not out then out = {'ok', 'list', {}, {}} end
if out[1] == 'ok' and #out[3] > 0 then
  -- If two routers have died while they processed this head, the third one rejects it; the second one gets it alone. A router that is
    -- alive and only lost its lease to a slow Redis does not count. A router that has just died may still hold its lease, so each time
    -- all routers that had this head are checked.
  local first = out[3][1]
  local sum, head = redis.sha1hex(group ~= '' and out[2] == 'list' and string.match(first, '^[^\n]+') or first), prefix .. 'routing' .. feed
  local seen = redis.call('HMGET', head, 'sha1', 'token', 'instances')
  local dead, names = 0, seen[1] == sum and seen[3] or ''
  if seen[1] ~= sum or seen[2] ~= token then
    local here = false
    for name in string.gmatch(names, '%S+') do
      here = here or name == inst
      if name ~= inst and redis.call('EXISTS', prefix .. 'lease:' .. name) == 0 then dead = dead + 1 end
    end
    if dead >= 2 then return {'poison', out[2], sum, as_kept(first), #first} end
    redis.call('HSET', head, 'sha1', sum, 'token', token, 'instances', here and names or names .. ' ' .. inst)
    if dead > 0 then for i = #out[3], 2, -1 do out[3][i] = nil end end
  end
end
return out
