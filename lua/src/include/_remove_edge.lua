--- @include "_forward_score"
--- @include "_remove_forward"
--- @include "_remove_backward"

--- Removes both halves of an edge, and the friendship if there was one.
--- from and to are tables of uid and identifier. Returns 1, or 0 if there was no edge.
local function remove_edge(from, to)
  local score = forward_score(from, to)
  if not score then
    return 0
  end
  remove_forward(from, to, score)
  remove_backward(from, to, score)
  local befriended = call('ZSCORE', list_key(from.uid, 'friends'), to.uid)
  if befriended then
    remove_entry(from.uid, 'friends', to, befriended)
    remove_entry(to.uid, 'friends', from, befriended)
  end
  return 1
end
