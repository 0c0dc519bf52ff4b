// Leases, and what becomes of an instance that has none.

#include "sidecar/redis/script_parts.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis::scripts {

const script beat{R"lua(
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
if known == '' then
  -- A newcomer: version N reads N-1, and N-1 knows nothing of N+1.
  local all = redis.call('HGETALL', P .. 'instances')
  for n = 1, #all, 2 do
    if all[n] ~= inst and redis.call('EXISTS', P .. 'lease:' .. all[n]) == 1 then
      local ok, about = pcall(cjson.decode, all[n + 1])
      local their = ok and type(about) == 'table' and tonumber(about.format)
      if their and math.abs(their - tonumber(format)) > 1 then return {'format', tostring(their), all[n]} end
    end
  end
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
local t = redis.call('TIME')
redis.call('HSET', P .. 'beats', inst, t[1] * 1000 + math.floor(t[2] / 1000))
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
)lua"};

const script suspects{parts::names, parts::leases, R"lua(
local out = {}
for _, i in ipairs(redis.call('HKEYS', P .. 'instances')) do
  if over(i) then out[#out + 1] = i end
end
return out
)lua"};

const script bury{parts::names, parts::leases, R"lua(
local inst = ARGV[3]
if not over(inst) then return 0 end
redis.call('SET', P .. 'dead:' .. inst, 1, 'EX', 86400)
return 1
)lua"};

const script evacuate{parts::names,       parts::receipts, "local grace = tonumber(ARGV[5])\n",
                      parts::connections, parts::settling, R"lua(
local inst, outbox, batch, now = ARGV[2], ARGV[3], tonumber(ARGV[4]), ARGV[6]
local returned = P .. outbox .. ':returned'
-- First the connections: who they were is known while the pushes are looked at.
local function remember(set, name)
  local key = P .. 'gone:' .. inst .. ':' .. set
  redis.call('SADD', key, name)
  redis.call('EXPIRE', key, 3600)
end
local ids = redis.call('SPOP', P .. 'conns:' .. inst, batch)
for _, id in ipairs(ids) do
  local old = read(id)
  if old and old.instance == inst then
    if old.phase == 'open' then
      unlist(id, inst, old)
      local name = old.user ~= '' and 'u' .. old.user or split(old.aliases)[1] and 'a' .. split(old.aliases)[1]
      if name then
        remember('*', name)
        for _, g in ipairs(split(old.groups)) do remember('g' .. g, name) end
        remember('c' .. id, name)
        for _, m in ipairs(split(old.names)) do
          if string.sub(m, 1, 2) == 'q' .. string.sub(name, 1, 1) then
            local destination = string.match(m, '%z(.*)$')
            remember('q', m)
            if string.find(destination, '[*?{]') then
              remember('p*', m)
            elseif string.sub(destination, 1, 6) ~= '/user/' then
              remember('d' .. destination, m)
            end
          end
        end
      end
    end
    redis.call('DEL', P .. 'conn:' .. id)
    local owed = {connection = id, instance = inst, user = old.user, path = old.path, state = old.state}
    if old.user ~= '' then owed.left = redis.call('HLEN', P .. 'presence:' .. old.user) end
    redis.call('RPUSH', P .. 'lost', cjson.encode(owed))
  end
end
if #ids > 0 then return {#ids, #ids} end
-- Then its pushes, in order, to whom they were for.
local function names_of(targets, wide)
  local seen, out = {}, {}
  local function add(name)
    if not seen[name] then seen[name] = true; out[#out + 1] = name end
  end
  for _, target in ipairs(targets) do
    local kind = string.sub(target, 1, 1)
    if kind == '*' or kind == 'g' or kind == 'c' then
      for _, name in ipairs(redis.call('SMEMBERS', P .. 'gone:' .. inst .. ':' .. target)) do add(name) end
    elseif kind == 'd' then
      for _, name in ipairs(redis.call('SUNION', P .. 'gone:' .. inst .. ':' .. target, P .. 'gone:' .. inst .. ':p*')) do add(name) end
    elseif not wide or redis.call('SISMEMBER', P .. 'gone:' .. inst .. ':' .. (kind == 'q' and 'q' or '*'), target) == 1 then
      add(target)
    end
  end
  return out
end
local function give_back(entry, wide)
  local f = {}
  for i = 1, #entry[2], 2 do f[entry[2][i]] = entry[2][i + 1] end
  local front = ((f.n or 0) + 1) .. '\r' .. (f.o or entry[1]) .. '\r'
  local s = {back = '', fan = f.f or '', reached = 0, dropped = 0, key = f.r or '', id = f.i or '', target = f.s or '',
    outcome = 'dropped', reason = 'connection_gone', connection = '', lines = '', callback = callback_in(f.e)}
  if s.target ~= '' then
    local had = not wide or redis.call('SISMEMBER', P .. 'gone:' .. inst .. ':' .. (string.sub(s.target, 1, 1) == 'q' and 'q' or '*'), s.target) == 1
    local name = s.target
    if string.sub(name, 1, 1) == 'c' then name = redis.call('SMEMBERS', P .. 'gone:' .. inst .. ':' .. name)[1] end
    if had and name then s.back = front .. name .. '\r' .. f.e end
  else
    local names = names_of(split(f.t), wide)
    for at = 1, #names, 500 do
      redis.call('RPUSH', returned, front .. table.concat(names, '\n', at, math.min(at + 499, #names)) .. '\r' .. f.e)
    end
  end
  settle(inst, returned, now, s)
end
local left = 0
for _, entry in ipairs(redis.call('XRANGE', P .. 'inbox:' .. inst, '-', '+', 'COUNT', batch)) do
  give_back(entry, false)
  redis.call('XDEL', P .. 'inbox:' .. inst, entry[1])
  left = left + 1
end
local cursor = redis.call('HGET', P .. 'wide:cursors', inst)
if left == 0 and cursor then
  for _, entry in ipairs(redis.call('XRANGE', P .. 'wide', '(' .. cursor, '+', 'COUNT', 50)) do
    give_back(entry, true)
    redis.call('HSET', P .. 'wide:cursors', inst, entry[1])
    left = left + 1
  end
end
for _, queue in ipairs({'lost', 'callbacks'}) do
  for _, entry in ipairs(redis.call('LRANGE', P .. queue .. ':' .. inst, 0, -1)) do redis.call('RPUSH', P .. queue, entry) end
  redis.call('DEL', P .. queue .. ':' .. inst)
end
if left == 0 then
  redis.call('DEL', P .. 'inbox:' .. inst, P .. 'conns:' .. inst, P .. 'lease:' .. inst)
  redis.call('HDEL', P .. 'instances', inst)
  redis.call('HDEL', P .. 'wide:cursors', inst)
  redis.call('HDEL', P .. 'beats', inst)
end
return {left, 0}
)lua"};

const script take_owed{R"lua(
local P, inst, queue, out = ARGV[1], ARGV[2], ARGV[3], {}
for _ = 1, tonumber(ARGV[4]) do
  local entry = redis.call('LPOP', P .. queue)
  if not entry then break end
  redis.call('RPUSH', P .. queue .. ':' .. inst, entry)
  out[#out + 1] = entry
end
return out
)lua"};

const script owed_done{R"lua(
local P, inst, queue, taken = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
for k = 5, #ARGV do
  if redis.call('LREM', P .. queue .. ':' .. inst, 1, ARGV[k]) == 1 and taken ~= '1' then
    redis.call('RPUSH', P .. queue, ARGV[k])
  end
end
return 1
)lua"};

const script owe_once{R"lua(
local P, sum, entry = ARGV[1], ARGV[2], ARGV[3]
if redis.call('SET', P .. 'delivered:' .. sum, 1, 'NX', 'EX', 10) then redis.call('RPUSH', P .. 'callbacks', entry) end
return 1
)lua"};

}  // namespace wsidecar::redis::scripts
