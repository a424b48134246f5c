--- Makes one resource stop following another.
--
-- ARGV
--   from        resource        the follower
--   to          resource~from   the followed resource
-- REPLY outcome
--   1 removed   the edge is gone
--   0 absent    there was no edge
-- COST
--   O(log N), N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/unfollow.lua sequere: sequere:global:uid , user 1 project 7

--- @include "_uid"
--- @include "_remove_edge"
--- @relation "follow"

local from = find_uid(from_identifier, from_object_id)
local to = from and find_uid(to_identifier, to_object_id)
local since = to and remove_edge(FORWARD, BACKWARD, MUTUAL, from, from_identifier, to, to_identifier)
if is_noted then
  -- Also if nothing changed: a server that was restored from an older state may reply what the database does not have
  -- yet.
  changes = {'remove', 'follow', from_identifier, from_object_id, to_identifier, to_object_id, since or ''}
end
return since and 1 or 0
