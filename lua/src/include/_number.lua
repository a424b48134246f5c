--- @include "_run"
--- Whole numbers among the arguments.

local function check_number(name, value, least, most)
  local number = #value <= 15 and string.find(value, '^%d+$') and tonumber(value)
  if not number or number < least or number > most then
    refuse('SEQUERE_LIMIT', string.format('%s must be a whole number from %.0f to %.0f; got ', name, least, most)
      .. shown(value))
  end
  return number
end
