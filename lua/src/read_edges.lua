--- Tells since when up to 50 edges exist, and the journal's last entry at that moment.
--
-- ARGV
--   edges       group[1..50]
--     relation    relation
--     from        resource
--     to          resource~from
-- REPLY tuple
--   last        entry?        id of the journal's last entry; empty if there is none
--   times       repeated      one for each edge, in order
--     timestamp   timestamp?  empty if the edge does not exist
-- COST
--   O(M), M edges
-- EXAMPLE
--   redis-cli --eval lua/v1/read_edges.lua sequere: sequere:global:uid , follow user 1 project 7 follow user 1 project 8

--- @include "_edge_time"

local last = call('XREVRANGE', prefix .. 'global:journal', '+', '-', 'COUNT', 1)[1]
local reply = {last and last[1] or ''}
for i = edges, #ARGV, 5 do
  reply[#reply + 1] = edge_time(i)
end
return reply
