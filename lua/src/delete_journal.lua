--- Removes the journal if its last entry is the last one that the caller has read. After that no entry is added, and a
--- call with the journal as guard gets SEQUERE_COLD.
--
-- ARGV
--   last        entry         the last entry that the caller has read
--   release     0|1           1 to remove the mark too: calls without a guard may then write
-- REPLY outcome
--   1 deleted   the journal is removed
--   0 refused   the last entry is another one, or there is no journal; nothing was removed
-- COST
--   O(N), N entries in the journal
-- EXAMPLE
--   redis-cli --eval lua/v1/delete_journal.lua sequere: sequere:global:uid , 1382676091612-0 0

local mark_key, journal = prefix .. 'global:mark', prefix .. 'global:journal'
local entry = call('XREVRANGE', journal, '+', '-', 'COUNT', 1)[1]
if not entry or entry[1] ~= last then
  return 0
end
local mark = release == '1' and call('GET', mark_key)
if mark then
  call('DEL', mark_key)
  undo = {undo, 'SET', mark_key, mark}
end
call('DEL', journal) -- a server that is out of memory accepts it too
return 1
