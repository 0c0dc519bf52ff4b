-- arguments: prefix token text most
-- What an instance says to a question that one of them asked of all. Whoever asked reads the list, and takes it away.
local key = prefix .. 'answers:' .. token
if redis.call('LLEN', key) >= tonumber(most) then return 0 end
redis.call('RPUSH', key, text)
redis.call('PEXPIRE', key, 10000)
return 1
