-- arguments: prefix inst queue taken
-- The rest: entries that take_work answered. taken 1: they are done; 0: back into the queue, for another instance.
for k = rest, #ARGV do
  if taken ~= '1' then
    -- Put before taken: an entry that is not here any more was said before.
    local all = redis.call('LRANGE', prefix .. queue .. ':' .. inst, 0, 199)
    for _, entry in ipairs(all) do
      if entry == ARGV[k] then
        redis.call('RPUSH', prefix .. queue, entry)
        break
      end
    end
  end
  redis.call('LREM', prefix .. queue .. ':' .. inst, 1, ARGV[k])
end
return 1
