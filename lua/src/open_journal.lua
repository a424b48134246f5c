--- Ends a rebuild: makes the journal, with one entry of the operation open that says how far the rebuild was. From
--- here on changes are noted and a guard holds.
--
-- ARGV
--   progress    progress?     how far the caller thinks the rebuild is; empty: none is under way
--   entry       entry         the id of the first entry, younger than all that the database has seen
-- REPLY outcome
--   1 opened    the journal is there
--   0 refused   the rebuild is not there, or there is a journal; nothing changed
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/open_journal.lua sequere: sequere:global:uid , '' 1382676091612-0

--- @include "_rebuild"

if not is_at(progress) then
  return 0
end
if progress then
  call('DEL', progress_key)
  undo = {undo, 'SET', progress_key, progress}
end
local journal = prefix .. 'global:journal'
call('XADD', journal, entry, 'operation', 'open', 'progress', progress or '')
undo = {undo, 'DEL', journal} -- it did not exist before
return 1
