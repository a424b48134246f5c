--- @include "_undo"
--- @include "_uid_key"
--- @include "_name_key"

--- The resource's uid; a new one if it has none. Uids are given out at the first
--- write that a resource takes part in.
local function obtain_uid(identifier, object_id)
  local key = uid_key(identifier, object_id)
  local uid = call('GET', key)
  if uid then
    return uid
  end
  local n, last = #undo, prefix .. 'global:uid'
  uid = string.format('%.0f', call('INCR', last))
  undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'DECR', last, false, false
  local name = name_key(uid)
  if call('EXISTS', name) == 1 then
    refuse('SEQUERE_CORRUPT', last .. ' is behind: ' .. name .. ' is taken; set it to the highest uid in use')
  end
  call('HSET', name, 'identifier', identifier, 'object_id', object_id)
  undo[n + 5], undo[n + 6], undo[n + 7], undo[n + 8] = 'DEL', name, false, false
  call('SET', key, uid)
  undo[n + 9], undo[n + 10], undo[n + 11], undo[n + 12] = 'DEL', key, false, false
  return uid
end
