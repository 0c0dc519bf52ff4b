-- parts: names bodies history
-- arguments: prefix
-- Removes pushes that are too old from histories, a bounded number per call. The rest: name and age (ms) of each history that is due.
-- Called without them, removes nothing. Returns {names that are due, number of names, bytes of all histories}.
local now = clock()
for k = rest, #ARGV, 2 do
  local target, age = ARGV[k], tonumber(ARGV[k + 1])
  local due = redis.call('ZSCORE', prefix .. 'histories', target)
  if due and tonumber(due) <= now then
    local all = redis.pcall('XRANGE', history_key(target), '-', '+', 'COUNT', 100)
    local next_due, left, removed = nil, not failed(all) and #all == 100, 0
    for _, entry in ipairs(failed(all) and {} or all) do
      local ms = tonumber(string.match(entry[1], '^%d+'))
      if age > 0 and ms + age > now then
        next_due = ms + age
        break
      end
      removed = removed + take_out_of_history(target, entry)
    end
    if removed > 0 then
      redis.call('HINCRBY', sizes, target, -removed)
      redis.call('HINCRBY', sizes, '', -removed)
    end
    if next_due then
      redis.call('ZADD', prefix .. 'histories', next_due, target)
    elseif not left then
      drop_history(target)
    end
  end
end
return {redis.call('ZRANGEBYSCORE', prefix .. 'histories', '-inf', now, 'LIMIT', 0, 20), redis.call('ZCARD', prefix .. 'histories'),
  tonumber(redis.call('HGET', sizes, '') or 0)}
