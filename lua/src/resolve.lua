--- Finds the resource that a uid stands for.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   uid              uid          a positive whole number
-- REPLY array
--   identifier       both are left out, and the array empty, for a uid never given out or forgotten
--   object_id
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_CORRUPT
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/resolve.lua sequere: , 1

--- @include "_name"

local uid = ARGV[1]

return run(1, 1, function()
  if #uid > 15 or not string.find(uid, '^[1-9]%d*$') then
    refuse('SEQUERE_ARGUMENT', 'uid must be a positive whole number', uid)
  end
  if call('EXISTS', name_key(uid)) == 0 then
    return {}
  end
  local identifier, object_id = find_name(uid)
  return {identifier, object_id}
end)
