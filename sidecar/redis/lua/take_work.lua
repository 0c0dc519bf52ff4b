-- arguments: prefix inst queue most
-- Returns the entries that this instance has taken from `queue` and not ended, the oldest first, after taking more up to `most`. A repeated
-- call returns the same entries.
if redis.call('EXISTS', prefix .. 'dead:' .. inst) == 1 then return {} end  -- nobody would look there any more
local mine = prefix .. queue .. ':' .. inst
local missing = tonumber(most) - redis.call('LLEN', mine)
while missing > 0 do
  local entry = redis.call('LINDEX', prefix .. queue, 0)
  if not entry then break end
  redis.call('RPUSH', mine, entry)
  redis.call('LPOP', prefix .. queue)
  missing = missing - 1
end
return redis.call('LRANGE', mine, 0, tonumber(most) - 1)
