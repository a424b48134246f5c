--- Creates the journal. Its first entry has the operation open. From then on each change of an edge is appended to the
--- journal, and a call with the journal as guard runs.
--
-- ARGV
--   mark        mark?         the mark that the caller has read; empty: there was none
--   opened      mark          the new mark
--   entry       entry         the id of the first entry, which fence has issued to this caller
-- REPLY outcome
--   1 opened    the journal exists
--   0 refused   the journal existed, the mark has changed, or fence was called again; nothing was written
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
