--- Begins to fill a Redis without a journal from the database: sets the mark, which the other scripts of the rebuild
--- move.
--
-- ARGV
--   mark        mark?         the mark as the caller has seen it; empty: there was none
--   epoch       entry         the id of what the graph is from here on, given out by fence
--   replace     0|1           1 to replace a graph that is not known to be a copy of the database
-- REPLY outcome
--   1 begun     the mark is "epoch clear - epoch"
--   0 refused   there is a journal, or the mark is another; nothing changed
--   2 unmarked  there is a graph without a mark, or one that was about to be adopted; nothing changed
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/begin_rebuild.lua sequere: sequere:global:uid , '' 1382676091612-7 0

--- @include "_mark"

if call('EXISTS', prefix .. 'global:journal') == 1 or not is_marked(mark) then
  return 0
end
if replace == '0' and call('EXISTS', last_uid) == 1 and not (mark and not find(mark, ' adopt ', 1, true)) then
  return 2
end
call('SET', mark_key, epoch .. ' clear - ' .. epoch) -- the only write: nothing after it can fail
return 1
