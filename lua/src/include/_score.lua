--- @include "_run"
--- Scores are seconds since the epoch, UTC, as text with six decimals.

--- The score for a timestamp argument; the server's clock for an empty or missing one.
--- Below 2^33 (the year 2242) a double tells microseconds apart; servers store doubles.
local function check_timestamp(value)
  if not value or value == '' then
    local now = call('TIME')
    return string.format('%s.%06d', now[1], now[2])
  end
  if #value > 20 or not string.find(value, '^%d+%.?%d*$') or tonumber(value) >= 8589934592 then
    refuse('SEQUERE_TIMESTAMP', 'timestamp must be seconds since the epoch, UTC, from 0 to below 8589934592, '
      .. 'such as 1382676091.612067; got ' .. shown(value))
  end
  return string.format('%.6f', tonumber(value))
end
