--- @include "_add_entry"

--- Adds the backward half of an edge: the lists of the one followed.
local function add_backward(from, to, score)
  return add_to_lists(to.uid, 'followers', from, score)
end
