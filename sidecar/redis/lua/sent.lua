-- arguments: prefix token shard sent n
-- The other shard has the first n items of its queue here.
if redis.call('GET', prefix .. 'router') ~= token then return 0 end
if (redis.call('HGET', prefix .. 'shard:sent', shard) or '0') ~= sent then return 0 end
redis.call('LTRIM', prefix .. 'shard:to:' .. shard, n, -1)
redis.call('HINCRBY', prefix .. 'shard:sent', shard, n)
if redis.call('EXISTS', prefix .. 'shard:to:' .. shard) == 0 then redis.call('SREM', prefix .. 'shard:queues', shard) end
return 1
