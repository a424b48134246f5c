--- Tells whether one resource follows another.
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
--   1                yes
--   0                no
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/is_following.lua sequere: , user 1 project 7

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
  if from_uid and to_uid and call('ZSCORE', list_key(from_uid, 'followings'), to_uid) then
    return 1
  end
  return 0
end)
