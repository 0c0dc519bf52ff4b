-- A mailbox is a sorted set for one name. All scores are 0, so its members are sorted by the order of the pushes, including those that are
-- put back. A member: order, attempts, deadline (ms), the reason with which it ends then (followed by M if it is only for members of one of
-- the push's groups), envelope or '@' and the id of its body.
local function member_of(order, n, deadline, why, e)
  local ms, seq = string.match(order, '^(%d+)-(%d+)$')
  return string.format('%015.0f-%010.0f', ms, seq) .. '\r' .. n .. '\r' .. string.format('%.0f', deadline) .. '\r' .. why .. '\r' .. e
end
local function parts_of(member)
  local ms, seq, n, deadline, why, e = string.match(member, '^(%d+)-(%d+)\r(%d+)\r(%d+)\r(%a*)\r(.*)$')
  return string.format('%.0f-%.0f', ms, seq), n, tonumber(deadline), why, e
end
-- The size that counts for mailbox.bytes; it includes an envelope that is stored in a body.
local function size_of(member, e)
  local id = reference_in(e)
  local elsewhere = id and redis.pcall('HSTRLEN', body_key(id), 'e')
  return #member + (type(elsewhere) == 'number' and elsewhere or 0)
end
-- Writes the receipt of a push that ends in its mailbox.
local function receipt_of(e, target, outcome, reason, now, order)
  if not string.find(e, '"receipt":"', 1, true) then return end
  local ok, o = pcall(cjson.decode, e)
  if ok and type(o) == 'table' and type(o.receipt) == 'string' and is_first_end(order, target) then receipt(o.receipt, o.id, target, outcome, reason, now) end
end
local function drop_box(target)
  redis.call('DEL', key_of('mailbox:', target))
  redis.call('ZREM', prefix .. 'mailboxes', target)
  redis.call('HDEL', prefix .. 'mailbox:sizes', target)
end
local function end_member(e, target, outcome, reason, now, order)
  receipt_of(text_of(e), target, outcome, reason, now, order)
  local id = reference_in(e)
  if id then release(id) end
end
-- Puts a push into the mailbox of `target`, and removes the oldest pushes while it is too full. Returns the number removed, or nil if the push
-- was not stored. Calls `on_pushed_out`, if given, for each push removed.
local function keep(target, order, n, deadline, why, e, most, most_bytes, now, now_ms, on_pushed_out)
  local box, member = key_of('mailbox:', target), member_of(order, n, deadline, why, e)
  local added = redis.pcall('ZADD', box, 0, member)
  if failed(added) then return nil end
  if added == 0 then return 0 end
  local id = reference_in(e)
  if id then
    add_owners(id, 1)
    redis.call('PEXPIRE', body_key(id), math.max(deadline - now_ms, 0) + 86400000)
  end
  local size = redis.call('HINCRBY', prefix .. 'mailbox:sizes', target, size_of(member, e))
  local count, dropped = redis.call('ZCARD', box), 0
  while count > most or size > most_bytes do
    local oldest = redis.call('ZPOPMIN', box)[1]
    if not oldest then break end
    local its_order, _, _, _, its = parts_of(oldest)
    count, dropped = count - 1, dropped + 1
    size = redis.call('HINCRBY', prefix .. 'mailbox:sizes', target, -size_of(oldest, its))
    if on_pushed_out then on_pushed_out(target, its) end
    end_member(its, target, 'dropped', 'mailbox_full', now, its_order)
  end
  if count == 0 then drop_box(target) else redis.call('ZADD', prefix .. 'mailboxes', 'LT', deadline, target) end
  return dropped
end
