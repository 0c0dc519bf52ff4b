#pragma once

// Lua functions that several scripts share. A script names the parts it needs, in this order; `P` is the prefix, ARGV[1].
// Targets are names with their kind in front: "u"ser, "a"lias, "g"roup, "c"onnection, "*" all; of STOMP "d"estination, "p"attern
// (one for all), and "q": what a user or alias has subscribed to (proto::subscription_name).

namespace wsidecar::redis::parts {

/// Names, keys, time.
inline constexpr char names[] = R"lua(
local P = ARGV[1]
local kinds = {u = 'user:', a = 'alias:', g = 'group:', d = 'destination:', p = 'pattern:', q = 'subscription:'}
local function key_of(what, target) return P .. what .. kinds[string.sub(target, 1, 1)] .. string.sub(target, 2) end
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
)lua";

/// Whether an instance's lease is over. That its key is gone is not enough: keys can be deleted, or evicted. Needs the lease in ms,
/// ARGV[2].
inline constexpr char leases[] = R"lua(
local function over(inst)
  if redis.call('EXISTS', P .. 'lease:' .. inst) == 1 then return false end
  local beat = tonumber(redis.call('HGET', P .. 'beats', inst) or 0)
  return not beat or clock() - beat >= tonumber(ARGV[2])
end
)lua";

/// Outcomes of pushes, RPUSHed where their envelopes say.
inline constexpr char receipts[] = R"lua(
local receipts_failed = 0
local function write_receipt(key, line)
  if failed(redis.pcall('RPUSH', key, line)) then
    receipts_failed = receipts_failed + 1
    return
  end
  redis.pcall('LTRIM', key, -10000, -1)
  redis.pcall('EXPIRE', key, 86400)
end
local function receipt(key, id, target, outcome, reason, now, connection)
  if key == '' then return end
  local o = {id = id, outcome = outcome, time = now}
  local kind, name = string.sub(target, 1, 1), string.sub(target, 2)
  if kind == 'q' then
    local whose, destination = string.match(name, '^(%Z*)%z(.*)$')
    kind, name = string.sub(whose, 1, 1), string.sub(whose, 2)
    o.destination = string.gsub(destination, '^/user/', '/')
  end
  if kind == 'u' then o.user = name elseif kind == 'a' then o.alias = name elseif kind == 'c' then o.connection = name end
  if reason ~= '' then o.reason = reason end
  if connection and connection ~= '' then o.connection = connection end
  write_receipt(key, cjson.encode(o))
end
)lua";

/// Ids that grow over all streams: who reads an inbox and `wide` can tell what came first.
inline constexpr char order[] = R"lua(
local order_ms, order_seq, last_wide, order_text
local function begin_order(now)
  local last = redis.pcall('HMGET', P .. 'order', 'ms', 'seq', 'wide')
  order_ms, order_seq, last_wide = now, 0, last[3] or ''
  if tonumber(last[1] or 0) and tonumber(last[1] or 0) >= now then order_ms, order_seq = tonumber(last[1]), tonumber(last[2]) end
  order_text = string.format('%.0f-', order_ms)
end
local function next_order()
  order_seq = order_seq + 1
  return order_text .. order_seq
end
local function append(key, ...)
  local r = redis.pcall('XADD', key, next_order(), ...)
  if failed(r) then r = redis.pcall('XADD', key, '*', ...) end
  return type(r) == 'string' and r or nil
end
local function end_order()
  redis.pcall('HSET', P .. 'order', 'ms', string.format('%.0f', order_ms), 'seq', order_seq, 'wide', last_wide)
end
)lua";

/// Mailboxes: a sorted set for each name, all scores 0, so that its members are in the order in which the pushes came, also
/// those that are put back: order, attempts, deadline (ms), why it ends then, envelope.
inline constexpr char mailbox[] = R"lua(
local function member_of(order, n, deadline, why, e)
  local ms, seq = string.match(order, '^(%d+)-(%d+)$')
  return string.format('%015.0f-%010.0f', ms, seq) .. '\r' .. n .. '\r' .. string.format('%.0f', deadline) .. '\r' .. why .. '\r' .. e
end
local function parts_of(member)
  local ms, seq, n, deadline, why, e = string.match(member, '^(%d+)-(%d+)\r(%d+)\r(%d+)\r(%a*)\r(.*)$')
  return string.format('%.0f-%.0f', ms, seq), n, tonumber(deadline), why, e
end
-- The receipt of a push that ends in its mailbox.
local function receipt_of(e, target, outcome, reason, now)
  if not string.find(e, '"receipt":"', 1, true) then return end
  local ok, o = pcall(cjson.decode, e)
  if ok and type(o) == 'table' and type(o.receipt) == 'string' then receipt(o.receipt, o.id, target, outcome, reason, now) end
end
local function drop_box(target)
  redis.call('DEL', key_of('mailbox:', target))
  redis.call('ZREM', P .. 'mailboxes', target)
  redis.call('HDEL', P .. 'mailbox:sizes', target)
end
-- Puts a push into the mailbox of `target`; the oldest go while it is too full. Returns how many did; nil: it was not taken.
local function keep(target, order, n, deadline, why, e, most, most_bytes, now)
  local box, member = key_of('mailbox:', target), member_of(order, n, deadline, why, e)
  local added = redis.pcall('ZADD', box, 0, member)
  if failed(added) then return nil end
  if added == 0 then return 0 end
  local size = redis.call('HINCRBY', P .. 'mailbox:sizes', target, #member)
  local count, dropped = redis.call('ZCARD', box), 0
  while count > most or size > most_bytes do
    local oldest = redis.call('ZPOPMIN', box)[1]
    if not oldest then break end
    count, dropped = count - 1, dropped + 1
    size = redis.call('HINCRBY', P .. 'mailbox:sizes', target, -#oldest)
    local _, _, _, _, text = parts_of(oldest)
    receipt_of(text, target, 'dropped', 'mailbox_full', now)
  end
  if count == 0 then drop_box(target) else redis.call('ZADD', P .. 'mailboxes', 'LT', deadline, target) end
  return dropped
end
)lua";

/// What a connection is in the registry. Needs `grace`, in ms.
inline constexpr char connections[] = R"lua(
local function count(target, inst, by)
  local key = key_of('where:', target)
  if redis.call('HINCRBY', key, inst, by) <= 0 then
    redis.call('HDEL', key, inst)
    -- The last connection of a name: who has just gone may come again.
    if grace > 0 and string.find(target, '^[uaq]') and redis.call('EXISTS', key) == 0 then
      redis.call('SET', key_of('left:', target), 1, 'PX', grace)
    end
  end
end
local function unlist(id, inst, old)
  if old.user ~= '' then
    redis.call('HDEL', P .. 'presence:' .. old.user, id)
    count('u' .. old.user, inst, -1)
  end
  for _, a in ipairs(split(old.aliases)) do count('a' .. a, inst, -1) end
  for _, g in ipairs(split(old.groups)) do count('g' .. g, inst, -1) end
  for _, name in ipairs(split(old.names)) do count(name, inst, -1) end
end
local function read(id)
  local v = redis.call('HMGET', P .. 'conn:' .. id, 'instance', 'user', 'aliases', 'groups', 'phase', 'path', 'state', 'names')
  if not v[1] then return nil end
  return {instance = v[1], user = v[2] or '', aliases = v[3] or '', groups = v[4] or '', phase = v[5], path = v[6] or '', state = v[7] or '',
    names = v[8] or ''}
end
)lua";

/// The end of a push at one instance. `s`: back (what goes to outbox:returned, or ''), fan, reached, dropped, key (of the
/// receipt, or ''), id, target ('' for groups and all), outcome, reason, connection, lines (receipts of single connections), callback
/// (what the app is told of a delivery, or '').
/// What went to several instances is decided by the last of them.
inline constexpr char settling[] = R"lua(
local function callback_in(e)  -- a quote in a payload is escaped, so that this is the member
  if not string.find(e, '"callback":"', 1, true) then return '' end
  local ok, o = pcall(cjson.decode, e)
  return ok and type(o) == 'table' and type(o.callback) == 'string' and o.callback or ''
end
local function settle(inst, returned, now, s)
  local last = true
  local fan = P .. 'fan:' .. s.fan
  if s.fan ~= '' and redis.call('EXISTS', fan) == 1 then
    if redis.call('HDEL', fan, 'i' .. inst) ~= 1 then return end  -- said before
    if s.connection ~= '' then redis.call('HSET', fan, 'connection', s.connection) end
    if s.back ~= '' and s.target ~= '' then
      redis.call('HSET', fan, 'back', s.back)
      s.back = ''
    end
    s.reached = redis.call('HINCRBY', fan, 'reached', s.reached)
    s.dropped = redis.call('HINCRBY', fan, 'dropped', s.dropped)
    last = redis.call('HINCRBY', fan, 'left', -1) <= 0
    if last then
      if s.target ~= '' and s.reached > 0 then
        s.outcome, s.reason, s.connection = 'delivered', '', redis.call('HGET', fan, 'connection') or ''
      elseif s.target ~= '' then
        s.back = redis.call('HGET', fan, 'back') or ''
      end
      redis.call('DEL', fan)
    end
  end
  if s.back ~= '' then redis.call('RPUSH', returned, s.back) end
  if s.callback ~= '' and last and (s.target ~= '' and s.outcome == 'delivered' or s.target == '' and s.reached > 0) then
    redis.call('RPUSH', P .. 'callbacks', s.callback)
  end
  if s.key == '' then return end
  for line in string.gmatch(s.lines, '[^\n]+') do write_receipt(s.key, line) end
  if not last or s.lines ~= '' then return end
  if s.target ~= '' then
    if s.back == '' then receipt(s.key, s.id, s.target, s.outcome, s.reason, now, s.connection) end
  else
    write_receipt(s.key, cjson.encode({id = s.id, outcome = 'summary', delivered = s.reached, dropped = s.dropped, time = now}))
  end
end
)lua";

}  // namespace wsidecar::redis::parts
