--- @include "_forward_score"
--- @include "_add_forward"
--- @include "_add_backward"

--- Adds both halves of an edge, and a friendship where the other edge stands.
--- from and to are tables of uid and identifier. Returns 1, or 0 if it stood already.
local function add_edge(from, to, score)
  if not add_forward(from, to, score) then
    return 0
  end
  add_backward(from, to, score)
  local answer = forward_score(to, from)
  if answer then
    local later = tonumber(answer) > tonumber(score) and answer or score
    add_entry(from.uid, 'friends', to, later)
    add_entry(to.uid, 'friends', from, later)
  end
  return 1
end
