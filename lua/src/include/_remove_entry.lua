--- @include "_undo"
--- @include "_list_key"

--- Removes an entry from the list of everybody and from that of the identifier.
--- What happens to a count hangs on the reply of the ZREM beside it, so repeating
--- a call changes nothing. The score is for the way back.
local function remove_entry(uid, relation, other, score)
  local list = list_key(uid, relation)
  for _ = 1, 2 do
    if call('ZREM', list, other.uid) == 1 then
      local n, count = #undo, list .. ':count'
      undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'ZADD', list, score, other.uid
      local left = call('DECR', count)
      undo[n + 5], undo[n + 6], undo[n + 7], undo[n + 8] = 'INCR', count, false, false
      if left <= 0 then
        call('DEL', count)
        -- Below zero the count was missing: then its absence is what to go back to.
        undo[n + 5], undo[n + 7] = left == 0 and 'SET' or 'DEL', left == 0 and 1
      end
    end
    list = list .. ':' .. other.identifier
  end
end
