// Connections in the registry.

#include "sidecar/redis/script_parts.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis::scripts {

const script enroll{parts::names,       parts::receipts, parts::order, parts::mailbox, "local grace = tonumber(ARGV[13])\n",
                    parts::connections, R"lua(
local inst, id, user, aliases, groups = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local path, state, since, mode, limit = ARGV[7], ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
local more, takes_plain = ARGV[14], ARGV[15] == '1'
if redis.call('EXISTS', P .. 'dead:' .. inst) == 1 then return {'dead', -1} end
local key = P .. 'conn:' .. id
redis.call('SADD', P .. 'conns:' .. inst, id)
if mode == 'announce' then
  redis.call('HSET', key, 'instance', inst, 'user', user, 'path', path, 'state', state, 'since', since, 'phase', 'pending')
  return {'ok', -1}
end
local old = read(id)
if not old or old.phase ~= 'open' or old.instance ~= inst then
  old = {user = '', aliases = '', groups = '', names = ''}
end
local evicted = {}
if user ~= '' and limit > 0 and user ~= old.user then
  local over = redis.call('HLEN', P .. 'presence:' .. user) + 1 - limit
  if over > 0 and ARGV[12] ~= 'close_oldest' then return {'refused', over + limit - 1} end
  if over > 0 then
    local all = redis.call('HGETALL', P .. 'presence:' .. user)
    local by_age = {}
    for i = 1, #all, 2 do by_age[#by_age + 1] = {cjson.decode(all[i + 1]).since, all[i]} end
    table.sort(by_age, function(a, b) return a[1] < b[1] end)
    for i = 1, over do evicted[i] = by_age[i][2] end
  end
end
unlist(id, inst, old)
local names = {}
if user ~= '' then
  redis.call('HSET', P .. 'presence:' .. user, id, cjson.encode({instance = inst, path = path, since = since}))
  names[1] = 'u' .. user
end
for _, a in ipairs(split(aliases)) do names[#names + 1] = 'a' .. a end
for _, name in ipairs(names) do
  count(name, inst, 1)
  redis.call('DEL', key_of('left:', name))
end
for _, g in ipairs(split(groups)) do count('g' .. g, inst, 1) end
-- Where a client subscribes, only what is for a subscription can be delivered: the rest stays for another connection.
if not takes_plain then names = {} end
for _, name in ipairs(split(more)) do
  count(name, inst, 1)
  if string.sub(name, 1, 1) == 'q' then
    redis.call('DEL', key_of('left:', name))
    names[#names + 1] = name
  end
end
redis.call('HSET', key, 'instance', inst, 'user', user, 'aliases', aliases, 'groups', groups, 'path', path, 'state', state,
  'since', since, 'phase', 'open')
if more ~= '' then redis.call('HSET', key, 'names', more) elseif old.names ~= '' then redis.call('HDEL', key, 'names') end
-- The mailboxes of its names, merged in the order of arrival, are this connection's now, and no other's.
local kept = {}
for _, name in ipairs(names) do
  local all = redis.pcall('ZRANGE', key_of('mailbox:', name), 0, -1)
  if not failed(all) and #all > 0 then
    for _, member in ipairs(all) do kept[#kept + 1] = {member, name} end
    drop_box(name)
  end
end
if #kept > 0 then
  table.sort(kept, function(a, b) return a[1] < b[1] end)
  begin_order(clock())
  for _, k in ipairs(kept) do
    local order, n, _, _, e = parts_of(k[1])
    append(P .. 'inbox:' .. inst, 'e', e, 'n', n, 'w', last_wide, 's', k[2], 'c', id, 'o', order)
  end
  end_order()
end
return {'ok', user == '' and -1 or redis.call('HLEN', P .. 'presence:' .. user), evicted, #kept}
)lua"};

const script retire{parts::names, "local grace = tonumber(ARGV[4])\n", parts::connections, R"lua(
local inst, id = ARGV[2], ARGV[3]
local old = read(id)
if not old or old.instance ~= inst then return {'gone', -1} end
if old.phase == 'open' then
  unlist(id, inst, old)
  redis.call('HSET', P .. 'conn:' .. id, 'phase', 'ending')
end
return {'ok', old.user == '' and -1 or redis.call('HLEN', P .. 'presence:' .. old.user)}
)lua"};

const script forget{parts::names, "local grace = tonumber(ARGV[4])\n", parts::connections, R"lua(
local inst, id = ARGV[2], ARGV[3]
local old = read(id)
if old and old.instance == inst then
  if old.phase == 'open' then unlist(id, inst, old) end
  redis.call('DEL', P .. 'conn:' .. id)
end
redis.call('SREM', P .. 'conns:' .. inst, id)
return 1
)lua"};

}  // namespace wsidecar::redis::scripts
