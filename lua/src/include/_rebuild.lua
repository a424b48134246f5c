--- Whether a rebuild is where the caller left it. The key is written by the very scripts that do the work, so a
--- server that forgets the one forgets the other. Where it says something else, another rebuild went on or the server
--- has lost its memory; where there is a journal, the rebuild is over.
local progress_key = prefix .. 'global:rebuild'
local function is_at(progress)
  return call('EXISTS', prefix .. 'global:journal') == 0 and (call('GET', progress_key) or '') == (progress or '')
end
