--- Begins to fill a Redis without a journal from the database: sets the mark, which the other scripts of the rebuild
--- update.
--
-- ARGV
--   mark        mark?         the mark that the caller has read; empty: there was none
--   epoch       entry         the id of the new copy, issued by fence
--   replace     0|1           1 to replace a graph even if it may not be a copy of the database
-- REPLY outcome
--   1 begun     the mark is now "epoch clear - epoch"
--   0 refused   there is a journal, or the mark has changed; nothing was written
--   2 unmarked  there is a graph without a mark, or one that was being adopted; nothing was written
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
