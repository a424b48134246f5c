--- Finds the uid of a resource.
--
-- ARGV
--   resource    resource
-- REPLY text?
--   the uid; empty for a resource that the graph does not know
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/lookup.lua sequere: sequere:global:uid , user 1

--- @include "_uid"

return find_uid(identifier, object_id) or ''
