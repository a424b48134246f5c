--- Tells how two resources stand to each other, in both directions.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   from_identifier  identifier   one resource
--   from_object_id   object_id
--   to_identifier    identifier   the other
--   to_object_id     object_id
-- REPLY array of three integers, each 1 or 0
--   follows          the first follows the second
--   followed_by      the second follows the first
--   friend           both
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/relationship.lua sequere: , user 1 user 2

--- @include "_resource"
--- @include "_uid"
--- @include "_list_key"

local from_identifier, from_object_id = ARGV[1], ARGV[2]
local to_identifier, to_object_id = ARGV[3], ARGV[4]

return run(4, 4, function()
  check_resource('from_', from_identifier, from_object_id)
  check_resource('to_', to_identifier, to_object_id)
  local from_uid = find_uid(from_identifier, from_object_id)
  local to_uid = find_uid(to_identifier, to_object_id)
  if not (from_uid and to_uid) then
    return {0, 0, 0}
  end
  local follows = call('ZSCORE', list_key(from_uid, 'followings'), to_uid) and 1 or 0
  local followed_by = call('ZSCORE', list_key(to_uid, 'followings'), from_uid) and 1 or 0
  return {follows, followed_by, follows * followed_by}
end)
