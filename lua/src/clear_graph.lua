--- Removes keys of the graph during a rebuild. The caller finds them with SCAN. Nothing is removed if another rebuild
--- has moved the mark meanwhile.
--
-- ARGV
--   mark        mark          the mark as the caller has seen it
--   reached     mark          what it is now
--   keys        key[1..500]   each of a uid, or the last uid
-- REPLY outcome
--   1 cleared   none of them is there any more
--   0 refused   there is a journal, or the mark is another; nothing changed
-- COST
--   O(M), M keys
-- EXAMPLE
--   redis-cli --eval lua/v1/clear_graph.lua sequere: sequere:global:uid , begun on sequere:uid:user:1

--- @include "_mark"

if call('EXISTS', prefix .. 'global:journal') == 1 or not is_marked(mark) then
  return 0
end
call('SET', mark_key, reached)
undo = {undo, 'SET', mark_key, mark}
call('UNLINK', unpack(ARGV, keys)) -- one command: it removes all or, if refused, none
return 1
