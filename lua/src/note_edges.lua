--- Appends the state of up to 100 edges at this moment to the journal: since when each exists, or that it does not.
--
-- ARGV
--   edges       group[1..100]
--     relation    relation
--     from        resource
--     to          resource~from
-- REPLY text?
-- COST
--   O(M), M edges
-- EXAMPLE
--   redis-cli --eval lua/v1/note_edges.lua sequere: sequere:global:uid , follow user 1 project 7

--- @include "_edge_time"
--- @include "_change"

for i = edges, #ARGV, 5 do
  local name, from_identifier, from_object_id, to_identifier, to_object_id = unpack(ARGV, i, i + 4)
  local since = edge_time(i)
  local operation = since == '' and 'remove' or 'add'
  change(operation, name, from_identifier, from_object_id, to_identifier, to_object_id, since)
end
return noted -- the id of the last entry; empty if there is no journal
