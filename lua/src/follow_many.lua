--- Makes one resource follow up to 200 others: all of them, or on an error none.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   from_identifier  identifier   the follower
--   from_object_id   object_id
--   timestamp        timestamp    when, the same for all; empty: the server's clock
--   others           resource...  1 to 200 pairs of identifier, object_id: those followed
-- REPLY array of integers, one for each pair, in order
--   1                the edge was created
--   0                it stood already; nothing changed, the older timestamp stays
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_TIMESTAMP
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_CORRUPT SEQUERE_FAILED
-- COST
--   O(M log N), M pairs, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/follow_many.lua sequere: , user 1 '' project 7 project 8

--- @include "_allocate"
--- @include "_score"
--- @include "_self"
--- @include "_others"
--- @include "_add_edge"

local from_identifier, from_object_id, timestamp = ARGV[1], ARGV[2], ARGV[3]

return run(3, nil, function()
  check_resource('from_', from_identifier, from_object_id)
  local others = check_others(4, 200)
  for _, other in ipairs(others) do
    check_not_self(from_identifier, from_object_id, other.identifier, other.object_id)
  end
  local score = check_timestamp(timestamp)
  local uid = obtain_uid(from_identifier, from_object_id)
  local from = {identifier = from_identifier, object_id = from_object_id, uid = uid}
  local replies = {}
  for i, other in ipairs(others) do
    other.uid = obtain_uid(other.identifier, other.object_id)
    replies[i] = add_edge(from, other, score)
  end
  return replies
end, take_back)
