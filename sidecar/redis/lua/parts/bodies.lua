-- An envelope that several entries need is stored once. body:<id> is a hash with e, the envelope, and n, the number of entries that refer to
-- it. Such an entry holds '@<id>' (in lists and mailboxes) or the field b (in streams) instead of the envelope.
local function body_key(id) return prefix .. 'body:' .. id end
local function body_of(id)
  local e = redis.pcall('HGET', body_key(id), 'e')
  return type(e) == 'string' and e or nil
end
local function add_owners(id, n) redis.pcall('HINCRBY', body_key(id), 'n', n) end
local function release(id)
  local n = redis.pcall('HINCRBY', body_key(id), 'n', -1)
  if type(n) == 'number' and n <= 0 then redis.call('DEL', body_key(id)) end
end
local function reference_in(e) return string.sub(e, 1, 1) == '@' and string.sub(e, 2) or nil end
-- Returns the id of the body of an entry with the fields `f`, for one more reference. If the entry holds its envelope itself, creates a body
-- without owners, named after the entry's id in the stream.
local function body_for(stream_id, f)
  if f.b then return f.b end
  local body = 'w' .. stream_id
  if redis.call('HSETNX', body_key(body), 'e', f.e) == 1 then
    redis.call('HSET', body_key(body), 'n', 0)
    redis.call('EXPIRE', body_key(body), 172800)
  end
  return body
end
-- Returns the envelope, however it is stored, or '' if its body no longer exists.
local function text_of(e)
  local id = reference_in(e)
  return not id and e or body_of(id) or ''
end
