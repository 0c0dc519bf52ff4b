-- An instance's inbox is bounded (inbox.count, inbox.bytes). Further entries wait in order in overflow:<i>, and settle.lua moves them into the
-- inbox as it empties. Needs the arguments inbox_most and inbox_bytes.
local lengths = {}
local function length_of(key)
  if not lengths[key] then
    local bytes = redis.pcall('MEMORY', 'USAGE', key)
    lengths[key] = redis.pcall('XLEN', key)
    if type(lengths[key]) ~= 'number' or type(bytes) == 'number' and bytes >= tonumber(inbox_bytes) then lengths[key] = tonumber(inbox_most) end
  end
  return lengths[key]
end
