--- Returns the current time, as a bound of ZCOUNT, for a list whose entries expire: their score is the time at which
--- they end. nil for other lists, in which every entry counts.
local function find_now(list)
  if not find(list, '^muted') then
    return nil
  end
  local time = call('TIME')
  return format('%s.%06d', time[1], time[2])
end
