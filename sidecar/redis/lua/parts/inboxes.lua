-- An instance's inbox is bounded (inbox.count, inbox.bytes). Further entries wait in order in overflow:<i>, and settle.lua moves them into the
-- inbox as it empties. Needs the arguments inbox_most and inbox_bytes.
local lengths = {}
local longest_entry = 4194304  -- the largest outbox.max_envelope: a short inbox with such entries is below inbox.bytes and is not measured
local function length_of(key)
  if not lengths[key] then
    local length, most_bytes = redis.pcall('XLEN', key), tonumber(inbox_bytes)
    local bytes = type(length) == 'number' and length * longest_entry >= most_bytes and redis.pcall('MEMORY', 'USAGE', key)
    if type(length) ~= 'number' or type(bytes) == 'number' and bytes >= most_bytes then length = tonumber(inbox_most) end
    lengths[key] = length
  end
  return lengths[key]
end
