--- Whether one of two resources blocks the other: then neither may follow the other. The lists of one side show both.
local function is_barred(from, to)
  local mine = uids .. from .. ':'
  return call('ZSCORE', mine .. 'blocked', to) or call('ZSCORE', mine .. 'blocked_by', to)
end
