-- The audiences of a commit's pushes, and how many of their members are away.
local standings = {}
local function absent_from(audience)
  if not standings[audience] then
    local key = key_of('absent:', audience)
    local s = redis.pcall('HMGET', key, 'c', 'next', 'n', 'z', 'x')
    if failed(s) then s = {} end
    standings[audience] = {key = key, stream = key_of('kept:', audience), away = tonumber(s[1] or 0), count = math.max(tonumber(s[3] or 0), 0),
      bytes = math.max(tonumber(s[4] or 0), 0), renewed = tonumber(s[5] or 0)}
    if s[1] and tonumber(s[2] or 0) <= order_ms then standings[audience].away = count_absent(key, order_ms) end
  end
  return standings[audience]
end
local nobody_away = {}
-- Adds an audience that members are away from to `awaited`, as {audience, its standing, '1' if no member is connected}. `target` is the name
-- in the push. Both names are also keys of `awaited`.
local function await(awaited, audience, target, here)
  local standing = absent_from(audience)
  if standing.away == 0 or awaited[audience] then return awaited end
  if awaited == nobody_away then awaited = {} end
  awaited[#awaited + 1] = {audience, standing, here and '' or '1'}
  awaited[audience], awaited[target] = true, true
  return awaited
end
