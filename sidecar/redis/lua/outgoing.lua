-- arguments: prefix token bytes
-- What waits here for other shards (parts/shards.lua), for the instance that routes this one. The rest: by turns the number of a shard, and of the first item
-- that it has not had; '?': that is not known. Returns of each with a queue: its number, the number of the queue's first item, how long it is, the next
-- items.
if redis.call('GET', prefix .. 'router') ~= token then return {} end
local wanted, out, size = {}, {}, 0
for k = rest, #ARGV, 2 do wanted[ARGV[k]] = ARGV[k + 1] end
for _, shard in ipairs(redis.call('SMEMBERS', prefix .. 'shard:queues')) do
  if wanted[shard] then
    local queue = prefix .. 'shard:to:' .. shard
    local first = tonumber(redis.call('HGET', prefix .. 'shard:sent', shard) or 0)
    local items, start = {}, math.max((tonumber(wanted[shard]) or 0) - first, 0)
    while wanted[shard] ~= '?' and #items < 128 and size < tonumber(bytes) do
      -- A few at once: one item has up to some MiB.
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
