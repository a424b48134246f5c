--- Counts the followers, followings or friends of a resource.
--
-- KEYS
--   prefix            text         start of every key, such as sequere:
--   guard             key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   identifier        identifier
--   object_id         object_id
--   relation          relation     followers, followings or friends
--   other_identifier  identifier?  count those of this identifier only; empty or left out: all
-- REPLY integer
--   how many entries the list has; 0 for a resource that the graph does not know
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/count.lua sequere: , project 7 followers

--- @include "_resource"
--- @include "_uid"
--- @include "_relation"
--- @include "_list_key"

local identifier, object_id, relation, other_identifier = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

return run(3, 4, function()
  check_resource('', identifier, object_id)
  check_relation(relation)
  if other_identifier and other_identifier ~= '' then
    check_identifier('other_', other_identifier)
  end
  local uid = find_uid(identifier, object_id)
  return uid and call('ZCARD', list_key(uid, relation, other_identifier)) or 0
end)
