--- @include "_remove_entry"

--- Removes the backward half of an edge: the lists of the one followed.
local function remove_backward(from, to, score)
  remove_from_lists(to.uid, 'followers', from, score)
end
