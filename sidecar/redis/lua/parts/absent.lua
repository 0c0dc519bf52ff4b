-- Counts again how many are away from an audience (kept.lua), and removes those whose deadline has passed. Returns the number that is left.
local function count_absent(key, now)
  local all, stale, n, first = redis.call('HGETALL', key), {}, 0, nil
  for i = 1, #all, 2 do
    local deadline = tonumber(all[i])
    if deadline and (deadline <= now or tonumber(all[i + 1]) <= 0) then
      stale[#stale + 1] = all[i]
    elseif deadline then
      n = n + all[i + 1]
      if not first or deadline < tonumber(first) then first = all[i] end
    end
  end
  if #stale > 0 then redis.call('HDEL', key, unpack(stale)) end
  redis.call('HSET', key, 'c', n, 'next', first or 0)
  return n
end
