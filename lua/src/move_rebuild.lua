--- Says how far a rebuild is, if it is where the caller thinks. Only scripts that are told
--- so do anything, so a rebuild that stood still while another went on does no harm.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   progress         progress?    how far the caller thinks the rebuild is; empty: none is under way
--   reached          progress     how far it is now, 1 to 255 bytes
-- REPLY integer
--   1                it is now
--   0                the rebuild is not there, or there is a journal; nothing changed
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/move_rebuild.lua sequere: , '' begun

--- @include "_is_at"
--- @include "_check_progress"

local progress, reached = ARGV[1], ARGV[2]

return run(2, 2, function()
  check_progress('progress', progress, 0)
  check_progress('reached', reached, 1)
  if not is_at(progress) then
    return 0
  end
  call('SET', progress_key(), reached)
  return 1
end)
