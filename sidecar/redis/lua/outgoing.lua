-- arguments: prefix token most bytes
-- What waits here for other shards (parts/shards.lua), for the instance that routes this one. The rest: numbers of shards that are left out. Returns of
-- each: its number, how many items have been taken out of its queue so far, the next ones.
if redis.call('GET', prefix .. 'router') ~= token then return {} end
local left_out, out, size = {}, {}, 0
for k = rest, #ARGV do left_out[ARGV[k]] = true end
for _, shard in ipairs(redis.call('SMEMBERS', prefix .. 'shard:queues')) do
  if not left_out[shard] and size < tonumber(bytes) then
    local items = {}
    for k = 0, tonumber(most) - 1 do
      local item = redis.call('LINDEX', prefix .. 'shard:to:' .. shard, k)
      if not item or #items > 0 and size + #item > tonumber(bytes) then break end
      size = size + #item
      items[#items + 1] = item
    end
    if #items > 0 then
      out[#out + 1] = shard
      out[#out + 1] = redis.call('HGET', prefix .. 'shard:sent', shard) or '0'
      out[#out + 1] = items
    else
      redis.call('SREM', prefix .. 'shard:queues', shard)
    end
  end
end
return out
