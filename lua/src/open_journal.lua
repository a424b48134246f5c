--- Creates the journal, with one entry of the operation open. From then on an entry is added to the journal for each
--- change, and a call with the journal as guard is run.
--
-- ARGV
--   mark        mark?         the mark as the caller has seen it; empty: there was none
--   opened      mark          what it is now
--   entry       entry         the id of the first entry, given out by fence to the caller, who is to open
-- REPLY outcome
--   1 opened    the journal is there
--   0 refused   there is a journal, the mark is another, or fence was called again; nothing changed
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/open_journal.lua sequere: sequere:global:uid , begun opened 1382676091612-7

--- @include "_mark"

local journal, fence = prefix .. 'global:journal', prefix .. 'global:fence'
if call('EXISTS', journal) == 1 or not is_marked(mark) or call('GET', fence) ~= entry then
  return 0
end
call('SET', mark_key, opened)
undo = mark and {undo, 'SET', mark_key, mark} or {undo, 'DEL', mark_key}
call('DEL', fence)
undo = {undo, 'SET', fence, entry}
call('XADD', journal, entry, 'operation', 'open')
undo = {undo, 'DEL', journal} -- it did not exist before
return 1
