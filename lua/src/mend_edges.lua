--- Changes the state of up to 50 edges, each only if its state is still the one that the caller has read. The journal
--- gets an entry for each change. On an error, nothing changes.
--
-- ARGV
--   edges       group[1..50]
--     relation    relation
--     from        resource
--     to          resource~from
--     seen        timestamp?    the timestamp that the caller has read; empty: there was no edge
--     wanted      timestamp?    the new timestamp; empty: the edge is removed
-- REPLY outcome[edges]
--   1 mended    the edge has the new state
--   0 changed   the edge had another state than the caller has read; it stays as it is
-- COST
--   O(M log N), M edges, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/mend_edges.lua sequere: sequere:global:uid , follow user 1 project 7 '' 1382676091

--- @include "_edge_time"
--- @include "_obtain_uid"
--- @include "_add_edge"
--- @include "_remove_edge"
--- @include "_change"

local replies = {}
for i = edges, #ARGV, 7 do
  local name, from_identifier, from_object_id, to_identifier, to_object_id, seen, wanted = unpack(ARGV, i, i + 6)
  local since, relation, from, to = edge_time(i)
  if since == seen and seen ~= wanted then
    local forward, backward, mutual = relation.forward, relation.backward, relation.mutual
    if seen ~= '' then
      remove_edge(forward, backward, mutual, from, from_identifier, to, to_identifier)
      change('remove', name, from_identifier, from_object_id, to_identifier, to_object_id, seen)
    end
    if wanted ~= '' then
      from, to = obtain_uid(from_identifier, from_object_id), obtain_uid(to_identifier, to_object_id)
      add_edge(forward, backward, mutual, from, from_identifier, to, to_identifier, wanted)
      change('add', name, from_identifier, from_object_id, to_identifier, to_object_id, wanted)
    end
  end
  replies[#replies + 1] = since == seen and 1 or 0
end
return replies
