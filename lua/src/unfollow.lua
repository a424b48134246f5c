--- Makes one resource stop following another.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   from_identifier  identifier   the follower
--   from_object_id   object_id
--   to_identifier    identifier   the one followed
--   to_object_id     object_id
-- REPLY integer
--   1                the edge was removed
--   0                there was none; nothing changed
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID SEQUERE_SELF
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_CORRUPT SEQUERE_FAILED
-- COST
--   O(log N), N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/unfollow.lua sequere: , user 1 project 7

--- @include "_resource"
--- @include "_uid"
--- @include "_self"
--- @include "_remove_edge"

local from_identifier, from_object_id = ARGV[1], ARGV[2]
local to_identifier, to_object_id = ARGV[3], ARGV[4]

return run(4, 4, function()
  check_resource('from_', from_identifier, from_object_id)
  check_resource('to_', to_identifier, to_object_id)
  check_not_self(from_identifier, from_object_id, to_identifier, to_object_id)
  local from_uid = find_uid(from_identifier, from_object_id)
  local to_uid = find_uid(to_identifier, to_object_id)
  if not (from_uid and to_uid) then
    return 0
  end
  local from = {identifier = from_identifier, object_id = from_object_id, uid = from_uid}
  local to = {identifier = to_identifier, object_id = to_object_id, uid = to_uid}
  return remove_edge(from, to)
end, take_back)
