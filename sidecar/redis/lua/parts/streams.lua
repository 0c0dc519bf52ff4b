-- An app's stream as a source. The instance that holds the lease of the stream's router reads it with its own consumer group. All instances
-- use the same consumer name, so entries that a dead instance had read are pending and come first. The hash stream:<name> has `routed`, the
-- id up to which everything is routed or was not wanted, and `seen`, how many of the entries ever added have been read or are known to be
-- lost (Redis 7 counts them).
local function value_in(info, name)
  for k = 1, #info, 2 do if info[k] == name then return info[k + 1] end end
  return nil
end
local function is_before(a, b)
  local function less(x, y) return #x < #y or #x == #y and x < y end
  local a_ms, a_seq = string.match(a, '^(%d+)-(%d+)$')
  local b_ms, b_seq = string.match(b, '^(%d+)-(%d+)$')
  if a_ms ~= b_ms then return less(a_ms, b_ms) end
  return less(a_seq, b_seq)
end
-- Creates the group if it does not exist: at the first start, after XGROUP DESTROY, DEL or FLUSHALL, or on a replica that never had it. `from`
-- is $, 0-0, or the id that this instance remembers. If the stream's last id is below what was routed, it is another stream and all of it is new.
local function make_group(key, group, from, state)
  local info = redis.pcall('XINFO', 'STREAM', key)
  local there = not failed(info)
  if not there and not string.find(info.err, 'no such key', 1, true) then return info end
  local last = there and value_in(info, 'last-generated-id') or '0-0'
  local at = redis.call('HGET', state, 'routed') or from
  if at == '$' then at = last elseif is_before(last, at) then at = '0-0' end
  local made = redis.pcall('XGROUP', 'CREATE', key, group, at, 'MKSTREAM')
  if failed(made) then return made end
  redis.call('HSET', state, 'routed', at)
  redis.call('HDEL', state, 'seen')
  local added = there and tonumber(value_in(info, 'entries-added')) or not there and 0
  if added and at == last then
    redis.call('HSET', state, 'seen', added)
  elseif added and at == '0-0' then
    redis.call('HSET', state, 'seen', added - value_in(info, 'length'))
  end
  return made
end
-- Returns how many entries were removed before they were read. `read` is the number of entries just read, `first` the first of them, and
-- `drained` whether there are no others. Returns -1 if, before Redis 7, the number is unknown but the stream begins after the last routed id.
local function count_lost(info, state, read, first, drained)
  local added, seen = tonumber(value_in(info, 'entries-added')), tonumber(redis.call('HGET', state, 'seen') or '')
  local lost, head = 0, value_in(info, 'first-entry')
  if not added then
    local routed = redis.call('HGET', state, 'routed') or '0-0'
    return head and head[1] == first and routed ~= '0-0' and -1 or 0
  end
  if not seen and not drained then return 0 end
  if seen and drained then
    lost = added - seen - read
  elseif seen and head and head[1] == first then
    lost = added - seen - value_in(info, 'length')  -- trimmed up to here
  end
  lost = math.max(lost, 0)
  local now = drained and added or seen + read + lost
  if now ~= seen then redis.call('HSET', state, 'seen', now) end
  return lost
end
local function as_text(e)
  local words = {e[1] .. '\n'}
  for k, word in ipairs(e[2]) do words[k + 1] = #word .. ':' .. word end
  return table.concat(words)
end
-- Returns pending entries from number `skip` on, then new ones, each as text: its id, LF, and each name and value as length:bytes. Returns
-- {word, 'list', entries, {}, number of lost entries, last id of the stream, id up to which everything is routed}.
local function read_stream(key, group, from, feed, most, bytes, as_kept, budget, skip)
  local state = state_of(feed)
  local pending = redis.pcall('XPENDING', key, group, '-', '+', skip + most)
  if failed(pending) and string.find(pending.err, 'NOGROUP', 1, true) then
    pending = make_group(key, group, from, state)
    if not failed(pending) then pending = {} end
  end
  if failed(pending) then
    local is_other = string.find(pending.err, 'WRONGTYPE', 1, true)
    return {is_other and 'type' or pending.err, redis.call('TYPE', key).ok}
  end
  local entries, size, lost, too_big, stopped = {}, 0, 0, nil, false
  local function take(e)
    local length = #e[1] + 1
    for _, word in ipairs(e[2]) do length = length + #word + 1 + #tostring(#word) end
    if length > bytes then
      if #entries == 0 then too_big = {'big', 'list', redis.sha1hex(e[1]), as_kept(as_text(e)), length} end
      stopped = true
    elseif #entries > 0 and size + length > budget then
      stopped = true
    else
      entries[#entries + 1] = as_text(e)
      size = size + length
    end
  end
  for k = skip + 1, #pending do
    local id = pending[k][1]
    local found = redis.call('XRANGE', key, id, id)[1]
    if found then
      take(found)
      if stopped then break end
    else
      redis.call('XACK', key, group, id)
      lost = lost + 1
    end
  end
  local read, first, drained = 0, nil, false
  while not stopped and not drained and #entries < most do
    local reply = redis.pcall('XREADGROUP', 'GROUP', group, 'router', 'COUNT', 1, 'STREAMS', key, '>')
    if failed(reply) then return {reply.err} end
    local e = reply and reply[1][2][1]
    if e then
      read, first = read + 1, first or e[1]
      take(e)
    else
      drained = true
    end
  end
  local info, last = nil, ''
  if read > 0 or drained then
    info = redis.call('XINFO', 'STREAM', key)
    last = value_in(info, 'last-generated-id')
    local unread = count_lost(info, state, read, first, drained)
    lost = lost > 0 and math.max(unread, 0) + lost or unread
  end
  if too_big then return too_big end
  return {'ok', 'list', entries, {}, lost, last, redis.call('HGET', state, 'routed') or ''}
end
