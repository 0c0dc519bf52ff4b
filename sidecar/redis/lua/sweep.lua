-- parts: names bodies receipts mailbox
-- arguments: prefix now_text
-- Ends what has waited for too long, a bounded part of it at a time. Returns {expired, too old, gone, nobody, receipts failed, mailboxes}.
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
-- What nobody has claimed of dead instances.
for _, estate in ipairs(redis.call('ZRANGEBYSCORE', prefix .. 'estates', '-inf', now, 'LIMIT', 0, 10)) do
  if budget <= 0 then break end
  local key = prefix .. 'estate:' .. estate
  local all = redis.call('XRANGE', key, '-', '+', 'COUNT', 200)
  for _, entry in ipairs(all) do
    for i = 1, #entry[2], 2 do if entry[2][i] == 'b' then release(entry[2][i + 1]) end end
    redis.call('XDEL', key, entry[1])
    budget = budget - 3
  end
  if #all < 200 then
    redis.call('DEL', key, prefix .. 'gone:' .. estate)
    redis.call('ZREM', prefix .. 'estates', estate)
  end
end
return {ends.ttl, ends.age, ends.gone, ends.nobody, receipts_failed, redis.call('ZCARD', prefix .. 'mailboxes')}
