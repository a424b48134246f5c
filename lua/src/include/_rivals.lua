--- @include "_relations"
--- @include "_kinds"

--- The edges between two uids that may not exist beside one of this row and kind, which is from the first to the
--- second: for each, the name of its relation, and whether it is from the second to the first.
local function find_rivals(row, tail, from, to)
  local rivals, mine, theirs = {}, uids .. from .. ':', uids .. to .. ':'
  for replaced in string.gmatch(row.replaces or '', '%l+') do
    if call('ZSCORE', mine .. RELATIONS[replaced].forward .. tail, to) then
      rivals[#rivals + 1] = {replaced .. tail, false}
    end
  end
  for excluded in string.gmatch(row.excludes or '', '%l+') do
    local forward = RELATIONS[excluded].forward
    for _, kind in ipairs(RELATIONS[excluded].kinds and find_tails() or {''}) do
      if call('ZSCORE', mine .. forward .. kind, to) then
        rivals[#rivals + 1] = {excluded .. kind, false}
      end
      if call('ZSCORE', theirs .. forward .. kind, from) then
        rivals[#rivals + 1] = {excluded .. kind, true}
      end
    end
  end
  return rivals
end
