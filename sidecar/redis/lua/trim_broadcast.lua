-- parts: names bodies
-- arguments: prefix
-- Removes from the broadcast stream the entries that every instance has delivered. Returns their number.
local function parts(id)
  local a, b = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(a), tonumber(b)
end
local least, a, b
local cursors = redis.call('HGETALL', prefix .. 'wide:cursors')
for i = 1, #cursors, 2 do
  local c, d = parts(cursors[i + 1])
  if redis.call('HEXISTS', prefix .. 'instances', cursors[i]) == 0 then
    redis.call('HDEL', prefix .. 'wide:cursors', cursors[i])
  elseif c and (not least or c < a or (c == a and d < b)) then
    least, a, b = cursors[i + 1], c, d
  end
end
if not least then return 0 end
local n = 0
for _, entry in ipairs(redis.call('XRANGE', prefix .. 'wide', '-', least, 'COUNT', 500)) do
  for i = 1, #entry[2], 2 do if entry[2][i] == 'b' then release(entry[2][i + 1]) end end
  redis.call('XDEL', prefix .. 'wide', entry[1])
  n = n + 1
end
return n
