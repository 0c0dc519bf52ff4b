-- Writes outcomes of pushes with RPUSH to the lists that their envelopes name.
local receipts_failed = 0
local first_end  -- with several shards: by what the first of them knows whether the next receipt is the first of its kind
local function write_receipt(key, line)
  local shard = this_shard()
  if shard and shard ~= '0' then
    -- Receipts are written under the service's own prefix, which is the first shard's.
    local queue = redis.pcall('LLEN', prefix .. 'shard:to:0')
    if type(queue) ~= 'number' or queue >= 1000000 or not send_to('0', (first_end and 'f' .. counted(first_end) or 'w') .. counted(key) .. line) then receipts_failed = receipts_failed + 1 end
    first_end = nil
    return
  end
  if failed(redis.pcall('RPUSH', key, line)) then
    receipts_failed = receipts_failed + 1
    return
  end
  redis.pcall('LTRIM', key, -10000, -1)
  redis.pcall('EXPIRE', key, 86400)
end
-- Returns whether no final receipt of the push has been written for this name. After a fault, two parts of a push may reach the same name.
-- `order` is the push's order when it was first routed, or '' if it has not been routed before.
local function is_first_end(order, target)
  first_end = nil
  if order == '' then return true end
  local route, whole = route_of(target)
  local name, shard = string.gsub(target, '^m', 'a'), this_shard()
  if shard then
    order = order_everywhere(order)
    if shard ~= '0' then
      first_end = order .. ':' .. name
      return true
    end
  end
  if route ~= '' and redis.call('EXISTS', prefix .. 'told:' .. order .. ':' .. string.gsub(whole, '^m', 'a')) == 1 then return false end
  local first = redis.pcall('SET', prefix .. 'told:' .. order .. ':' .. name, 1, 'NX', 'EX', 600)
  return first ~= false
end
local function receipt(key, id, target, outcome, reason, now, connection)
  if key == '' then return end
  local o = {id = id, outcome = outcome, time = now}
  target = string.match(target, '^r%Z*%z(.*)$') or target
  local kind, name = string.sub(target, 1, 1), string.sub(target, 2)
  if kind == 'q' then
    local owner, destination = string.match(name, '^(%Z*)%z(.*)$')
    kind, name = string.sub(owner, 1, 1), string.sub(owner, 2)
    o.destination = string.gsub(destination, '^/user/', '/')
  end
  if kind == 'u' then o.user = name elseif kind == 'a' or kind == 'm' then o.alias = string.match(name, '^%Z*') elseif kind == 'c' then o.connection = name end
  if reason ~= '' then o.reason = reason end
  if connection and connection ~= '' then o.connection = connection end
  write_receipt(key, cjson.encode(o))
end
