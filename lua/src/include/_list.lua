--- @include "_relation"

--- Returns the name and the row of the relation of a list such as followers@watch:user, whether the owner of the list
--- is on the from side of the edges (true for a mutual list too), and the tail of the kind.
local function find_list(list)
  local base, tail = string.match(list, '^([%l_]+)([^:]*)')
  for name, row in pairs(RELATIONS) do
    if base == row.forward or base == row.backward or base == row.mutual then
      return name .. tail, find_relation(name .. tail), base ~= row.backward, tail
    end
  end
end
