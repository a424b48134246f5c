--- @include "_rivals"
--- @include "_cut_edge"

--- Removes the edges that may not exist beside one that is to be added, and notes the changes. Returns whether a follow
--- by its from side was among them, and whether one by its to side was.
local function make_way(row, tail, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
  local by_from, by_to = false, false
  for _, rival in ipairs(find_rivals(row, tail, from, to)) do
    local name, is_back = rival[1], rival[2]
    local is_follow = find(name, '^follow')
    if is_back then
      cut_edge(name, to, to_identifier, to_object_id, from, from_identifier, from_object_id)
      by_to = by_to or is_follow
    else
      cut_edge(name, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
      by_from = by_from or is_follow
    end
  end
  return by_from, by_to
end
