--- Whether the mark is as the caller has seen it. Every script of a rebuild and of an adoption sets it, so a server that
--- loses those writes loses the mark too; if the mark is another, another run went on.
local mark_key = prefix .. 'global:mark'
local function is_marked(mark)
  return (call('GET', mark_key) or '') == (mark or '')
end
