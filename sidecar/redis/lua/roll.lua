-- arguments: prefix inst
-- The connections that Redis has for this instance, some thousand at a time: `rest` is the cursor of SSCAN. Returns {next cursor, ids}.
return redis.call('SSCAN', prefix .. 'conns:' .. inst, ARGV[rest], 'COUNT', 500)
