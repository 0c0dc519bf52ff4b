-- What is pushed to an audience (a group, a destination, all) while somebody who belonged to it is between two connections is kept once:
--   absent:<audience>  hash: a deadline (ms) -> how many of those whose absence ends then have not come back. There are few deadlines: they are
--                   rounded up. c: how many are away; next: when the first deadline passes, and they have to be counted anew. So a push
--                   needs one look, whatever their number. n, z: entries and bytes of the stream; x: when its expiry was set last. It goes some time after the last deadline.
--   kept:<audience>    stream of the pushes: e or b with z, its size; o order, i id; where it has them n attempts, r key of receipts; a: nobody was there.
--                   Bounded like a mailbox in count and bytes; swept once nobody can have been away for it (sweep.lua).
--   kept            zset: audiences that have such a stream, by when to look at it
--   kept:told       hash: up to where a stream's pushes have been told to have ended; kept:claimed: up to where anybody has come for them
--   away:<who>      hash of one user, alias or subscription, or of a route's NUL and one, where other pages of theirs are still there: audience -> its deadline, its field in `absent`, and the part of the stream that is
--                   theirs, as from:to pairs, the last without an end (absences.lua). PX grace.
-- The field `away` of `order` is the last deadline of all: before it nobody needs to look, and a push with nobody away costs nothing.
-- "p*" stands for the patterns of all STOMP clients: whose absence keeps what is pushed to any destination.
local function fields_in(list)
  local f = {}
  for i = 1, #list, 2 do f[list[i]] = list[i + 1] end
  return f
end
-- What becomes of those of `entry` who have not come for it.
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
