--- Says how far a rebuild is, if it is where the caller thinks. The scripts of a rebuild do nothing otherwise, so a
--- rebuild that stopped while another went on changes nothing.
--
-- ARGV
--   progress    progress?     how far the caller thinks the rebuild is; empty: none is under way
--   reached     progress      how far it is now
-- REPLY outcome
--   1 moved     it is now
--   0 refused   the rebuild is not there, or there is a journal; nothing changed
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/move_rebuild.lua sequere: sequere:global:uid , '' begun

--- @include "_rebuild"

if not is_at(progress) then
  return 0
end
call('SET', progress_key, reached) -- the only write: nothing after it can fail
return 1
