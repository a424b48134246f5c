--- @include "_relations"

--- What a list such as followers:user belongs to: the name and the row of its relation, and whether its owner is the
--- from side, as the owner of a mutual list is too.
local function find_list(list)
  local base = string.match(list, '^[^:]+')
  for name, relation in pairs(RELATIONS) do
    if base == relation.forward or base == relation.backward or base == relation.mutual then
      return name, relation, base ~= relation.backward
    end
  end
end
