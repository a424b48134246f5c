--- @include "_run"

--- Refuses what is not an identifier. "count" would give the list of that
--- identifier and the count of the whole list one and the same key.
local function check_identifier(name, value)
  if #value < 1 or #value > 50 or string.find(value, '[^A-Za-z0-9_.%-]') or not string.find(value, '%D')
    or value == 'count' then
    refuse('SEQUERE_IDENTIFIER', name .. ' must be 1 to 50 characters of A-Z a-z 0-9 _ . -, '
      .. 'not digits alone and not "count"; got ' .. shown(value))
  end
end
