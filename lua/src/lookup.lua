--- Finds the uid of a resource.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   identifier       identifier
--   object_id        object_id
-- REPLY text
--   the uid; empty for a resource that the graph does not know
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/lookup.lua sequere: , user 1

--- @include "_resource"
--- @include "_uid"

local identifier, object_id = ARGV[1], ARGV[2]

return run(2, 2, function()
  check_resource('', identifier, object_id)
  return find_uid(identifier, object_id) or ''
end)
