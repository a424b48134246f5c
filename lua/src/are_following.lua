--- Tells which of up to 500 others one resource follows.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   from_identifier  identifier   the follower
--   from_object_id   object_id
--   others           resource...  1 to 500 pairs of identifier, object_id
-- REPLY array of integers, one for each pair, in order
--   1                yes
--   0                no
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(M), M pairs
-- EXAMPLE
--   redis-cli --eval lua/v1/are_following.lua sequere: , user 1 project 7 project 8

--- @include "_others"
--- @include "_uid"
--- @include "_list_key"

local from_identifier, from_object_id = ARGV[1], ARGV[2]

return run(2, nil, function()
  check_resource('from_', from_identifier, from_object_id)
  local others = check_others(3, 500)
  local from_uid = find_uid(from_identifier, from_object_id)
  local followings = from_uid and list_key(from_uid, 'followings')
  local replies = {}
  for i, other in ipairs(others) do
    local uid = from_uid and find_uid(other.identifier, other.object_id)
    replies[i] = uid and call('ZSCORE', followings, uid) and 1 or 0
  end
  return replies
end)
