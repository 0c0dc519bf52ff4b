-- The instances that are registered in these data.
local function end_of_broadcast()
  if redis.call('EXISTS', prefix .. 'wide') == 0 then return '0-0' end
  local info = redis.call('XINFO', 'STREAM', prefix .. 'wide')
  for i = 1, #info, 2 do if info[i] == 'last-generated-id' then return info[i + 1] end end
end
-- Adds an instance that has not registered itself yet; if it never does, the others will declare it dead. Returns the number of the roster,
-- or nil if the instance was known.
local function admit(instance)
  if redis.call('HSETNX', prefix .. 'instances', instance, '{}') == 0 then return nil end
  redis.call('HSETNX', prefix .. 'beats', instance, 0)
  redis.call('HSETNX', prefix .. 'wide:cursors', instance, end_of_broadcast())  -- what comes from here on is for it, or for whoever takes over from it
  redis.call('SADD', prefix .. 'incomplete', instance)
  return redis.call('HINCRBY', prefix .. 'epoch', 'roster', 1)
end
