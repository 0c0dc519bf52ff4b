// The outbox: who routes it, and what routing does.

#include "sidecar/redis/script_parts.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis::scripts {

const script lead{R"lua(
local P, token, feed, lease = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('SET', P .. 'router' .. feed, token, 'NX', 'PX', lease) then return 1 end
if redis.call('GET', P .. 'router' .. feed) ~= token then return 0 end
redis.call('PEXPIRE', P .. 'router' .. feed, lease)
return 1
)lua"};

const script resign{R"lua(
local P, token, feed = ARGV[1], ARGV[2], ARGV[3]
if redis.call('GET', P .. 'router' .. feed) == token then redis.call('DEL', P .. 'router' .. feed, P .. 'routing' .. feed) end
return 1
)lua"};

const script peek{R"lua(
local P, token, feed, list, pop, most, bytes = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7])
local skip_returned, skip, budget = tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
if redis.call('GET', P .. 'router' .. feed) ~= token then return {'lost'} end
local function look(source, list, right, from)
  local out, size = {'ok', source}, 0
  for i = from, from + most - 1 do
    local e = redis.call('LINDEX', list, right and -1 - i or i)
    if not e then break end
    if #e > bytes then
      if i == from then return {'big', source, redis.sha1hex(e), string.sub(e, 1, 1024)} end
      break
    end
    size = size + #e
    if i > from and size > budget then break end
    out[#out + 1] = e
  end
  return out
end
local out = {'ok', 'returned'}
if feed == '' then out = look('returned', list .. ':returned', false, skip_returned) end
if out[1] == 'ok' and #out == 2 then out = look('outbox', list, pop == 'right', skip) end
if out[1] == 'ok' and #out > 2 then
  -- The third router that finds the same head was killed by it twice. The second gets it alone.
  local sum = redis.sha1hex(out[3])
  local seen = redis.call('HMGET', P .. 'routing' .. feed, 'sha1', 'token', 'tries')
  if seen[1] ~= sum then
    redis.call('HSET', P .. 'routing' .. feed, 'sha1', sum, 'token', token, 'tries', 1)
  elseif seen[2] ~= token then
    if tonumber(seen[3]) >= 2 then return {'poison', out[2], sum, string.sub(out[3], 1, 65536)} end
    redis.call('HSET', P .. 'routing' .. feed, 'token', token, 'tries', seen[3] + 1)
    return {'ok', out[2], out[3]}
  end
end
return out
)lua"};

const script commit{parts::names, parts::receipts, parts::order, parts::mailbox, R"lua(
local token, feed, list, pop, source = ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
local lease, inbox_most, rejected_most, n = tonumber(ARGV[7]), tonumber(ARGV[8]), tonumber(ARGV[9]), tonumber(ARGV[10])
local inbox_bytes, now_text = tonumber(ARGV[12]), ARGV[13]
local box_most, box_bytes, box_age = tonumber(ARGV[14]), tonumber(ARGV[15]), tonumber(ARGV[16])
if redis.call('GET', P .. 'router' .. feed) ~= token then return {'lost'} end
-- Nobody has died of this head: it is only not its time.
local function not_now(why)
  redis.pcall('DEL', P .. 'routing' .. feed)
  return {why}
end
-- Data of another generation than the router knows: who was registered in it is not known yet.
if redis.call('HGET', P .. 'epoch', 'id') ~= ARGV[11] then return not_now('wait') end
local now = clock()
local replaced = redis.call('HGET', P .. 'epoch', 'replaced')
if replaced and now < replaced + lease + 2000 then return not_now('wait') end
local instances = redis.call('HKEYS', P .. 'instances')
local known = {}
for _, i in ipairs(instances) do
  known[i] = true
  if redis.call('GET', P .. 'lease:' .. i) == '0' then return not_now('wait') end
end
local whole, right = list, false
if source == 'returned' then list = list .. ':returned' else right = pop == 'right' end
-- Are these still the entries that were peeked?
local head = redis.call('LRANGE', list, right and -n or 0, right and -1 or n - 1)
local peeked = {}
for k, e in ipairs(head) do peeked[right and #head + 1 - k or k] = #e .. ':' .. e end
if #head ~= n or redis.sha1hex(table.concat(peeked)) ~= ARGV[17] then return not_now('moved') end
head, peeked = nil, nil
local at = 18
local routed, nobody, gone, full, rejected, stored, evicted = 0, 0, 0, 0, 0, 0, 0
local notes = {}
-- For whoever asks where a message went.
local number, told = -1, {}
local function tell(target, outcome, reason)
  if #told < 1024 then
    local n = #told
    told[n + 1], told[n + 2], told[n + 3], told[n + 4] = number, target, outcome, reason
  end
end
local function note(...) notes[#notes + 1] = {...} end
local function reject(record)
  redis.pcall('RPUSH', P .. 'rejected', record)
  redis.pcall('LTRIM', P .. 'rejected', -rejected_most, -1)
end
local function overloaded(target, envelope)
  full = full + 1
  tell(target, 'dropped', 'overloaded')
  if string.sub(target, 1, 8) ~= 'ccanary:' then
    reject(cjson.encode({reason = 'overloaded: the inbox is full', envelope = envelope, time = now_text}))
  end
end
local function find(target)
  local kind, name = string.sub(target, 1, 1), string.sub(target, 2)
  if kind == 'n' then return {} end  -- refused by the client: for its mailbox
  if kind == 'c' and string.sub(name, 1, 7) == 'canary:' then return {string.sub(name, 8)} end
  if kind == 'c' then
    local c = redis.pcall('HMGET', P .. 'conn:' .. name, 'instance', 'phase')
    return c[1] and c[2] ~= 'ending' and {c[1]} or {}
  end
  local all = redis.pcall('HKEYS', key_of('where:', target))
  if all.err then return {} end
  if kind ~= 'd' then return all end
  -- And those that hold patterns: what these match is for them to say.
  local seen = {}
  for _, i in ipairs(all) do seen[i] = true end
  for _, i in ipairs(redis.call('HKEYS', P .. 'where:pattern:*')) do
    if not seen[i] then all[#all + 1] = i end
  end
  return all
end
local length = {}
local function room(key)
  if not length[key] then
    local bytes = redis.pcall('MEMORY', 'USAGE', key)
    length[key] = redis.pcall('XLEN', key)
    if type(bytes) == 'number' and bytes >= inbox_bytes then length[key] = inbox_most end
  end
  return type(length[key]) == 'number' and length[key] < inbox_most
end
local function put(inst, ...)
  local key = P .. 'inbox:' .. inst
  if not room(key) or not append(key, ...) then return false end
  length[key] = length[key] + 1
  return true
end
local function fan(id, where)
  local words = {'left', #where}
  for _, i in ipairs(where) do words[#words + 1] = 'i' .. i; words[#words + 1] = 1 end
  redis.pcall('HSET', P .. 'fan:' .. id, unpack(words))
  redis.pcall('EXPIRE', P .. 'fan:' .. id, 86400)
end
begin_order(now)
-- Most pushes are for one name, which is on one instance.
local function route_one(target, envelope)
  local only
  for _, i in ipairs(find(target)) do
    if known[i] then
      if only then return false end
      only = i
    end
  end
  if not only then return false end
  if put(only, 'e', envelope, 's', target, 'w', last_wide) then routed = routed + 1 else overloaded(target, envelope) end
  return true
end
while at <= #ARGV do
  local action = ARGV[at]
  number = number + 1
  if action == 'one' and route_one(ARGV[at + 1], ARGV[at + 2]) then
    at = at + 3
  elseif action == 'reject' then
    reject(ARGV[at + 1])
    rejected = rejected + 1
    at = at + 2
  elseif action == 'note' then
    note(unpack(ARGV, at + 1, at + 5))
    at = at + 6
  else
    local envelope, attempts, order, key, id, expires, want_box, single, targets
    if action == 'one' then
      single, envelope, attempts, order, key, id, expires, want_box, targets = ARGV[at + 1], ARGV[at + 2], '0', '', '', '', '', '', 1
      ARGV[at + 2] = single  -- its one target
      at = at + 2
    else
      envelope, attempts, order, key, id, expires, want_box, single, targets = unpack(ARGV, at + 1, at + 9)
      at = at + 10
    end
    local wide, by, to, absent = false, {}, {}, {}
    for t = 0, targets - 1 do
      local target = ARGV[at + t]
      local here = target == '*'
      wide = wide or here
      for _, i in ipairs(here and {} or find(target)) do
        if known[i] then
          here = true
          if not by[i] then by[i] = {}; to[#to + 1] = i end
          by[i][#by[i] + 1] = target
        end
      end
      if not here then absent[#absent + 1] = target end
    end
    at = at + targets
    if order == '' then order = next_order() end
    if wide or #to > 8 then
      local f = (key ~= '' or string.find(envelope, '"callback":"', 1, true)) and order or ''
      local all = {}
      for t = at - targets, at - 1 do all[#all + 1] = ARGV[t] end
      local put_in = room(P .. 'wide') and append(P .. 'wide', 'e', envelope, 'n', attempts, 'o', order, 's', single, 't', table.concat(all, '\n'), 'f', f,
        'r', key, 'i', id)
      last_wide = put_in or last_wide
      if put_in then
        routed = routed + 1
        if f ~= '' then fan(f, instances) end
      else
        overloaded(single, envelope)
      end
    elseif #to > 0 then
      -- To several instances: the last of them to settle it says what became of it.
      local f = #to > 1 and (key ~= '' or single ~= '' or string.find(envelope, '"callback":"', 1, true)) and order or ''
      local taken = {}
      for _, i in ipairs(to) do
        if single ~= '' then
          if put(i, 'e', envelope, 'n', attempts, 'o', order, 'w', last_wide, 's', single, 'f', f, 'r', key, 'i', id) then taken[#taken + 1] = i end
        elseif put(i, 'e', envelope, 'n', attempts, 'o', order, 'w', last_wide, 't', table.concat(by[i], '\n'), 'f', f, 'r', key, 'i', id) then
          taken[#taken + 1] = i
        end
      end
      if f ~= '' and #taken > 0 then fan(f, taken) end
      if #taken == #to then
        routed = routed + 1
      else
        overloaded(single, envelope)
        if #taken == 0 then note(key, id, single, 'dropped', 'overloaded') end
      end
    end
    for _, target in ipairs(absent) do
      local kind = string.sub(target, 1, 1)
      if kind == 'n' then kind, target = 'q', 'q' .. string.sub(target, 2) end
      local deadline, why
      if kind == 'u' or kind == 'a' or kind == 'q' then
        if want_box ~= '' then
          deadline, why = string.match(order, '^%d+') + box_age, 'age'
        else
          local left = redis.pcall('PTTL', key_of('left:', target))
          if type(left) == 'number' and left > 0 then deadline, why = now + left, 'grace' end
        end
      end
      if deadline and expires ~= '' and tonumber(expires) < deadline then deadline, why = tonumber(expires), 'ttl' end
      local dropped = deadline and keep(target, order, attempts, deadline, why, envelope, box_most, box_bytes, now_text)
      if dropped then
        stored, evicted = stored + 1, evicted + dropped
        note(key, id, target, 'stored', '')
        tell(target, 'stored', why)
      elseif #to == 0 and not wide or single == '' and kind ~= 'g' and kind ~= 'd' then
        if attempts == '0' then
          nobody = nobody + 1
          note(key, id, target, 'no_connection', '')
          tell(target, 'no_connection', '')
        else
          gone = gone + 1
          note(key, id, target, 'dropped', 'connection_gone')
          tell(target, 'dropped', 'connection_gone')
        end
      end
    end
  end
end
end_order()
if right then redis.call('LTRIM', list, 0, -1 - n) else redis.call('LTRIM', list, n, -1) end
for _, x in ipairs(notes) do receipt(x[1], x[2], x[3], x[4], x[5], now_text) end
return {'ok', routed, nobody, gone, full, rejected, stored, evicted, receipts_failed, redis.call('LLEN', whole), told}
)lua"};

const script refuse_big{R"lua(
local P, token, feed, list, pop, source, sum, record, most = unpack(ARGV)
if redis.call('GET', P .. 'router' .. feed) ~= token then return 0 end
local right = false
if source == 'returned' then list = list .. ':returned' else right = pop == 'right' end
local e = redis.call('LINDEX', list, right and -1 or 0)
if not e or redis.sha1hex(e) ~= sum then return 0 end
redis.pcall('RPUSH', P .. 'rejected', record)
redis.pcall('LTRIM', P .. 'rejected', -most, -1)
if right then redis.call('LTRIM', list, 0, -2) else redis.call('LTRIM', list, 1, -1) end
redis.call('DEL', P .. 'routing' .. feed)
return 1
)lua"};

const script reject_once{R"lua(
local P, sum, record, most = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if redis.call('SET', P .. 'rejected:' .. sum, 1, 'NX', 'EX', 10) then
  redis.call('RPUSH', P .. 'rejected', record)
  redis.call('LTRIM', P .. 'rejected', -most, -1)
end
return 1
)lua"};

const script trim_wide{R"lua(
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
)lua"};

const script sweep{parts::names, parts::receipts, parts::mailbox, R"lua(
local now, now_text = clock(), ARGV[2]
local ends = {ttl = 0, age = 0, gone = 0, nobody = 0}
for _, target in ipairs(redis.call('ZRANGEBYSCORE', P .. 'mailboxes', '-inf', now, 'LIMIT', 0, 100)) do
  local box, next_deadline, size = key_of('mailbox:', target), nil, 0
  for _, member in ipairs(redis.call('ZRANGE', box, 0, -1)) do
    local _, n, deadline, why, e = parts_of(member)
    if deadline <= now then
      redis.call('ZREM', box, member)
      if why == 'ttl' then
        ends.ttl = ends.ttl + 1
        receipt_of(e, target, 'expired', '', now_text)
      elseif why == 'age' then
        ends.age = ends.age + 1
        receipt_of(e, target, 'dropped', 'mailbox_age', now_text)
      elseif n == '0' then
        ends.nobody = ends.nobody + 1
        receipt_of(e, target, 'no_connection', '', now_text)
      else
        ends.gone = ends.gone + 1
        receipt_of(e, target, 'dropped', 'connection_gone', now_text)
      end
    else
      size = size + #member
      if not next_deadline or deadline < next_deadline then next_deadline = deadline end
    end
  end
  if next_deadline then
    redis.call('ZADD', P .. 'mailboxes', next_deadline, target)
    redis.call('HSET', P .. 'mailbox:sizes', target, size)
  else
    drop_box(target)
  end
end
return {ends.ttl, ends.age, ends.gone, ends.nobody, receipts_failed, redis.call('ZCARD', P .. 'mailboxes')}
)lua"};

}  // namespace wsidecar::redis::scripts
