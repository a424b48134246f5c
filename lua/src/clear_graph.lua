--- Removes keys of the graph during a rebuild. The caller finds them by SCAN; this script removes
--- nothing if another rebuild went on meanwhile.
--
-- ARGV
--   progress    progress      how far the caller thinks the rebuild is
--   keys        key[1..500]   each of a uid, or the last uid, or a journal that was put away
-- REPLY outcome
--   1 cleared   none of them is there any more
--   0 refused   the rebuild is not there, or there is a journal; nothing changed
-- COST
--   O(M), M keys
-- EXAMPLE
--   redis-cli --eval lua/v1/clear_graph.lua sequere: sequere:global:uid , begun sequere:uid:user:1

--- @include "_rebuild"

if not is_at(progress) then
  return 0
end
call('UNLINK', unpack(ARGV, keys)) -- one command: it removes all or, refused, none
return 1
