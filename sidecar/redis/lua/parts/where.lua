-- Finds the instances that hold a name.
local function instances_in(hash)
  local all = redis.pcall('HKEYS', hash)
  if not failed(all) then return all end
  if not string.find(all.err, 'WRONGTYPE', 1, true) then error(all.err) end
  return {}
end
local joining  -- whether groups have just been joined by pushes
local patterns
local function find(target)
  local kind, name = string.sub(target, 1, 1), string.sub(target, 2)
  if kind == 'n' or kind == 'x' then return {} end  -- for its mailbox: refused by the client; whoever is there is excepted
  if kind == 'c' and string.sub(name, 1, 7) == 'canary:' then return {string.sub(name, 8)} end
  if kind == 'c' then
    local c = redis.pcall('HMGET', prefix .. 'conn:' .. name, 'instance', 'phase')
    return c[1] and c[2] ~= 'ending' and {c[1]} or {}
  end
  local all = instances_in(key_of('where:', target))
  local others
  if kind == 'g' then
    others = joining and instances_in(prefix .. 'joining:' .. name)
  elseif kind == 'd' then
    -- Also the instances with pattern subscriptions; they match the patterns themselves.
    patterns = patterns or instances_in(prefix .. 'where:pattern:*')
    others = patterns
  end
  if not others or #others == 0 then return all end
  local seen = {}
  for _, i in ipairs(all) do seen[i] = true end
  for _, i in ipairs(others) do if not seen[i] then all[#all + 1] = i end end
  return all
end
