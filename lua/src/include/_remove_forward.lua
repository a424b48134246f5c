--- @include "_remove_entry"

--- Removes the forward half of an edge: the follower's own lists.
local function remove_forward(from, to, score)
  remove_from_lists(from.uid, 'followings', to, score)
end
