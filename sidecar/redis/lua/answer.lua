-- arguments: prefix token text most
-- Appends this instance's answer to an operator's question (questions.hpp) to the list `answers:<token>`, which holds at most `most`
-- answers. The instance that asked reads the list and deletes it.
local key = prefix .. 'answers:' .. token
if redis.call('LLEN', key) >= tonumber(most) then return 0 end
redis.call('RPUSH', key, text)
redis.call('PEXPIRE', key, 10000)
return 1
