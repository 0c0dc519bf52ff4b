-- arguments: prefix token shard number
-- Removes the items below `number` from the queue for another shard, which took them some time ago.
if redis.call('GET', prefix .. 'router') ~= token then return 0 end
local first = tonumber(redis.call('HGET', prefix .. 'shard:sent', shard) or 0)
local n = tonumber(number) - first
if n <= 0 then return 1 end
n = math.min(n, redis.call('LLEN', prefix .. 'shard:to:' .. shard))
redis.call('LTRIM', prefix .. 'shard:to:' .. shard, n, -1)
redis.call('HSET', prefix .. 'shard:sent', shard, string.format('%.0f', first + n))
if redis.call('EXISTS', prefix .. 'shard:to:' .. shard) == 0 then redis.call('SREM', prefix .. 'shard:queues', shard) end
return 1
