--- Makes one resource follow another.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   from_identifier  identifier   the follower
--   from_object_id   object_id
--   to_identifier    identifier   the one followed
--   to_object_id     object_id
--   timestamp        timestamp?   when; empty or left out: the server's clock
-- REPLY integer
--   1                the edge was created
--   0                it stood already; nothing changed, the older timestamp stays
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_TIMESTAMP
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_CORRUPT SEQUERE_FAILED
-- COST
--   O(log N), N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/follow.lua sequere: , user 1 project 7

--- @include "_resource"
--- @include "_allocate"
--- @include "_score"
--- @include "_self"
--- @include "_add_edge"

local from_identifier, from_object_id = ARGV[1], ARGV[2]
local to_identifier, to_object_id = ARGV[3], ARGV[4]
local timestamp = ARGV[5]

return run(4, 5, function()
  check_resource('from_', from_identifier, from_object_id)
  check_resource('to_', to_identifier, to_object_id)
  check_not_self(from_identifier, from_object_id, to_identifier, to_object_id)
  local score = check_timestamp(timestamp)
  local from_uid = obtain_uid(from_identifier, from_object_id)
  local to_uid = obtain_uid(to_identifier, to_object_id)
  local from = {identifier = from_identifier, object_id = from_object_id, uid = from_uid}
  local to = {identifier = to_identifier, object_id = to_object_id, uid = to_uid}
  return add_edge(from, to, score)
end, take_back)
