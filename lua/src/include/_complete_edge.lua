--- @include "_add_entry"

--- Completes an edge that was just added to the list of the from side: adds its other entries, and those of the mutual
--- list, if the relation has one and the counterpart exists. The lists of the from side show whether it exists. The
--- relation is passed as the names of its lists: a table would cost each follow about as much as a function.
local function complete_edge(forward, backward, mutual, from, from_identifier, to, to_identifier, score)
  local mine, theirs = uids .. from .. ':', uids .. to .. ':'
  add_entry(mine .. forward .. ':' .. to_identifier, score, to)
  local list = theirs .. backward
  add_entry(list, score, from)
  add_entry(list .. ':' .. from_identifier, score, from)

  local answer = mutual and call('ZSCORE', mine .. backward, to)
  if answer then
    local later = answer + 0 > score + 0 and answer or score
    list = mine .. mutual
    add_entry(list, later, to)
    add_entry(list .. ':' .. to_identifier, later, to)
    list = theirs .. mutual
    add_entry(list, later, from)
    add_entry(list .. ':' .. from_identifier, later, from)
  end
end
