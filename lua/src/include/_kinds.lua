--- The kinds in use, at most 16. Code that walks over all lists of a resource finds them here.
local kinds_key = prefix .. 'global:kinds'

--- The tails of the names of lists: empty, and @ with each kind.
local function find_tails()
  local kinds, tails = call('SMEMBERS', kinds_key), {''}
  table.sort(kinds)
  for i, kind in ipairs(kinds) do
    tails[i + 1] = '@' .. kind
  end
  return tails
end
