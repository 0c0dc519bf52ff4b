-- parts: names shards places bodies receipts tallies mailbox kept
-- arguments: prefix now_text grace
-- Ends pushes that have waited for too long, a bounded number per call. Returns the numbers {expired, too old, gone, nobody, receipts failed,
-- mailboxes}.
local now, budget = clock(), 1000
local ends = {ttl = 0, age = 0, gone = 0, nobody = 0}
for _, target in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'mailboxes', '-inf', now, 'LIMIT', 0, 100)) do
  if budget <= 0 then break end
  local box, next_deadline, size = key_of('mailbox:', target), nil, 0
  local all = redis.pcall('ZRANGE', box, 0, -1)
  for _, member in ipairs(failed(all) and {} or all) do
    local order, n, deadline, why, e = parts_of(member)
    why = string.gsub(why, 'M$', '')
    if deadline <= now then
      redis.call('ZREM', box, member)
      if why == 'ttl' then
        ends.ttl = ends.ttl + 1
        end_member(e, target, 'expired', '', now_text, order)
      elseif why == 'age' then
        ends.age = ends.age + 1
        end_member(e, target, 'dropped', 'mailbox_age', now_text, order)
      elseif n == '0' then
        ends.nobody = ends.nobody + 1
        end_member(e, target, 'no_connection', '', now_text, order)
      else
        ends.gone = ends.gone + 1
        end_member(e, target, 'dropped', 'connection_gone', now_text, order)
      end
      budget = budget - 4
    else
      size = size + size_of(member, e)
      if not next_deadline or deadline < next_deadline then next_deadline = deadline end
      budget = budget - 1
    end
  end
  if next_deadline then
    redis.call('ZADD', prefix .. 'mailboxes', next_deadline, target)
    redis.call('HSET', prefix .. 'mailbox:sizes', target, size)
  else
    drop_box(target)
  end
  budget = budget - 4
end
-- Handovers of dead instances that nobody has claimed in time.
for _, handover in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'estates', '-inf', now, 'LIMIT', 0, 10)) do
  if budget <= 0 then break end
  local key = prefix .. 'estate:' .. handover
  local all = redis.call('XRANGE', key, '-', '+', 'COUNT', 200)
  for _, entry in ipairs(all) do
    for i = 1, #entry[2], 2 do if entry[2][i] == 'b' then release(entry[2][i + 1]) end end
    redis.call('XDEL', key, entry[1])
    budget = budget - 3
  end
  if #all < 200 then
    redis.call('DEL', key, prefix .. 'gone:' .. handover)
    redis.call('ZREM', prefix .. 'estates', handover)
  end
end
-- Kept pushes: first their end is reported. They are removed a little later, when no claim to them can still be under way.
local grace_ms = tonumber(grace)
for _, audience in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'kept', '-inf', now, 'LIMIT', 0, 200)) do
  if budget <= 0 then break end
  local key, told = key_of('kept:', audience), redis.call('HGET', prefix .. 'kept:told', audience) or '0-0'
  local claimed = redis.call('HGET', prefix .. 'kept:claimed', audience) or '0-0'
  local ended = redis.call('XRANGE', key, '(' .. told, string.format('%.0f', math.max(now - grace_ms, 0)), 'COUNT', 100)
  for _, entry in ipairs(ended) do
    local f = fields_in(entry[2])
    end_kept(audience, entry[1], f, 'no_connection', '', now_text)
    if f.a == '1' and is_before(claimed, entry[1]) then ends.nobody = ends.nobody + 1 end
    told = entry[1]
    budget = budget - 4
  end
  if #ended > 0 then
    redis.call('HSET', prefix .. 'kept:told', audience, told)
    redis.call('PEXPIRE', prefix .. 'kept:told', grace_ms + 180000)
  end
  local old = redis.call('XRANGE', key, '-', string.format('%.0f', math.max(now - grace_ms - 20000, 0)), 'COUNT', 100)
  local bytes = 0
  for _, entry in ipairs(old) do
    local f = fields_in(entry[2])
    bytes = bytes + size_kept(f)
    take_kept(audience, entry[1], f)
    budget = budget - 4
  end
  if #old > 0 and redis.call('EXISTS', key_of('absent:', audience)) == 1 then
    redis.call('HINCRBY', key_of('absent:', audience), 'n', -#old)
    redis.call('HINCRBY', key_of('absent:', audience), 'z', -bytes)
  end
  local first = redis.call('XRANGE', key, '-', '+', 'COUNT', 1)[1]
  if not first then
    redis.call('DEL', key)
    redis.call('ZREM', prefix .. 'kept', audience)
    redis.call('HDEL', key_of('absent:', audience), 'n', 'z', 'x')
    for _, of in ipairs({'kept:told', 'kept:claimed'}) do redis.call('HDEL', prefix .. of, audience) end
  else
    local next_untold = redis.call('XRANGE', key, '(' .. told, '+', 'COUNT', 1)[1]
    local due = split_order(first[1]) + grace_ms + 20000
    if next_untold then due = math.min(due, split_order(next_untold[1]) + grace_ms) end
    redis.call('ZADD', prefix .. 'kept', math.max(due, now + 1), audience)
  end
  budget = budget - 6
end
return {ends.ttl, ends.age, ends.gone, ends.nobody, receipts_failed, redis.call('ZCARD', prefix .. 'mailboxes') +
  redis.call('ZCARD', prefix .. 'kept')}
