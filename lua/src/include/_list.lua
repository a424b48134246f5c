--- @include "_relations"

--- The name and the row of the relation of a list such as followers:user, and whether the owner of the list is on the
--- from side of the edges, which is so for a mutual list too.
local function find_list(list)
  local base = string.match(list, '^[^:]+')
  for name, relation in pairs(RELATIONS) do
    if base == relation.forward or base == relation.backward or base == relation.mutual then
      return name, relation, base ~= relation.backward
    end
  end
end
