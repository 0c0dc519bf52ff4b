#include "sidecar/redis/scripts.hpp"

#include "proto/sha1.hpp"

namespace wsidecar::redis {
namespace {

/// Shared by the scripts that take a connection out of the registry.
constexpr char connections[] = R"lua(
local P = ARGV[1]
local function split(s)
  local out = {}
  if s then for name in string.gmatch(s, '[^\n]+') do out[#out + 1] = name end end
  return out
end
local function count(kind, name, inst, by)
  local key = P .. 'where:' .. kind .. ':' .. name
  if redis.call('HINCRBY', key, inst, by) <= 0 then redis.call('HDEL', key, inst) end
end
local function unlist(id, inst, old)
  if old.user ~= '' then
    redis.call('HDEL', P .. 'presence:' .. old.user, id)
    count('user', old.user, inst, -1)
  end
  for _, a in ipairs(split(old.aliases)) do count('alias', a, inst, -1) end
  for _, g in ipairs(split(old.groups)) do count('group', g, inst, -1) end
end
local function read(id)
  local v = redis.call('HMGET', P .. 'conn:' .. id, 'instance', 'user', 'aliases', 'groups', 'phase', 'path', 'state')
  if not v[1] then return nil end
  return {instance = v[1], user = v[2] or '', aliases = v[3] or '', groups = v[4] or '', phase = v[5], path = v[6] or '', state = v[7] or ''}
end
)lua";

}  // namespace

void script::run(link& on, const std::string& key, std::vector<std::string> arguments, link::handler done) const {
    const std::string source = (on.major_version() >= 7 ? "#!lua flags=allow-oom\n" : "") + std::string(prelude_) + source_;
    std::vector<std::string> words{"EVALSHA", proto::sha1_hex(source), "1", key};
    words.insert(words.end(), std::make_move_iterator(arguments.begin()), std::make_move_iterator(arguments.end()));
    auto retry = [&on, source, words, done](proto::reply_view r) mutable {
        if (r.is_error() && r.text().starts_with("NOSCRIPT")) {
            words[0] = "EVAL";
            words[1] = source;
            on.send(words, done);
        } else if (done) {
            done(r);
        }
    };
    on.send(words, std::move(retry));
}

namespace scripts {

const script beat(R"lua(
local P, inst, lease, complete, about = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local format, pop, outbox, known, fresh = ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
if redis.call('EXISTS', P .. 'dead:' .. inst) == 1 then return {'dead'} end
local c = redis.call('HMGET', P .. 'config', 'lease', 'pop', 'outbox')
if c[1] ~= lease or c[2] ~= pop or c[3] ~= outbox then
  if c[1] then
    for _, i in ipairs(redis.call('HKEYS', P .. 'instances')) do
      if i ~= inst and redis.call('EXISTS', P .. 'lease:' .. i) == 1 then
        return {'config', 'lease ' .. c[1] .. ' ms, pop ' .. c[2] .. ', outbox ' .. c[3], i}
      end
    end
  end
  redis.call('HSET', P .. 'config', 'format', format, 'lease', lease, 'pop', pop, 'outbox', outbox)
end
local epoch = redis.call('HGET', P .. 'epoch', 'id')
if not epoch then
  epoch = fresh
  redis.call('HSET', P .. 'epoch', 'id', epoch)
end
if known ~= '' and known ~= epoch then
  local now = redis.call('TIME')
  redis.call('HSETNX', P .. 'epoch', 'replaced', now[1] * 1000 + math.floor(now[2] / 1000))
  complete = '0'
end
local held = redis.call('PEXPIRE', P .. 'lease:' .. inst, lease)
redis.call('SET', P .. 'lease:' .. inst, complete, 'PX', lease)
redis.call('HSET', P .. 'instances', inst, about)
if redis.call('HEXISTS', P .. 'wide:cursors', inst) == 0 then
  local last = '0-0'
  if redis.call('EXISTS', P .. 'wide') == 1 then
    local info = redis.call('XINFO', 'STREAM', P .. 'wide')
    for i = 1, #info, 2 do if info[i] == 'last-generated-id' then last = info[i + 1] end end
  end
  redis.call('HSET', P .. 'wide:cursors', inst, last)
end
return {'ok', epoch, held, redis.call('HGET', P .. 'wide:cursors', inst)}
)lua");

const script enroll(connections, R"lua(
local inst, id, user, aliases, groups = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local path, state, since, mode, limit = ARGV[7], ARGV[8], ARGV[9], ARGV[10], tonumber(ARGV[11])
if redis.call('EXISTS', P .. 'dead:' .. inst) == 1 then return {'dead', -1} end
local key = P .. 'conn:' .. id
redis.call('SADD', P .. 'conns:' .. inst, id)
if mode == 'announce' then
  redis.call('HSET', key, 'instance', inst, 'user', user, 'path', path, 'state', state, 'since', since, 'phase', 'pending')
  return {'ok', -1}
end
local old = read(id)
if not old or old.phase ~= 'open' or old.instance ~= inst then
  old = {user = '', aliases = '', groups = ''}
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
if user ~= '' then
  redis.call('HSET', P .. 'presence:' .. user, id, cjson.encode({instance = inst, path = path, since = since}))
  count('user', user, inst, 1)
end
for _, a in ipairs(split(aliases)) do count('alias', a, inst, 1) end
for _, g in ipairs(split(groups)) do count('group', g, inst, 1) end
redis.call('HSET', key, 'instance', inst, 'user', user, 'aliases', aliases, 'groups', groups, 'path', path, 'state', state,
  'since', since, 'phase', 'open')
return {'ok', user == '' and -1 or redis.call('HLEN', P .. 'presence:' .. user), evicted}
)lua");

const script retire(connections, R"lua(
local inst, id = ARGV[2], ARGV[3]
local old = read(id)
if not old or old.instance ~= inst then return {'gone', -1} end
if old.phase == 'open' then
  unlist(id, inst, old)
  redis.call('HSET', P .. 'conn:' .. id, 'phase', 'ending')
end
return {'ok', old.user == '' and -1 or redis.call('HLEN', P .. 'presence:' .. old.user)}
)lua");

const script forget(connections, R"lua(
local inst, id = ARGV[2], ARGV[3]
local old = read(id)
if old and old.instance == inst then
  if old.phase == 'open' then unlist(id, inst, old) end
  redis.call('DEL', P .. 'conn:' .. id)
end
redis.call('SREM', P .. 'conns:' .. inst, id)
return 1
)lua");

const script lead(R"lua(
local P, token, lease = ARGV[1], ARGV[2], ARGV[3]
if redis.call('SET', P .. 'router', token, 'NX', 'PX', lease) then return 1 end
if redis.call('GET', P .. 'router') ~= token then return 0 end
redis.call('PEXPIRE', P .. 'router', lease)
return 1
)lua");

const script resign(R"lua(
if redis.call('GET', ARGV[1] .. 'router') == ARGV[2] then redis.call('DEL', ARGV[1] .. 'router') end
return 1
)lua");

const script peek(R"lua(
local P, token, outbox, pop, most, bytes = ARGV[1], ARGV[2], ARGV[3], ARGV[4], tonumber(ARGV[5]), tonumber(ARGV[6])
if redis.call('GET', P .. 'router') ~= token then return {'lost'} end
local function look(source, list, right)
  local out, size = {'ok', source}, 0
  for i = 0, most - 1 do
    local e = redis.call('LINDEX', list, right and -1 - i or i)
    if not e then break end
    if #e > bytes then
      if i == 0 then return {'big', source, redis.sha1hex(e), string.sub(e, 1, 1024)} end
      break
    end
    size = size + #e
    if size > bytes then break end
    out[#out + 1] = e
  end
  return out
end
local list = P .. outbox
local out = look('returned', list .. ':returned', false)
if out[1] == 'ok' and #out == 2 then out = look('outbox', list, pop == 'right') end
if out[1] == 'ok' and #out > 2 then
  -- The third router that finds the same head was killed by it twice.
  local sum = redis.sha1hex(out[3])
  local seen = redis.call('HMGET', P .. 'routing', 'sha1', 'token', 'tries')
  if seen[1] ~= sum then
    redis.call('HSET', P .. 'routing', 'sha1', sum, 'token', token, 'tries', 1)
  elseif seen[2] ~= token then
    if tonumber(seen[3]) >= 2 then return {'poison', out[2], sum, string.sub(out[3], 1, 65536)} end
    redis.call('HSET', P .. 'routing', 'token', token, 'tries', seen[3] + 1)
  end
end
return out
)lua");

const script commit(R"lua(
local P, token, outbox, pop, source = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local lease, inbox_most, rejected_most, n = tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9])
local inbox_bytes = tonumber(ARGV[11])
if redis.call('GET', P .. 'router') ~= token then return {'lost'} end
-- Data of another generation than the router knows: who was registered in it is not known yet.
if redis.call('HGET', P .. 'epoch', 'id') ~= ARGV[10] then return {'wait'} end
local replaced = redis.call('HGET', P .. 'epoch', 'replaced')
if replaced then
  local now = redis.call('TIME')
  if now[1] * 1000 + math.floor(now[2] / 1000) < replaced + lease + 2000 then return {'wait'} end
end
local instances = redis.call('HKEYS', P .. 'instances')
local known = {}
for _, i in ipairs(instances) do
  known[i] = true
  if redis.call('GET', P .. 'lease:' .. i) == '0' then return {'wait'} end
end
local list = P .. outbox
local right = false
if source == 'returned' then list = list .. ':returned' else right = pop == 'right' end
local at = 12
for k = 0, n - 1 do
  local e = redis.call('LINDEX', list, right and -1 - k or k)
  if not e or redis.sha1hex(e) ~= ARGV[at] then return {'moved'} end
  at = at + 1
end
local routed, nobody, full, rejected = 0, 0, 0, 0
local function reject(record)
  if record == '' then return end
  redis.pcall('RPUSH', P .. 'rejected', record)
  redis.pcall('LTRIM', P .. 'rejected', -rejected_most, -1)
end
local function find(target)
  local kind, name = string.sub(target, 1, 1), string.sub(target, 2)
  if kind == 'c' and string.sub(name, 1, 7) == 'canary:' then return {string.sub(name, 8)} end
  if kind == 'c' then
    local c = redis.pcall('HMGET', P .. 'conn:' .. name, 'instance', 'phase')
    return c[1] and c[2] ~= 'ending' and {c[1]} or {}
  end
  local kinds = {u = 'user', a = 'alias', g = 'group'}
  local all = redis.pcall('HKEYS', P .. 'where:' .. kinds[kind] .. ':' .. name)
  return all.err and {} or all
end
-- Ids that grow over all streams: a reader of its inbox and of `wide` can tell what came first.
local now = redis.call('TIME')
local ms, seq = now[1] * 1000 + math.floor(now[2] / 1000), 0
local last = redis.pcall('HMGET', P .. 'order', 'ms', 'seq', 'wide')
if tonumber(last[1] or 0) and tonumber(last[1] or 0) >= ms then ms, seq = tonumber(last[1]), tonumber(last[2]) end
local last_wide = last[3] or ''
local function append(key, ...)
  seq = seq + 1
  local r = redis.pcall('XADD', key, string.format('%.0f-%d', ms, seq), ...)
  if type(r) == 'table' and r.err then r = redis.pcall('XADD', key, '*', ...) end
  return type(r) == 'string' and r or nil
end
local length = {}
local function room(inst, key)
  if not length[inst] then
    local bytes = redis.pcall('MEMORY', 'USAGE', key)
    length[inst] = redis.pcall('XLEN', key)
    if type(bytes) == 'number' and bytes >= inbox_bytes then length[inst] = inbox_most end
  end
  return type(length[inst]) == 'number' and length[inst] < inbox_most
end
local function put(inst, envelope, attempts)
  local key = P .. 'inbox:' .. inst
  if not room(inst, key) or not append(key, 'e', envelope, 'n', attempts, 'w', last_wide) then return false end
  length[inst] = length[inst] + 1
  return true
end
while at <= #ARGV do
  local action = ARGV[at]
  if action == 'reject' then
    reject(ARGV[at + 1])
    rejected = rejected + 1
    at = at + 2
  else
    local envelope, record, attempts, targets = ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], tonumber(ARGV[at + 4])
    at = at + 5
    local wide, seen, to = false, {}, {}
    for t = 0, targets - 1 do
      local target = ARGV[at + t]
      if target == '*' then
        wide = true
      else
        for _, i in ipairs(find(target)) do
          if known[i] and not seen[i] then seen[i] = true; to[#to + 1] = i end
        end
      end
    end
    at = at + targets
    if wide or #to > 8 then
      local id = append(P .. 'wide', 'e', envelope)
      last_wide = id or last_wide
      if id then routed = routed + 1 else reject(record); full = full + 1 end
    elseif #to == 0 then
      nobody = nobody + 1
    else
      local all = true
      for _, i in ipairs(to) do all = put(i, envelope, attempts) and all end
      if all then routed = routed + 1 else reject(record); full = full + 1 end
    end
  end
end
redis.pcall('HSET', P .. 'order', 'ms', string.format('%.0f', ms), 'seq', seq, 'wide', last_wide)
if right then redis.call('LTRIM', list, 0, -1 - n) else redis.call('LTRIM', list, n, -1) end
return {'ok', routed, nobody, full, rejected, redis.call('LLEN', P .. outbox)}
)lua");

const script refuse_big(R"lua(
local P, token, outbox, pop, source, sum, record, most = unpack(ARGV)
if redis.call('GET', P .. 'router') ~= token then return 0 end
local list = P .. outbox
local right = false
if source == 'returned' then list = list .. ':returned' else right = pop == 'right' end
local e = redis.call('LINDEX', list, right and -1 or 0)
if not e or redis.sha1hex(e) ~= sum then return 0 end
redis.pcall('RPUSH', P .. 'rejected', record)
redis.pcall('LTRIM', P .. 'rejected', -most, -1)
if right then redis.call('LTRIM', list, 0, -2) else redis.call('LTRIM', list, 1, -1) end
redis.call('DEL', P .. 'routing')
return 1
)lua");

const script reject_once(R"lua(
local P, sum, record, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('SET', P .. 'rejected:' .. sum, 1, 'NX', 'EX', 10) then
  redis.call('RPUSH', P .. 'rejected', record)
  redis.call('LTRIM', P .. 'rejected', -most, -1)
end
return 1
)lua");

const script give_back(R"lua(
local P, inst, outbox = ARGV[1], ARGV[2], ARGV[3]
for k = 4, #ARGV, 2 do
  if redis.call('XDEL', P .. 'inbox:' .. inst, ARGV[k]) == 1 and ARGV[k + 1] ~= '' then
    redis.call('RPUSH', P .. outbox .. ':returned', ARGV[k + 1])
  end
end
return 1
)lua");

const script trim_wide(R"lua(
local P = ARGV[1]
local function parts(id)
  local a, b = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(a), tonumber(b)
end
local least
for _, i in ipairs(redis.call('HKEYS', P .. 'instances')) do
  local id = redis.call('HGET', P .. 'wide:cursors', i)
  if id then
    if not least then
      least = id
    else
      local a, b = parts(id)
      local c, d = parts(least)
      if a < c or (a == c and b < d) then least = id end
    end
  end
end
if least then
  local a, b = parts(least)
  redis.call('XTRIM', P .. 'wide', 'MINID', string.format('%.0f-%.0f', a, b + 1))
end
return 1
)lua");

const script suspects(R"lua(
local P, out = ARGV[1], {}
for _, i in ipairs(redis.call('HKEYS', P .. 'instances')) do
  if redis.call('EXISTS', P .. 'lease:' .. i) == 0 then out[#out + 1] = i end
end
return out
)lua");

const script bury(R"lua(
local P, inst = ARGV[1], ARGV[2]
if redis.call('EXISTS', P .. 'lease:' .. inst) == 1 then return 0 end
redis.call('SET', P .. 'dead:' .. inst, 1, 'EX', 86400)
return 1
)lua");

const script evacuate(connections, R"lua(
local inst, outbox, batch, reason = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[5]
local left = 0
for _, entry in ipairs(redis.call('XRANGE', P .. 'inbox:' .. inst, '-', '+', 'COUNT', batch)) do
  local f = {}
  for i = 1, #entry[2], 2 do f[entry[2][i]] = entry[2][i + 1] end
  redis.call('RPUSH', P .. outbox .. ':returned', (f.n or '0') .. ' ' .. f.e)
  redis.call('XDEL', P .. 'inbox:' .. inst, entry[1])
  left = left + 1
end
local ids = redis.call('SPOP', P .. 'conns:' .. inst, batch)
for _, id in ipairs(ids) do
  local old = read(id)
  if old and old.instance == inst then
    if old.phase == 'open' then unlist(id, inst, old) end
    redis.call('DEL', P .. 'conn:' .. id)
    local owed = {connection = id, instance = inst, user = old.user, path = old.path, state = old.state}
    if old.user ~= '' then owed.left = redis.call('HLEN', P .. 'presence:' .. old.user) end
    redis.call('RPUSH', P .. 'lost', cjson.encode(owed))
  end
end
for _, entry in ipairs(redis.call('LRANGE', P .. 'lost:' .. inst, 0, -1)) do
  redis.call('RPUSH', P .. 'lost', entry)
end
redis.call('DEL', P .. 'lost:' .. inst)
left = left + #ids
if left == 0 then
  redis.call('DEL', P .. 'inbox:' .. inst, P .. 'conns:' .. inst, P .. 'lease:' .. inst)
  redis.call('HDEL', P .. 'instances', inst)
  redis.call('HDEL', P .. 'wide:cursors', inst)
end
return {left, #ids}
)lua");

const script take_lost(R"lua(
local P, inst, out = ARGV[1], ARGV[2], {}
for _ = 1, tonumber(ARGV[3]) do
  local entry = redis.call('LPOP', P .. 'lost')
  if not entry then break end
  redis.call('RPUSH', P .. 'lost:' .. inst, entry)
  out[#out + 1] = entry
end
return out
)lua");

const script lost_done(R"lua(
local P, inst, entry, taken = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('LREM', P .. 'lost:' .. inst, 1, entry) == 1 and taken ~= '1' then
  redis.call('RPUSH', P .. 'lost', entry)
end
return 1
)lua");

}  // namespace scripts
}  // namespace wsidecar::redis
