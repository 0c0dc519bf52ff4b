-- A service may have several shards (`shards` in the configuration), each with its own prefix and slot. Items for another shard wait in
--   shard:to:<number>  list of items, the oldest first: "p" and an element of outbox:returned; "w", a receipt key and a receipt ("f" instead
--                      of "w": with a name in front, under which the receipt is written only once); "c", a name, and a callback to queue
--                      once; "r" and a record for `rejected`; "t", a tally, and the outcome of one shard's part
--   shard:queues       set: the numbers of the shards that have such a list
-- The instance that routes this shard's outbox carries them there (courier.hpp).
local shard_number
-- Returns this shard's number, or false if the service has one shard only.
local function this_shard()
  if shard_number == nil then shard_number = redis.call('HGET', prefix .. 'config', 'shard') end
  return shard_number
end
-- Returns the place at which a push was first routed, in the form in which all shards know it (in_shard in core/place.hpp). What is no place,
-- or is in that form already, stays as it is.
local shard_unit = 100000000
local function order_everywhere(order)
  local shard = this_shard()
  local ms, seq = string.match(order, '^(%d+)-(%d+)$')
  if not shard or not ms or tonumber(seq) >= shard_unit then return order end
  return ms .. '-' .. string.format('%.0f', seq + shard_unit * (shard + 1))
end
-- Writes a word with its length in front.
local function counted(word) return #word .. ':' .. word end
-- Returns the word that begins at `at`, and the position after it.
local function word_at(text, at)
  local n, first = string.match(text, '^(%d+):()', at)
  if not n then return nil, at end
  return string.sub(text, first, first + n - 1), first + n
end
-- Queues an item for another shard. Returns false if Redis refuses.
local function send_to(shard, item)
  if failed(redis.pcall('RPUSH', prefix .. 'shard:to:' .. shard, item)) then return false end
  redis.pcall('SADD', prefix .. 'shard:queues', shard)
  return true
end
-- Returns the shard that holds a tally and the tally's id there, or nil if the tally is in this shard.
local function elsewhere(tally) return string.match(tally, '^%^(%d+)%.(.*)$') end
