--- @include "_undo"
--- @include "_list_key"
--- What happens to a count hangs on the reply of the ZADD beside it, so
--- repeating a call changes nothing.

local function add_entry(list, uid, score)
  if call('ZADD', list, 'NX', score, uid) == 0 then
    return false
  end
  undo[#undo + 1] = {'ZREM', list, uid}
  local count = list .. ':count'
  if call('INCR', count) == 1 then
    undo[#undo + 1] = {'DEL', count}
  else
    undo[#undo + 1] = {'DECR', count}
  end
  return true
end

--- Adds to the list of everybody, whose reply decides, and to that of the identifier.
local function add_to_lists(uid, relation, other, score)
  local list = list_key(uid, relation)
  if not add_entry(list, other.uid, score) then
    return false
  end
  add_entry(list .. ':' .. other.identifier, other.uid, score)
  return true
end
