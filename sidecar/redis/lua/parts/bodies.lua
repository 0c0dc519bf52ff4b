-- An envelope that several entries need is stored once: body:<id> is a hash, e: the envelope, n: how many entries refer to it. What
-- refers to it holds '@<id>' (in lists and mailboxes) or the field b (in streams) instead of the envelope.
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
-- The id of the body of an entry that is needed once more. `f`: its fields. One that holds its envelope gets a body, named after its id in the stream, that
-- has no owner yet.
local function body_for(stream_id, f)
  if f.b then return f.b end
  local body = 'w' .. stream_id
  if redis.call('HSETNX', body_key(body), 'e', f.e) == 1 then
    redis.call('HSET', body_key(body), 'n', 0)
    redis.call('EXPIRE', body_key(body), 172800)
  end
  return body
end
-- The envelope, whichever way it is stored; '': it has gone.
local function text_of(e)
  local id = reference_in(e)
  return not id and e or body_of(id) or ''
end
