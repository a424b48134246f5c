--- Appends an entry to the journal. Nothing takes an entry back without a trace, so a script appends after all its
--- other writes. That is why the server's refusal is caught here, and why a body that runs a second time stops here.
local function append(id, ...)
  if watched then
    error('', 2)
  end
  local journal = prefix .. 'global:journal'
  local answer = redis.pcall('XADD', journal, id, ...)
  if type(answer) == 'table' and answer.err then
    refused = {'XADD', journal, tostring(answer.err)}
    error('', 2)
  end
end
