-- A push to an audience (a group, a destination, all) is kept once while any of its members is between two connections:
--   absent:<audience>  hash: a deadline (ms) -> how many whose absence ends then have not come back. Deadlines are rounded up, so there are
--                   few. c: how many are away; next: when the first deadline passes and c has to be counted again. So a push needs one
--                   look-up, however many are away. n, z: entries and bytes of the stream; x: when its expiry was last set. The hash
--                   expires some time after the last deadline.
--   kept:<audience>    stream of the pushes: e envelope, or b body and z its size; o order, i id; optional: n attempts, r receipt key, a: no
--                   member was connected. Bounded like a mailbox in count and bytes; swept when no absence can still cover it (sweep.lua).
--   kept            zset: audiences that have such a stream, by the time of the next sweep
--   kept:told       hash: up to where the ends of a stream's pushes have been reported; kept:claimed: up to where anybody has claimed them
--   away:<who>      hash of a user, alias or subscription (with route and NUL in front if other connections of theirs are still in the
--                   audience): audience -> the deadline, the field in `absent`, and the parts of the stream that are theirs, as from:to
--                   pairs of which the last is open (absences.lua). PX grace.
-- The field `away` of `order` is the latest of all deadlines. After it nobody is away, and a push costs nothing extra.
-- "p*" stands for the patterns of all STOMP clients; while one of these clients is away, pushes to every destination are kept.
local function fields_in(list)
  local f = {}
  for i = 1, #list, 2 do f[list[i]] = list[i + 1] end
  return f
end
-- Writes the outcome of a kept push for those members who have not claimed it.
local function end_kept(audience, id, f, outcome, reason, now)
  if f.r and f.r ~= '' then
    local left = redis.pcall('HGET', kept_tally(id), 'left')
    left = type(left) == 'string' and tonumber(left) or 0
    redis.call('DEL', kept_tally(id))
    if left > 0 then
      local o = {id = f.i, outcome = outcome, count = left, time = now}
      if reason ~= '' then o.reason = reason end
      if string.sub(audience, 1, 1) == 'g' then o.group = string.sub(audience, 2) end
      if string.sub(audience, 1, 1) == 'd' then o.destination = string.sub(audience, 2) end
      write_receipt(f.r, cjson.encode(o))
    end
  end
end
local function size_kept(f) return tonumber(f.z or 0) + #(f.e or '') end
local function take_kept(audience, id, f)
  redis.call('XDEL', key_of('kept:', audience), id)
  if f.b then release(f.b) end
end
