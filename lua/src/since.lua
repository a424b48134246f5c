--- Replies the timestamps of up to 50 edges.
--
-- ARGV
--   edges       group[1..50]
--     relation    relation
--     from        resource
--     to          resource~from
-- REPLY tuple
--   times       repeated      one for each edge, in order
--     timestamp   score?      empty if the edge does not exist
-- COST
--   O(M), M edges
-- EXAMPLE
--   redis-cli --eval lua/v1/since.lua sequere: sequere:global:uid , follow user 1 project 7 follow user 1 project 8

--- @include "_edge_time"

local reply = {}
for i = edges, #ARGV, 5 do
  reply[#reply + 1] = edge_time(i)
end
return reply
