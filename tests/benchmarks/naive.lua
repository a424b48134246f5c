--- The yardstick: a follow that writes the layout and checks nothing, neither its arguments nor what the
--- server refuses. It has no journal and no way back.
local prefix = KEYS[1]
local from_identifier, from_object_id, to_identifier, to_object_id, timestamp = unpack(ARGV)

local function obtain(identifier, object_id)
  local key = prefix .. 'uid:' .. identifier .. ':' .. object_id
  local uid = redis.call('GET', key)
  if not uid then
    uid = redis.call('INCR', prefix .. 'global:uid')
    redis.call('SET', key, uid)
    redis.call('HSET', prefix .. 'uid::' .. uid, 'identifier', identifier, 'object_id', object_id)
  end
  return uid
end

local function add(list, uid, identifier)
  redis.call('ZADD', list, timestamp, uid)
  redis.call('ZADD', list .. ':' .. identifier, timestamp, uid)
  redis.call('INCR', list .. ':count')
  redis.call('INCR', list .. ':' .. identifier .. ':count')
end

local from, to = obtain(from_identifier, from_object_id), obtain(to_identifier, to_object_id)
local followings = prefix .. 'uid:' .. from .. ':followings'
if redis.call('ZSCORE', followings, to) then
  return 0
end
add(followings, to, to_identifier)
add(prefix .. 'uid:' .. to .. ':followers', from, from_identifier)
if redis.call('ZSCORE', prefix .. 'uid:' .. to .. ':followings', from) then
  add(prefix .. 'uid:' .. from .. ':friends', to, to_identifier)
  add(prefix .. 'uid:' .. to .. ':friends', from, from_identifier)
end
return 1
