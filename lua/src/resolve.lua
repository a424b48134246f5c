--- Finds the resource that has a uid.
--
-- ARGV
--   uid         uid
-- REPLY tuple?
--   identifier  identifier    the array is empty for a uid that was never given out or whose resource is forgotten
--   object_id   object_id
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/resolve.lua sequere: sequere:global:uid , 1

--- @include "_name"

if call('EXISTS', uids .. ':' .. uid) == 0 then
  return {}
end
return {find_name(uid)}
