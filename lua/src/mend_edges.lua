--- Brings up to 50 edges into another state, each if it is in the state that the caller has seen. The changes are
--- noted in the journal. All of them or, on an error, none.
--
-- ARGV
--   edges       group[1..50]
--     relation    relation
--     from        resource
--     to          resource~from
--     seen        timestamp?    since when the caller has seen it; empty: it saw none
--     wanted      timestamp?    since when it is to exist; empty: it is to be removed
-- REPLY outcome[edges]
--   1 mended    it is as wanted
--   0 changed   it was not as seen, and stays as it is
-- COST
--   O(M log N), M edges, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/mend_edges.lua sequere: sequere:global:uid , follow user 1 project 7 '' 1382676091

--- @include "_edge_time"
--- @include "_obtain_uid"
--- @include "_add_edge"
--- @include "_remove_edge"
--- @include "_note"

local replies, notes = {}, {}
for i = edges, #ARGV, 7 do
  local seen, wanted = ARGV[i + 5], ARGV[i + 6]
  local from_identifier, to_identifier = ARGV[i + 1], ARGV[i + 3]
  local since, relation, from, to = edge_time(i)
  if since == seen and seen ~= wanted then
    if seen ~= '' then
      remove_edge(relation, from, from_identifier, to, to_identifier)
      notes[#notes + 1] = {'remove', i, seen}
    end
    if wanted ~= '' then
      from, to = obtain_uid(from_identifier, ARGV[i + 2]), obtain_uid(to_identifier, ARGV[i + 4])
      add_edge(relation, from, from_identifier, to, to_identifier, wanted)
      notes[#notes + 1] = {'add', i, wanted}
    end
  end
  replies[#replies + 1] = since == seen and 1 or 0
end
for _, one in ipairs(notes) do
  local operation, i, timestamp = unpack(one, 1, 3)
  note(operation, ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], timestamp)
end
return replies
