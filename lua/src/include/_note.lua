--- Notes a change in the journal, if there is one: the existence of the stream is the switch. An entry says what a
--- database needs, and knows no uid. Notes are the last writes of a script and are never set back, so the server's
--- refusal is caught here and a body that is watched notes nothing.
local is_open
local function note(operation, relation, from_identifier, from_object_id, to_identifier, to_object_id, timestamp)
  local journal = prefix .. 'global:journal'
  if is_open == nil then
    is_open = guard == journal or call('EXISTS', journal) == 1
  end
  if not is_open or watched then
    return
  end
  local answer = redis.pcall('XADD', journal, '*', 'operation', operation, 'relation', relation,
    'from_identifier', from_identifier, 'from_object_id', from_object_id,
    'to_identifier', to_identifier, 'to_object_id', to_object_id, 'timestamp', timestamp)
  if type(answer) == 'table' and answer.err then
    refused = {'XADD', journal, tostring(answer.err)}
    error('', 2)
  end
end
