--- Adds edges of a relation from one resource to up to 50 others: all of them or, on an error, none.
--
-- ARGV
--   relation    relation                such as follow
--   from        resource                the resource that all edges start from
--   timestamp   timestamp=now           of all edges; left out: the server's clock
--   others      resource[1..50]~from    the resource that each edge leads to
-- REPLY outcome[others]
--   1 made      the edge is new
--   0 exists    the edge existed and keeps its timestamp
-- COST
--   O(M log N), M others, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/add_edges.lua sequere: sequere:global:uid , follow user 1 '' project 7 project 8

--- @include "_relations"
--- @include "_obtain_uid"
--- @include "_add_edge"
--- @include "_change"

local row = RELATIONS[relation]
local forward, backward, mutual = row.forward, row.backward, row.mutual
local from = obtain_uid(from_identifier, from_object_id)
local replies = {}
for i = others, #ARGV, 2 do
  local to_identifier, to_object_id = ARGV[i], ARGV[i + 1]
  local to = obtain_uid(to_identifier, to_object_id)
  local is_made = add_edge(forward, backward, mutual, from, from_identifier, to, to_identifier, timestamp)
  if is_noted then -- also if nothing changed; see follow.lua
    local since = is_made and timestamp or format('%.6f', call('ZSCORE', uids .. from .. ':' .. forward, to))
    change('add', relation, from_identifier, from_object_id, to_identifier, to_object_id, since)
  end
  replies[#replies + 1] = is_made and 1 or 0
end
return replies
