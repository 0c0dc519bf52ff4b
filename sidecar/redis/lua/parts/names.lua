-- While a cluster moves a slot, Redis refuses access to keys that are not on this node. Reading such a key before the first write makes the
-- whole script fail, and not only its second half.
redis.call('EXISTS', prefix .. 'never')
-- Names are written with a letter for their kind in front: u user, a alias, g group, c connection, * all; of STOMP: d destination, p pattern
-- (one for all patterns), q a subscription of a user or alias. m: all aliases of a person without a user, separated by NUL (who_is), and only
-- for members of one of the push's groups. r: a route's name, NUL, and a name of kind u, a or m with connections on this route.
local kinds = {u = 'user:', a = 'alias:', m = 'alias:', g = 'group:', d = 'destination:', p = 'pattern:', q = 'subscription:', ['*'] = 'all', r = 'route:'}
local function key_of(what, target)
  local kind, name = string.sub(target, 1, 1), string.sub(target, 2)
  if kind == 'r' then name = string.gsub(name, '^(%Z*%z)m', '%1a') end
  return prefix .. what .. kinds[kind] .. name
end
-- Returns the route in front of a name ('' if none), and the name without it.
local function route_of(target)
  local route, name = string.match(target, '^(r%Z*%z)(.*)$')
  return route or '', name or target
end
local function split(s)
  local out = {}
  if s then for name in string.gmatch(s, '[^\n]+') do out[#out + 1] = name end end
  return out
end
local function failed(r) return type(r) == 'table' and r.err ~= nil end
local function clock()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
