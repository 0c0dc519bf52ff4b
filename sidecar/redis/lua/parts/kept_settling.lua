-- Settles a kept push for one member who has claimed it (settle.lua). `how` is JSON {"key","id","order","callback","envelope"}; `same` are
-- the names to which it is routed again. Returns false if Redis refuses.
local function settle_kept(returned, id, same, outcome, reason, connection, how, who, now)
  local h = cjson.decode(how)
  local function has_come()
    -- Each absent connection of the member was counted separately.
    if redis.call('SET', prefix .. 'told:' .. id .. ':' .. who .. '\0' .. connection, 1, 'NX', 'EX', 600) then
      if redis.call('EXISTS', kept_tally(id)) == 1 and redis.call('HINCRBY', kept_tally(id), 'left', -1) <= 0 then
        redis.call('DEL', kept_tally(id))
      end
    end
  end
  if same ~= '' then
    if failed(redis.pcall('RPUSH', returned, returned_entry(h.attempts, h.order, '', same, h.envelope))) then return false end
    if h.key ~= '' then has_come() end  -- what becomes of it next is said under their name
    return true
  end
  if outcome == 'delivered' then queue_callback(h.order, h.callback) end
  if h.key == '' then return true end
  -- A member of several of the push's audiences gets one final receipt.
  if outcome ~= '' and is_first_end(h.order, who) then
    receipt(h.key, h.id, who, outcome, reason, now, connection)
  end
  has_come()
  return true
end
