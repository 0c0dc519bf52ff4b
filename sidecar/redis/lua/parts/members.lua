-- The instances that these data know of.
local function end_of_broadcast()
  if redis.call('EXISTS', prefix .. 'wide') == 0 then return '0-0' end
  local info = redis.call('XINFO', 'STREAM', prefix .. 'wide')
  for i = 1, #info, 2 do if info[i] == 'last-generated-id' then return info[i + 1] end end
end
-- One that has not come by itself yet: should it not come, the others find out. Returns the number of the roster; nil: it was known.
local function admit(instance)
  if redis.call('HSETNX', prefix .. 'instances', instance, '{}') == 0 then return nil end
  redis.call('HSETNX', prefix .. 'beats', instance, 0)
  redis.call('HSETNX', prefix .. 'wide:cursors', instance, end_of_broadcast())  -- what comes from here on is for it, or for whoever takes over from it
  redis.call('SADD', prefix .. 'incomplete', instance)
  return redis.call('HINCRBY', prefix .. 'epoch', 'roster', 1)
end
