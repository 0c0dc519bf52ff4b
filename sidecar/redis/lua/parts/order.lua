-- Ids grow over all streams, so that an instance can merge its inbox and the broadcast stream in order.
local order_ms, order_seq, last_broadcast, order_text, order_away
local function begin_order(now)
  local last = redis.pcall('HMGET', prefix .. 'order', 'ms', 'seq', 'wide', 'away')
  order_ms, order_seq, last_broadcast, order_away = now, 0, last[3] or '', tonumber(last[4] or 0)
  if tonumber(last[1] or 0) and tonumber(last[1] or 0) >= now then order_ms, order_seq = tonumber(last[1]), tonumber(last[2]) end
  order_text = string.format('%.0f-', order_ms)
end
local function next_order()
  order_seq = order_seq + 1
  return order_text .. order_seq
end
-- Appends an entry to a stream. Returns its id, or nil if Redis refuses.
local function append(key, ...)
  local r = redis.pcall('XADD', key, next_order(), ...)
  if failed(r) and not string.find(r.err, 'OOM', 1, true) then r = redis.pcall('XADD', key, '*', ...) end
  return type(r) == 'string' and r or nil
end
local function end_order()
  redis.pcall('HSET', prefix .. 'order', 'ms', string.format('%.0f', order_ms), 'seq', order_seq, 'wide', last_broadcast)
end
