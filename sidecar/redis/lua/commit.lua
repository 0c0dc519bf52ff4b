-- parts: names shards places order bodies history receipts tallies mailbox inboxes heads absent kept keeping where standings rejected
-- arguments: prefix token feed key right group list n sum epoch generation process
-- arguments: inbox_most inbox_bytes rejected_most rejected_bytes now_text box_most box_bytes box_age grace
-- Routes the first n entries of `key`, whose SHA-1 is `sum`: puts their pushes into inboxes, the broadcast stream and mailboxes, and removes
-- the entries last. The rest: actions (batch.hpp). The router limits the targets of one commit, so that it takes Redis less than 10 ms.
-- Entries of an inbox have one-letter fields, which inbox_entry.hpp lists.
if redis.call('GET', prefix .. 'router' .. feed) ~= token then return {'lost'} end
-- Stops without routing. The head is then not counted as one that may have killed a router.
local function not_now(why)
  redis.pcall('DEL', prefix .. 'routing' .. feed)
  return {why}
end
-- In other data or another history than the router's instance is registered in, the registry may be wrong. `process` is the history at
-- the router's own connection, which may be the first to reach a Redis that has gone back in time.
local known = redis.call('HMGET', prefix .. 'epoch', 'id', 'generation', 'process')
if known[1] ~= epoch or known[2] ~= generation or process ~= '' and known[3] ~= '' and known[3] ~= process then return not_now('wait') end
-- Asks once for what is there only now and then.
local is_usual = redis.call('EXISTS', prefix .. 'incomplete', prefix .. 'parked' .. feed, prefix .. 'joining') == 0
local function exists(name) return not is_usual and redis.call('EXISTS', prefix .. name) == 1 end
-- While instances register again, pushes to names that are found are routed, and the others wait.
local incomplete = exists('incomplete')
-- Later entries must not overtake the entries that have waited for the registrations.
if key == list and not incomplete and exists('parked' .. feed) then return not_now('again') end
-- The head must still be the entries that were peeked.
local from_right = right == '1'
local head = head_of(key, from_right, group, tonumber(n))
if #head ~= tonumber(n) or sum_of(head) ~= sum then return not_now('moved') end
if group == '' then head = nil end
local routed, nobody, gone, full, rejected, stored, evicted, parked = 0, 0, 0, 0, 0, 0, 0, 0
local notes, refused, written = {}, false, false
-- Outcomes for operators who look for a message (commit_result.hpp).
local number, told = -1, {}
local function tell(target, outcome, reason, id)
  if #told < 1024 then
    local at = #told
    told[at + 1], told[at + 2], told[at + 3], told[at + 4] = id or number, target, outcome, reason
  end
end
local function tell_pushed_out(target, e)
  if #told >= 1024 then return end
  local ok, o = pcall(cjson.decode, text_of(e))
  if ok and type(o) == 'table' and type(o.id) == 'string' then tell(target, 'dropped', 'mailbox_full', o.id) end
end
local function note(receipts, ...)
  if receipts ~= '' then notes[#notes + 1] = {receipts, ...} end
end
local listed = false  -- whether `rejected` got records of this commit
local function reject(record)
  local shard = this_shard()
  if shard and shard ~= '0' then
    send_to('0', 'r' .. record)
    return
  end
  add_rejected(record)
  listed = true
end
local alive = {}
local function is_alive(inst)
  if alive[inst] == nil then alive[inst] = redis.call('HEXISTS', prefix .. 'instances', inst) == 1 end
  return alive[inst]
end
local remembered, not_remembered  -- what the next push is kept for; names whose history could not take one
joining = exists('joining')
-- Appends an entry to the inbox, or to the overflow list if the inbox is full or entries already wait there.
local inbox_keys, overflow_keys = {}, {}
local function put(inst, ...)
  if not inbox_keys[inst] then inbox_keys[inst], overflow_keys[inst] = prefix .. 'inbox:' .. inst, prefix .. 'overflow:' .. inst end
  local to, waiting = inbox_keys[inst], overflow_keys[inst]
  if not lengths[waiting] then lengths[waiting] = redis.call('EXISTS', waiting) end
  if lengths[waiting] > 0 or length_of(to) >= tonumber(inbox_most) then
    to = waiting
    full = full + 1
  end
  if not append(to, ...) then
    refused = true
    return false
  end
  written = true
  lengths[to] = lengths[to] + 1
  return true
end
local function park(attempts, order, tally, names, e)
  redis.call('RPUSH', prefix .. 'parked' .. feed, attempts .. '\r' .. order .. '\r' .. tally .. '\r' .. names .. '\r' .. e)
  parked = parked + 1
  written = true
end
begin_order(clock())
-- While members of an audience are between two connections, pushes to it are kept.
local anybody_away = order_away > order_ms
local limits = {count = tonumber(box_most), bytes = tonumber(box_bytes), grace = tonumber(grace), now = now_text}
-- The fast path: most pushes are for one name on one instance.
local function route_one(target, envelope)
  local only
  for _, i in ipairs(find(target)) do
    if is_alive(i) then
      if only then return false end
      only = i
    end
  end
  if not only then return false end
  if put(only, 'e', envelope, 's', target, 'w', last_broadcast) then routed = routed + 1 end
  return true
end
local plain = {key = '', attempts = '0', id = ''}
local function keep_plain(audience, envelope, order)
  local standing = absent_from(audience)
  if standing.away > 0 and keep_for_absent(audience, standing, plain, 'e', envelope, #envelope, order, '', limits) then
    stored = stored + 1
    tell(audience, 'stored', 'grace')
  end
end
-- The fast path for a push to one audience on few instances that needs no receipt and no history. `at`: of its action.
local function route_audience(at)
  if ARGV[at + 11] ~= '1' then return false end
  local envelope, target = ARGV[at + 1], ARGV[at + 12]
  local kind = string.byte(target)
  if incomplete or remembered or kind ~= 103 and kind ~= 100 or ARGV[at + 2] ~= '0' or ARGV[at + 3] ~= '' or ARGV[at + 4] ~= '' or
    ARGV[at + 5] ~= '' or ARGV[at + 10] ~= '' or reference_in(envelope) then return false end
  local to, n = find(target), 0
  for _, i in ipairs(to) do
    if is_alive(i) then
      n = n + 1
      to[n] = i
    end
  end
  -- `route` shares a large envelope, and uses the broadcast stream for many instances.
  if n == 0 or n > 8 or (n + 2) * #envelope > 4096 then return false end
  local order, placed = next_order(), false
  for k = 1, n do
    if put(to[k], 'e', envelope, 'o', order, 'w', last_broadcast, 't', target) then placed = true end
  end
  if placed then routed = routed + 1 end
  if anybody_away then
    keep_plain(target, envelope, order)
    if kind == 100 then keep_plain('p*', envelope, order) end
  end
  return true
end
local function set_markers(tally, sid, instances)
  for at = 1, #instances, 1000 do
    local words = {}
    for k = at, math.min(at + 999, #instances) do words[#words + 1] = sid .. instances[k]; words[#words + 1] = 1 end
    redis.call('HSET', tally_key(tally), unpack(words))
  end
end
local function is_audience(target)
  return target == '*' or string.find(target, '^[gd]') ~= nil
end
local function route(p)
  -- `by` has for each instance the names that it gets, and `to` lists these instances. A push to an audience (a group, a destination, all)
  -- that is on many instances goes into the broadcast stream.
  local broadcast, by, to, absent = false, {}, {}, {}
  local histories = remembered or {}
  remembered = nil
  local audience, of_audience = {}, 0
  local awaited = nobody_away
  local function give(i, target)
    if not by[i] then by[i] = {}; to[#to + 1] = i end
    by[i][#by[i] + 1] = target
  end
  for _, target in ipairs(p.targets) do
    local is_one = is_audience(target)
    if incomplete and is_one then
      -- Not all members of the audience are registered yet.
      local order = p.order ~= '' and p.order or next_order()
      if reference_in(p.envelope) then add_owners(reference_in(p.envelope), 1) end
      park(p.attempts, order, p.tally, table.concat(p.targets, '\n'), p.envelope)
      tell(target, 'parked', 'registering')
      return
    end
    local here = target == '*' or target == 'ccanary:*'
    broadcast = broadcast or here
    for _, i in ipairs(here and {} or find(target)) do
      if is_alive(i) then
        here = true
        if not is_one then
          give(i, target)
        else
          if not audience[i] then audience[i] = {}; of_audience = of_audience + 1 end
          audience[i][#audience[i] + 1] = target
        end
      end
    end
    if not here then absent[#absent + 1] = target end
    if is_one and anybody_away then
      awaited = await(awaited, target, target, here)
      if string.sub(target, 1, 1) == 'd' then awaited = await(awaited, 'p*', target, here) end
    end
  end
  broadcast = broadcast or of_audience > 8
  local audience_names = {}
  if broadcast then
    for _, target in ipairs(p.targets) do if is_audience(target) then audience_names[#audience_names + 1] = target end end
  else
    for i, names in pairs(audience) do for _, target in ipairs(names) do give(i, target) end end
  end
  local order = p.order ~= '' and p.order or next_order()
  -- An envelope that is needed in several places is stored once.
  local e, ref = p.envelope, reference_in(p.envelope)
  local places = (broadcast and 1 or 0) + #to + #absent + #awaited + #histories / 4
  if not ref and places > 2 and places * #e > 4096 then
    ref = next_order()
    redis.call('HSET', body_key(ref), 'e', e, 'n', 0)
    redis.call('PEXPIRE', body_key(ref), box_age + 86400000)  -- it goes with its last owner; this is for owners that are lost
    written = true
    e = '@' .. ref
  end
  if ref then add_owners(ref, 1) end  -- our own, until all are placed
  local letter, envelope = ref and 'b' or 'e', ref or e
  local place, id = {}, order
  -- A push that was parked or divided may be routed after newer pushes and after clients that joined meanwhile, so it gets a new place.
  if p.order ~= '' and (#histories > 0 or p.attempts == '0') then
    id = next_order()
    place = {'p', id}
  end
  if #histories > 0 then
    for k = 1, #histories, 4 do
      if remember(histories[k], id, e, tonumber(histories[k + 1]), tonumber(histories[k + 2]), tonumber(histories[k + 3]), order_ms) then
        written = true
      else
        not_remembered = (not_remembered or 0) + 1
      end
    end
  end
  local waiting = {}
  if incomplete then absent, waiting = {}, absent end
  local several = p.single == ''
  local tally, parts = p.tally, 0
  local everywhere = broadcast and (p.joins ~= '' or tally ~= '' or several and p.key ~= '') and
    redis.call('HKEYS', prefix .. 'instances') or {}
  if several and tally == '' and p.key ~= '' and (broadcast or #to + #waiting > 1 or #awaited > 0 and #to > 0) then
    tally = next_order()
    redis.call('HSET', tally_key(tally), 'left', 1)
    redis.call('EXPIRE', tally_key(tally), 172800)
  end
  if p.joins ~= '' and #everywhere + #to > 0 then
    redis.call('SET', prefix .. 'joining', 1, 'PX', 5000)
    for _, g in ipairs(split(p.joins)) do
      for _, i in ipairs(broadcast and everywhere or to) do redis.call('HSET', prefix .. 'joining:' .. g, i, 1) end
      redis.call('PEXPIRE', prefix .. 'joining:' .. g, 5000)
    end
    joining = true
  end
  if broadcast then
    -- Every instance reads this entry, so empty fields are left out. A new push needs no field for its place.
    local words = {letter, envelope, 't', table.concat(audience_names, '\n'), unpack(place)}
    local function say(name, value)
      if value ~= '' then words[#words + 1] = name; words[#words + 1] = value end
    end
    if p.attempts ~= '0' then say('n', p.attempts) end
    say('s', p.single)
    say('y', tally)
    say('r', p.key)
    if p.key ~= '' then say('i', p.id) end
    local sid = p.order == '' and redis.pcall('XADD', prefix .. 'wide', order, unpack(words)) or nil
    if type(sid) ~= 'string' then
      say('o', order)
      sid = append(prefix .. 'wide', unpack(words))
    end
    if sid then
      written = true
      last_broadcast = sid
      routed = routed + 1
      parts = parts + 1
      if ref then add_owners(ref, 1) end
      if tally ~= '' then
        parts = parts + #everywhere - 1
        set_markers(tally, sid, everywhere)
      end
    else
      refused = true
    end
  end
  if #to > 0 then
    local f = p.single ~= '' and #to > 1 and next_order() or ''
    local placed = 0
    for _, i in ipairs(to) do
      local fine
      if several then
        fine = put(i, letter, envelope, 'n', p.attempts, 'o', order, 'w', last_broadcast, 't', table.concat(by[i], '\n'), 'y', tally, 'r', p.key, 'i', p.id, unpack(place))
      else
        fine = put(i, letter, envelope, 'n', p.attempts, 'o', order, 'w', last_broadcast, 's', p.single, 'f', f, 'y', tally, 'r', p.key, 'i', p.id, unpack(place))
      end
      if fine then placed = placed + 1 end
    end
    if placed > 0 then
      routed = routed + 1
      parts = parts + (several and placed or 1)
      if ref then add_owners(ref, placed) end
      -- The last instance to settle the push writes the outcome.
      if f ~= '' then
        redis.call('HSET', prefix .. 'fan:' .. f, 'left', placed)
        redis.call('EXPIRE', prefix .. 'fan:' .. f, 86400)
      end
    end
  end
  if #waiting > 0 then
    if ref then add_owners(ref, 1) end
    park(p.attempts, order, tally, table.concat(waiting, '\n'), e)
    parts = parts + 1
    tell(waiting[1], 'parked', 'registering')
  end
  local for_absent = 0
  for _, x in ipairs(awaited) do
    if keep_for_absent(x[1], x[2], p, letter, envelope, #p.envelope, order, x[3], limits) then
      written = true
      stored, for_absent = stored + 1, for_absent + x[2].away
      tell(x[1], 'stored', 'grace')
    end
  end
  local here_stored, here_dropped = for_absent, 0
  -- Nobody was there: one is stored for one, and of more there is a summary.
  if tally == '' and for_absent == 1 then
    note(p.key, p.id, awaited[1][1], 'stored', '', '')
  elseif tally == '' and for_absent > 1 then
    write_summary(p.key, p.id, {reached = 0, dropped = 0, stored = for_absent}, now_text)
  end
  for _, target in ipairs(absent) do
    local kind = string.sub(target, 1, 1)
    if kind == 'n' then kind, target = 'q', 'q' .. string.sub(target, 2) end
    local elsewhere = kind == 'x'
    if elsewhere then kind, target = string.sub(target, 2, 2), string.sub(target, 2) end
    local deadline, why
    local of_route, whole = route_of(target)
    if of_route ~= '' then kind = string.sub(whole, 1, 1) end
    if kind == 'u' or kind == 'a' or kind == 'm' or kind == 'q' then
      if p.box ~= '' then
        deadline, why = string.match(order, '^%d+') + box_age, 'age'
      elseif elsewhere then
        -- The time in the mailbox is limited in total, even if connections take the push and do not confirm it.
        deadline, why = math.min(order_ms + grace, string.match(order, '^%d+') + 10 * grace), 'grace'
      else
        local left = redis.pcall('PTTL', key_of('left:', target))
        if type(left) == 'number' and left > 0 then deadline, why = order_ms + left, 'grace' end
      end
    end
    if kind == 'm' then target, why = of_route .. 'a' .. string.sub(whole, 2), why and why .. 'M' end
    if deadline and p.expires ~= '' and tonumber(p.expires) < deadline then deadline, why = tonumber(p.expires), kind == 'm' and 'ttlM' or 'ttl' end
    local dropped = deadline and receipts_later(keep, target, order, p.attempts, deadline, why, e, tonumber(box_most), tonumber(box_bytes), now_text, order_ms, tell_pushed_out)
    if dropped then
      written = true
      stored, evicted, here_stored = stored + 1, evicted + dropped, here_stored + 1
      note(p.key, p.id, target, 'stored', '', '')
      tell(target, 'stored', why)
    elseif not awaited[target] and (#to == 0 and not broadcast or several and kind ~= 'g' and kind ~= 'd') then
      here_dropped = here_dropped + 1
      local outcome, reason = 'no_connection', ''
      if p.attempts == '0' then nobody = nobody + 1 else gone, outcome, reason = gone + 1, 'dropped', 'connection_gone' end
      if tally == '' then note(p.key, p.id, target, outcome, reason, p.order) end
      tell(target, outcome, reason)
    end
  end
  if tally ~= '' then
    local sums = end_part(tally, parts, 0, here_dropped, here_stored, 0)
    if sums then write_summary(p.key, p.id, sums, now_text) end
  end
  if ref then release(ref) end
end
local at = rest
while at <= #ARGV do
  local action = ARGV[at]
  number = number + 1
  if action == 'one' then
    if not route_one(ARGV[at + 1], ARGV[at + 2]) then
      route({envelope = ARGV[at + 2], attempts = '0', order = '', tally = '', key = '', id = '', expires = '', box = '', single = ARGV[at + 1],
        joins = '', targets = {ARGV[at + 1]}})
    end
    at = at + 3
  elseif action == 'push' and route_audience(at) then
    at = at + 13
  elseif action == 'push' then
    local p = {}
    p.envelope, p.attempts, p.order, p.tally, p.key, p.id, p.expires, p.box, p.single, p.joins = unpack(ARGV, at + 1, at + 10)
    p.targets = {unpack(ARGV, at + 12, at + 11 + ARGV[at + 11])}
    route(p)
    at = at + 12 + ARGV[at + 11]
  elseif action == 'reject' then
    reject(ARGV[at + 1])
    rejected = rejected + 1
    at = at + 2
  elseif action == 'history' then
    remembered = {unpack(ARGV, at + 2, at + 1 + ARGV[at + 1])}
    at = at + 2 + ARGV[at + 1]
  elseif action == 'note' then
    local tally = ARGV[at + 6]
    if tally == '' then
      note(ARGV[at + 1], ARGV[at + 2], ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 7])
    else
      local sums = end_part(tally, 0, 0, 1, 0, 0)
      if sums then write_summary(ARGV[at + 1], ARGV[at + 2], sums, now_text) end
    end
    at = at + 8
  elseif action == 'more' then
    if redis.call('EXISTS', tally_key(ARGV[at + 1])) == 1 then add_parts(ARGV[at + 1], 1) end
    at = at + 2
  elseif action == 'tally' then
    -- Counts a push whose parts are in several shards: number of parts ('' if counted already), receipt key, id.
    local counts = tally_key(ARGV[at + 1])
    if ARGV[at + 2] ~= '' or redis.call('EXISTS', counts) == 1 then
      redis.call('HSET', counts, 'k', ARGV[at + 3], 'i', ARGV[at + 4])
    end
    if ARGV[at + 2] ~= '' then
      redis.call('HSET', counts, 'left', ARGV[at + 2])
      redis.call('EXPIRE', counts, 172800)
    end
    at = at + 5
  elseif action == 'send' then
    -- Queues an item for another shard: its number and the item (parts/shards.lua).
    if send_to(ARGV[at + 1], ARGV[at + 2]) then
      routed = routed + 1
      written = true
    else
      refused = true
    end
    at = at + 3
  else  -- done: an entry that referred to this body has ended
    release(ARGV[at + 1])
    at = at + 2
  end
  if refused then
    -- Redis is full, and before version 7 it refuses the first write, so nothing has changed.
    if not written then return not_now('full') end
    refused = false
    reject(cjson.encode({reason = 'redis_error: Redis refuses an entry of an inbox', envelope = ARGV[at - 1], time = now_text}))
  end
end
for audience, of in pairs(standings) do
  if of.changed then
    evicted = evicted + receipts_later(trim_kept, audience, of, limits)
    redis.call('HSET', of.key, 'n', of.count, 'z', of.bytes)
  end
end
if listed then trim_rejected(rejected_most, rejected_bytes) end
end_order()
take_head(key, from_right, group, n, head, feed)
redis.pcall('DEL', prefix .. 'routing' .. feed)
for _, x in ipairs(notes) do if is_first_end(x[6], x[3]) then receipt(x[1], x[2], x[3], x[4], x[5], now_text) end end
write_displaced()
return {'ok', routed, nobody, gone, full, rejected, stored, evicted, receipts_failed, feed == '' and redis.call('LLEN', list) or 0, told, parked, not_remembered or 0, evicted_histories}
