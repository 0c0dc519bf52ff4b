-- parts: names shards bodies receipts tallies rejected
-- arguments: prefix from after list now_text rejected_most rejected_bytes
-- Takes items from the shard `from`. Each item has a mark: its number and a hash. This shard stores the mark of the last item taken, and
-- `after` is what the sender expects that mark to be. If it differs (a reply was lost, one of the shards went back in time, or there was
-- another sender), nothing is taken and the sender looks again. The rest: pairs of mark and item. Returns {number of items taken or -1, the
-- stored mark, number of receipts that failed}.
local key = prefix .. 'shard:came'
local last = redis.call('HGET', key, from) or ''
if last ~= after then return {-1, last, 0} end
local arrived, rejected = false, false
local function take(item)
  local kind = string.sub(item, 1, 1)
  if kind == 'p' then
    local entry = string.sub(item, 2)
    if failed(redis.pcall('RPUSH', prefix .. 'shard:arrived', entry)) then return false end
    arrived = true
    local tally = string.match(entry, '^a?%d+\r[^\r]*\r([^\r]*)\r') or ''
    if elsewhere(tally) then
      redis.call('HINCRBY', tally_key(tally), 'left', 1)
      redis.call('HINCRBY', tally_key(tally), 'parts', 1)
      redis.call('EXPIRE', tally_key(tally), 172800)
    end
  elseif kind == 'w' then
    local receipts, at = word_at(item, 2)
    if receipts then write_receipt(receipts, string.sub(item, at)) end
  elseif kind == 'f' then
    local name, at = word_at(item, 2)
    local receipts, line = word_at(item, at)
    if receipts and redis.call('SET', prefix .. 'told:' .. name, 1, 'NX', 'EX', 600) then write_receipt(receipts, string.sub(item, line)) end
  elseif kind == 'r' then
    add_rejected(string.sub(item, 2))
    rejected = true
  elseif kind == 'c' then
    local name, at = word_at(item, 2)
    if name then queue_callback(name, string.sub(item, at)) end
  elseif kind == 't' then
    local tally, at = word_at(item, 2)
    local parts, reached, dropped, stored, told = string.match(string.sub(item, at), '^(%d+) (%d+) (%d+) (%d+) (%d+)$')
    if parts then
      local of = redis.call('HMGET', tally_key(tally), 'k', 'i')
      local sums = end_part(tally, 1 - parts, reached, dropped, stored, told)
      if sums then write_summary(of[1] or '', of[2] or '', sums, now_text) end
    end
  end
  return true
end
local taken = 0
for k = rest, #ARGV, 2 do
  if not take(ARGV[k + 1]) then break end
  last = ARGV[k]
  taken = taken + 1
end
if rejected then trim_rejected(rejected_most, rejected_bytes) end
redis.call('HSET', key, from, last)
-- Wakes the router, which blocks on its list.
if arrived and redis.call('LLEN', list) == 0 then redis.pcall('RPUSH', list, '\0bell') end
return {taken, last, receipts_failed}
