-- arguments: prefix token bytes
-- Returns items that wait for other shards (parts/shards.lua) to the instance that routes this shard. The rest: pairs of a shard's number and
-- the number of the first item that it has not taken, or '?' if that is unknown. Returns for each shard with a queue: its number, the number
-- of the queue's first item, the queue's length, and the next items.
if redis.call('GET', prefix .. 'router') ~= token then return {} end
local wanted, out, size = {}, {}, 0
for k = rest, #ARGV, 2 do wanted[ARGV[k]] = ARGV[k + 1] end
for _, shard in ipairs(redis.call('SMEMBERS', prefix .. 'shard:queues')) do
  if wanted[shard] then
    local queue = prefix .. 'shard:to:' .. shard
    local first = tonumber(redis.call('HGET', prefix .. 'shard:sent', shard) or 0)
    local items, start = {}, math.max((tonumber(wanted[shard]) or 0) - first, 0)
    while wanted[shard] ~= '?' and #items < 128 and size < tonumber(bytes) do
      -- Reads a few at once, because one item may have several MiB.
      local some = redis.call('LRANGE', queue, start + #items, start + #items + 15)
      for _, item in ipairs(some) do
        size = size + #item
        items[#items + 1] = item
      end
      if #some < 16 then break end
    end
    local n = #out
    out[n + 1], out[n + 2], out[n + 3], out[n + 4] = shard, string.format('%.0f', first), redis.call('LLEN', queue), items
  end
end
return out
