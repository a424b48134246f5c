--- Appends the current state of up to 50 edges to the journal, and updates the mark: an entry has the timestamp of
--- an edge, or says that the edge does not exist.
--
-- ARGV
--   mark        mark          the mark that the caller has read
--   reached     mark          the new mark
--   edges       group[1..50]
--     relation    relation
--     from        resource
--     to          resource~from
-- REPLY text?
--   the id of the last entry; empty if there is no journal or the mark has changed: then nothing was written
-- COST
--   O(M), M edges
-- EXAMPLE
--   redis-cli --eval lua/v1/note_edges.lua sequere: sequere:global:uid , seen moved follow user 1 project 7

--- @include "_mark"
--- @include "_edge_time"
--- @include "_change"

if not is_noted or not is_marked(mark) then
  return ''
end
call('SET', mark_key, reached)
undo = {undo, 'SET', mark_key, mark}
for i = edges, #ARGV, 5 do
  local name, from_identifier, from_object_id, to_identifier, to_object_id = unpack(ARGV, i, i + 4)
  local since = edge_time(i)
  local operation = since == '' and 'remove' or 'add'
  change(operation, name, from_identifier, from_object_id, to_identifier, to_object_id, since)
end
return noted
