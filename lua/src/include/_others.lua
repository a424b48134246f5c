--- @include "_resource"
--- Calls that take one resource and many others.

--- The others among the arguments from the given one on, checked: a list of
--- tables of identifier and object_id.
local function check_others(first, most)
  local others = {}
  local count = (#ARGV - first + 1) / 2
  if count < 1 or count > most or count ~= math.floor(count) then
    refuse('SEQUERE_ARGUMENT', 'others must be 1 to ' .. most .. ' pairs of identifier, object_id; got '
      .. (#ARGV - first + 1) .. ' arguments')
  end
  for i = 1, count do
    local identifier, object_id = ARGV[first + 2 * i - 2], ARGV[first + 2 * i - 1]
    check_resource('others ' .. i .. ' ', identifier, object_id)
    others[i] = {identifier = identifier, object_id = object_id}
  end
  return others
end
