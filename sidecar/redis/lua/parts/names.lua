-- Of a cluster's slot that is on its way to another node, keys that are not here are refused: before the first write, so that no script is cut in two.
redis.call('EXISTS', prefix .. 'never')
-- Names are written with their kind in front: "u"ser, "a"lias, "m": the aliases of who has no user, with NUL between them (who_is), and only for who
-- belongs to one of the push's groups,
-- "g"roup, "c"onnection, "*" all; of STOMP "d"estination, "p"attern (one for all), and "q": what a user or alias has subscribed to.
-- "r", the name of a route, NUL, and one of u, a and m: who has connections of this route.
local kinds = {u = 'user:', a = 'alias:', m = 'alias:', g = 'group:', d = 'destination:', p = 'pattern:', q = 'subscription:', ['*'] = 'all', r = 'route:'}
local function key_of(what, target)
  local kind, name = string.sub(target, 1, 1), string.sub(target, 2)
  if kind == 'r' then name = string.gsub(name, '^(%Z*%z)m', '%1a') end
  return prefix .. what .. kinds[kind] .. name
end
-- A name's route, as its first part, and the name on any route.
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
