--- Makes one resource follow another.
--
-- ARGV
--   from        resource        the follower
--   to          resource~from   the followed resource
--   timestamp   timestamp=now   of the edge; left out: the server's clock
-- REPLY outcome
--   1 made      the edge is new
--   0 exists    the edge existed and keeps its timestamp
-- COST
--   O(log N), N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/follow.lua sequere: sequere:global:uid , user 1 project 7

--- @include "_obtain_uid"
--- @include "_add_edge"
--- @relation "follow"

local from = obtain_uid(from_identifier, from_object_id)
local to = obtain_uid(to_identifier, to_object_id)
local is_made = add_edge(FORWARD, BACKWARD, MUTUAL, from, from_identifier, to, to_identifier, timestamp)
if is_noted then
  -- Also if nothing changed: a server that was restored from an older state may reply what the database does not have
  -- yet.
  local since = is_made and timestamp or format('%.6f', call('ZSCORE', uids .. from .. ':' .. FORWARD, to))
  changes = {'add', 'follow', from_identifier, from_object_id, to_identifier, to_object_id, since}
end
return is_made and 1 or 0
