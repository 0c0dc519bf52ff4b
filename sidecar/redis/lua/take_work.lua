-- arguments: prefix inst queue most
-- What this instance has taken out of `queue` and not ended yet, the oldest first; filled up to `most` from the queue. Asked again, it
-- answers the same.
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
