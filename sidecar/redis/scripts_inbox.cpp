// What an instance has delivered.

#include "sidecar/redis/script_parts.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis::scripts {

const script settle{parts::names, parts::receipts, parts::settling, R"lua(
local inst, outbox, cursor, now = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
local own, below, plain = P .. 'inbox:' .. inst, ARGV[6], tonumber(ARGV[7])
for k = 8 + plain, #ARGV, 14 do
  local sid, wide, back, fan, reached, dropped, key, id, target, outcome, reason, connection, lines, callback = unpack(ARGV, k, k + 13)
  -- Said before: an answer can get lost.
  local fresh
  if wide == '' then fresh = redis.call('XDEL', own, sid) == 1 else fresh = fan == '' or redis.call('EXISTS', P .. 'fan:' .. fan) == 1 end
  if fresh then
    settle(inst, P .. outbox .. ':returned', now, {back = back, fan = fan, reached = tonumber(reached), dropped = tonumber(dropped),
      key = key, id = id, target = target, outcome = outcome, reason = reason, connection = connection, lines = lines, callback = callback})
  end
end
-- What needs no more words: all below an id, and some above it.
if below ~= '' then redis.call('XTRIM', own, 'MINID', below) end
for k = 8, 7 + plain, 1000 do redis.call('XDEL', own, unpack(ARGV, k, math.min(k + 999, 7 + plain))) end
if cursor ~= '' then redis.call('HSET', P .. 'wide:cursors', inst, cursor) end
return receipts_failed
)lua"};

}  // namespace wsidecar::redis::scripts
