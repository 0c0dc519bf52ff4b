-- arguments: prefix inst
-- Returns the connections that Redis has for this instance, some thousands per call. The rest is the cursor of SSCAN. Returns {next cursor,
-- ids}.
return redis.call('SSCAN', prefix .. 'conns:' .. inst, ARGV[rest], 'COUNT', 500)
