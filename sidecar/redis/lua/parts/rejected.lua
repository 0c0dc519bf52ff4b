-- The list `rejected` keeps its latest records, within a number of records and of bytes (rejected.count, rejected.bytes), and always the newest
-- one. A script calls trim_rejected once, after it has added its records.
local function add_rejected(record) redis.pcall('RPUSH', prefix .. 'rejected', record) end
local function trim_rejected(most, bytes)
  local key = prefix .. 'rejected'
  redis.pcall('LTRIM', key, -tonumber(most), -1)
  local used = redis.pcall('MEMORY', 'USAGE', key, 'SAMPLES', 0)
  local excess = type(used) == 'number' and used - tonumber(bytes) or 0
  local count = excess > 0 and redis.pcall('LLEN', key) or 0
  if type(count) ~= 'number' then return end
  -- A bound that was lowered is reached in steps, because one script must not occupy Redis for long.
  for _ = 1, math.min(count - 1, 1000) do
    if excess <= 0 then break end
    excess = excess - #redis.call('LPOP', key)
  end
end
