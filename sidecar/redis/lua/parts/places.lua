-- Places in the order of all streams, `<ms>-<seq>`.
local function split_order(id)
  local ms, seq = string.match(id, '^(%d+)-(%d+)$')
  return tonumber(ms) or 0, tonumber(seq) or 0
end
local function is_before(a, b)
  local a_ms, a_seq = split_order(a)
  local b_ms, b_seq = split_order(b)
  return a_ms < b_ms or a_ms == b_ms and a_seq < b_seq
end
