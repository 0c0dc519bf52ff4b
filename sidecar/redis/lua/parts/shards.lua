-- A service on several shards, each with a prefix of its own in a slot of its own (`shards` in the configuration). What a shard has for another one waits in
--   shard:to:<number>  list: items, the oldest first: "p" and an element of outbox:returned; "w", a key of receipts and a line for it ("f": and by what it is known, since
--                      it is written once); "c", a name, and what the app is
--                      to be told once; "r" and a record for `rejected`; "t", a tally, and what a shard's part of it came to
--   shard:queues       set: the numbers of shards that have such a list
-- and is taken there by the instance that routes this shard's outbox (courier.hpp).
local shard_number
-- This shard's number; false: the service has one shard only.
local function this_shard()
  if shard_number == nil then shard_number = redis.call('HGET', prefix .. 'config', 'shard') end
  return shard_number
end
-- A word with its length in front.
local function counted(word) return #word .. ':' .. word end
-- The word that begins at `at`, and where it ends.
local function word_at(text, at)
  local n, first = string.match(text, '^(%d+):()', at)
  if not n then return nil, at end
  return string.sub(text, first, first + n - 1), first + n
end
-- False: Redis refuses.
local function send_to(shard, item)
  if failed(redis.pcall('RPUSH', prefix .. 'shard:to:' .. shard, item)) then return false end
  redis.pcall('SADD', prefix .. 'shard:queues', shard)
  return true
end
-- The shard that counts a tally of which a part is counted here, and its name there; nil: it is counted here.
local function elsewhere(tally) return string.match(tally, '^%^(%d+)%.(.*)$') end
