--- Closes the journal: from here on no change is noted, and a call with the journal as guard gets SEQUERE_COLD.
--- drain_journal can still read the closed journal. A journal closed before is replaced: read it first.
--
-- ARGV
-- REPLY outcome
--   1 closed    it was put away
--   0 absent    there is no journal
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/close_journal.lua sequere: sequere:global:uid

local journal = prefix .. 'global:journal'
if call('EXISTS', journal) == 0 then
  return 0
end
call('RENAME', journal, journal .. ':closed') -- the only write: nothing after it can fail
return 1
