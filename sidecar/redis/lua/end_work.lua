-- arguments: prefix inst queue taken
-- Ends work on entries that take_work returned (the rest). If `taken` is 1, they are done; if 0, they go back to the queue for another
-- instance.
for k = rest, #ARGV do
  if taken ~= '1' then
    -- The entry is added before it is removed. If it is no longer in the list, an earlier call has ended it.
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
