--- @include "_add_entry"

--- Adds the forward half of an edge: the follower's own lists.
local function add_forward(from, to, score)
  return add_to_lists(from.uid, 'followings', to, score)
end
