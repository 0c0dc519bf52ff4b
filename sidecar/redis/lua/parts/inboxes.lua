-- The inbox of an instance is bounded (inbox.count, inbox.bytes): what has no room waits in overflow:<i>, in order, and comes into the inbox as
-- that empties (settle.lua). Needs the arguments inbox_most and inbox_bytes.
local lengths = {}
local function length_of(key)
  if not lengths[key] then
    local bytes = redis.pcall('MEMORY', 'USAGE', key)
    lengths[key] = redis.pcall('XLEN', key)
    if type(lengths[key]) ~= 'number' or type(bytes) == 'number' and bytes >= tonumber(inbox_bytes) then lengths[key] = tonumber(inbox_most) end
  end
  return lengths[key]
end
