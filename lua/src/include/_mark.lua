--- Whether the graph has no journal, and the mark is as the caller has seen it. Every script of a rebuild sets the mark,
--- so a server that forgets what was copied forgets that it was; where the mark is another, another rebuild went on.
local mark_key = prefix .. 'global:mark'
local function is_marked(mark)
  return call('EXISTS', prefix .. 'global:journal') == 0 and (call('GET', mark_key) or '') == (mark or '')
end
