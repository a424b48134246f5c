--- Makes one resource stop following another, or withdraws its request to follow it.
--
-- ARGV
--   from        resource        the follower
--   to          resource~from   the followed resource
--   kind        kind?           such as watch; empty: the follow without a kind
-- REPLY outcome
--   1 removed     the edge is gone
--   2 withdrawn   there was no edge but a request, which is gone
--   0 absent      there was neither
-- COST
--   O(log N), N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/unfollow.lua sequere: sequere:global:uid , user 1 project 7

--- @include "_uid"
--- @include "_remove_edge"
--- @relation "follow"

local from = find_uid(from_identifier, from_object_id)
local to = from and find_uid(to_identifier, to_object_id)
local forward, backward, mutual, tail = FORWARD, BACKWARD, MUTUAL, ''
if kind then
  tail = '@' .. kind
  forward, backward, mutual = forward .. tail, backward .. tail, mutual .. tail
end
local since = to and remove_edge(forward, backward, mutual, from, from_identifier, to, to_identifier)
local asked = to and not since
  and remove_edge('requested' .. tail, 'requests' .. tail, nil, from, from_identifier, to, to_identifier)
if is_noted then
  --- @include "_change"
  -- Noted even if nothing changed: a server that was restored from an older state may have replied from data that
  -- the database does not have yet.
  change('remove', 'request' .. tail, from_identifier, from_object_id, to_identifier, to_object_id, asked or '')
  change('remove', 'follow' .. tail, from_identifier, from_object_id, to_identifier, to_object_id, since or '')
end
return since and 1 or asked and 2 or 0
