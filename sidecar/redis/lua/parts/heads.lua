-- The head of what a router reads: an end of a list or, if `group` is not empty, the pending entries of an app's stream in that consumer
-- group, in order of ids. Entries of a list are identified by their bytes, those of a stream by their ids.
local function head_of(key, right, group, n)
  local out = {}
  if group ~= '' then
    local pending = redis.pcall('XPENDING', key, group, '-', '+', n)
    for k, p in ipairs(failed(pending) and {} or pending) do out[k] = p[1] end
    return out
  end
  local range = redis.call('LRANGE', key, right and -n or 0, right and -1 or n - 1)
  for k, e in ipairs(range) do out[right and #range + 1 - k or k] = e end
  return out
end
local function sum_of(head)
  local words = {}
  for k, e in ipairs(head) do words[k] = #e .. ':' .. e end
  return redis.sha1hex(table.concat(words))
end
local function state_of(feed) return prefix .. 'stream' .. feed end
-- `ids`: of a stream's entries.
local function take_head(key, right, group, n, ids, feed)
  if group ~= '' then
    redis.call('XACK', key, group, unpack(ids))
    redis.call('HSET', state_of(feed), 'routed', ids[#ids])
  elseif right then
    redis.call('LTRIM', key, 0, -1 - n)
  else
    redis.call('LTRIM', key, n, -1)
  end
end
