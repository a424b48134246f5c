--- Removes keys of the graph during a rebuild. The caller finds them with SCAN. If another rebuild has changed the
--- mark, this script removes nothing.
--
-- ARGV
--   mark        mark          the mark that the caller has read
--   reached     mark          the new mark
--   keys        key[1..500]   keys that begin with {prefix}uid:, or {prefix}global:uid
-- REPLY outcome
--   1 cleared   none of these keys exists
--   0 refused   there is a journal, or the mark has changed; nothing was removed
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
