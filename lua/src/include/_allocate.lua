--- @include "_undo"
--- @include "_uid"
--- @include "_name_key"
--- Uids are given out at the first write that a resource takes part in.

--- The resource's uid, a new one if it has none.
local function obtain_uid(identifier, object_id)
  local uid = find_uid(identifier, object_id)
  if uid then
    return uid
  end
  local last = prefix .. 'global:uid'
  local number = call('INCR', last)
  undo[#undo + 1] = number == 1 and {'DEL', last} or {'DECR', last}
  uid = string.format('%.0f', number)
  local name = name_key(uid)
  if call('EXISTS', name) == 1 then
    refuse('SEQUERE_CORRUPT', last .. ' is behind: ' .. name .. ' is taken; set it to the highest uid in use')
  end
  undo[#undo + 1] = {'DEL', name}
  call('HSET', name, 'identifier', identifier, 'object_id', object_id)
  undo[#undo + 1] = {'DEL', uid_key(identifier, object_id)}
  call('SET', uid_key(identifier, object_id), uid)
  return uid
end
