--- @include "_undo"
--- @include "_list_key"
--- What happens to a count hangs on the reply of the ZREM beside it, so
--- repeating a call changes nothing. The score is for the way back.

local function remove_entry(list, uid, score)
  if call('ZREM', list, uid) == 0 then
    return
  end
  undo[#undo + 1] = {'ZADD', list, score, uid}
  local count = list .. ':count'
  local left = call('DECR', count)
  undo[#undo + 1] = {'INCR', count}
  if left <= 0 then
    call('DEL', count)
    undo[#undo] = left == 0 and {'SET', count, 1} or nil
  end
end

--- Removes from the list of everybody and from that of the identifier.
local function remove_from_lists(uid, relation, other, score)
  local list = list_key(uid, relation)
  remove_entry(list, other.uid, score)
  remove_entry(list .. ':' .. other.identifier, other.uid, score)
end
