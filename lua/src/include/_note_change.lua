--- @include "_run"

--- The key of the journal: a stream of what changed, in order.
local function journal_key()
  return prefix .. 'global:journal'
end

--- Notes in the journal, if there is one, that an edge changed: the stream's existence
--- is the switch. An entry says what a database needs, and knows no uid. Returns the
--- entry's id, or false.
local function note_change(operation, from, to, timestamp)
  return call('XADD', journal_key(), 'NOMKSTREAM', '*', 'operation', operation,
    'from_identifier', from.identifier, 'from_object_id', from.object_id,
    'to_identifier', to.identifier, 'to_object_id', to.object_id, 'timestamp', timestamp)
end
