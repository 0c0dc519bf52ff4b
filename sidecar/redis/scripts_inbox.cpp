// What an instance has delivered.

#include "sidecar/redis/script_parts.hpp"
#include "sidecar/redis/scripts.hpp"

namespace wsidecar::redis::scripts {

const script settle{parts::names, parts::receipts, parts::settling, R"lua(
local inst, outbox, cursor, now = ARGV[2], ARGV[3], ARGV[4], ARGV[5]
for k = 6, #ARGV, 13 do
  local sid, wide, back, fan, reached, dropped, key, id, target, outcome, reason, connection, lines = unpack(ARGV, k, k + 12)
  if wide ~= '' or redis.call('XDEL', P .. 'inbox:' .. inst, sid) == 1 then
    settle(inst, P .. outbox .. ':returned', now, {back = back, fan = fan, reached = tonumber(reached), dropped = tonumber(dropped),
      key = key, id = id, target = target, outcome = outcome, reason = reason, connection = connection, lines = lines})
  end
end
if cursor ~= '' then redis.call('HSET', P .. 'wide:cursors', inst, cursor) end
return receipts_failed
)lua"};

}  // namespace wsidecar::redis::scripts
