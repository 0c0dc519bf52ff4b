-- parts: names shards bodies receipts tallies
-- arguments: prefix from generation sent list now_text rejected_most
-- Takes what the shard `from` has for this one, each item once, whatever answers get lost on the way. `sent`: how many of its items the sender has taken out
-- of its queue, in this generation of its data. The rest: by turns an item's mark, its number in the queue and a hash of it, and the item. Returns how many
-- were taken, from the first on.
local key = prefix .. 'shard:came'
local last_generation, last_sent, last_marks = string.match(redis.call('HGET', key, from) or '', '^(%S*) (%d+) ?(.*)$')
-- A sender that has been replaced meanwhile says nothing new.
if last_generation == generation and tonumber(sent) < tonumber(last_sent) then return {0, 0} end
local seen, marks = {}, {generation, sent}
for mark, number in string.gmatch(last_marks or '', '((%d+):%x+)') do
  -- What is out of the queue does not come again.
  if tonumber(number) >= tonumber(sent) then
    seen[mark] = true
    marks[#marks + 1] = mark
  end
end
local arrived = false
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
  elseif kind == 'r' then
    redis.pcall('RPUSH', prefix .. 'rejected', string.sub(item, 2))
    redis.pcall('LTRIM', prefix .. 'rejected', -tonumber(rejected_most), -1)
  elseif kind == 't' then
    local tally, at = word_at(item, 2)
    local parts, reached, dropped, stored = string.match(string.sub(item, at), '^(%d+) (%d+) (%d+) (%d+)$')
    if parts then
      local of = redis.call('HMGET', tally_key(tally), 'k', 'i')
      local sums = end_part(tally, 1 - parts, reached, dropped, stored)
      if sums then write_summary(of[1] or '', of[2] or '', sums, now_text) end
    end
  end
  return true
end
local taken = 0
for k = rest, #ARGV, 2 do
  if not seen[ARGV[k]] then
    if not take(ARGV[k + 1]) then break end
    marks[#marks + 1] = ARGV[k]
  end
  taken = taken + 1
end
redis.call('HSET', key, from, table.concat(marks, ' '))
-- The router sleeps at its list.
if arrived and redis.call('LLEN', list) == 0 then redis.pcall('RPUSH', list, '\0bell') end
return {taken, receipts_failed}
