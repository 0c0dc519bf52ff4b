-- A history holds the latest pushes to a name for clients that join later. It is a stream whose ids are places, with the fields e (envelope)
-- or b (id of its body), and z (size). Each push adds one entry and removes at most a few, so its cost does not depend on the history's size.
local histories_at_most = 100000
local evicted_histories = 0
local sizes, cuts = prefix .. 'history:sizes', prefix .. 'history:cut'
local function history_key(target) return target == '*' and prefix .. 'history:all' or key_of('history:', target) end
-- Removes an entry that was read from a history. Returns its size in bytes.
local function take_out_of_history(target, entry)
  local size = 0
  for i = 1, #entry[2], 2 do
    if entry[2][i] == 'b' then release(entry[2][i + 1]) elseif entry[2][i] == 'z' then size = entry[2][i + 1] end
  end
  redis.call('XDEL', history_key(target), entry[1])
  return tonumber(size)
end
local function drop_history(target)
  local key = history_key(target)
  local all = redis.pcall('XRANGE', key, '-', '+')  -- some thousand at most
  for _, entry in ipairs(failed(all) and {} or all) do
    for i = 1, #entry[2], 2 do if entry[2][i] == 'b' then release(entry[2][i + 1]) end end
  end
  if not failed(all) then redis.call('DEL', key) end
  redis.call('HINCRBY', sizes, '', 0 - (redis.call('HGET', sizes, target) or 0))
  redis.call('HDEL', sizes, target)
  redis.call('HDEL', cuts, target)
  redis.call('ZREM', prefix .. 'histories', target)
end
-- Adds a push to a history. Returns false if Redis is full or the key holds another type.
local function remember(target, id, e, most, most_bytes, age, now)
  local key, body = history_key(target), reference_in(e)
  local size = #e + 32
  if body then
    local stored = redis.pcall('HSTRLEN', body_key(body), 'e')
    size = size + (type(stored) == 'number' and stored or 0)
  end
  if failed(redis.pcall('XADD', key, id, body and 'b' or 'e', body or e, 'z', size)) then return false end
  if body then
    add_owners(body, 1)
    local left = redis.pcall('PTTL', body_key(body))
    if type(left) == 'number' and left >= 0 and left < age + 86400000 then redis.call('PEXPIRE', body_key(body), age + 86400000) end
  end
  local bytes, length = redis.call('HINCRBY', sizes, target, size), redis.call('XLEN', key)
  -- Removes several entries at once, so that this happens rarely, but fewer if they are large, because they have to be read.
  local spare, removed = math.min(math.floor(most / 8), 32), 0
  if length > most + spare or bytes > most_bytes then
    local some = math.max(1, math.min(bytes > most_bytes and length or length - most, math.floor((65536 + 2 * size) * length / bytes)))
    local last
    for _, entry in ipairs(redis.call('XRANGE', key, '-', '+', 'COUNT', math.max(some, 2))) do
      if length <= most and bytes - removed <= most_bytes then break end
      removed, length, last = removed + take_out_of_history(target, entry), length - 1, entry[1]
    end
    if last then redis.call('HSET', cuts, target, last) end
    if removed > 0 then redis.call('HINCRBY', sizes, target, -removed) end
  end
  if size ~= removed then redis.call('HINCRBY', sizes, '', size - removed) end
  if length > 1 then return true end
  if redis.call('ZADD', prefix .. 'histories', 'NX', now + age, target) == 1 and redis.call('ZCARD', prefix .. 'histories') > histories_at_most then
    local first = redis.call('ZRANGE', prefix .. 'histories', 0, 0)[1]
    drop_history(first)
    redis.call('HSET', cuts, '', id)
    evicted_histories = evicted_histories + 1
  end
  return true
end
