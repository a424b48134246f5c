--- Whether the mark is still the one that the caller has read. Every script of a rebuild and of an adoption sets it, so
--- a server that loses their writes loses the mark too. If the mark has changed, another run has continued the work.
local mark_key = prefix .. 'global:mark'
local function is_marked(mark)
  return (call('GET', mark_key) or '') == (mark or '')
end
