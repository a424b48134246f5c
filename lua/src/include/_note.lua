--- @include "_append"

--- Notes a change of an edge in the journal, if there is one: the existence of the stream is the switch. An entry says
--- what a database needs, and knows no uid.
local has_journal
local function note(operation, relation, from_identifier, from_object_id, to_identifier, to_object_id, timestamp)
  if has_journal == nil then
    local journal = prefix .. 'global:journal'
    has_journal = guard == journal or call('EXISTS', journal) == 1
  end
  if has_journal then
    append('*', 'operation', operation, 'relation', relation,
      'from_identifier', from_identifier, 'from_object_id', from_object_id,
      'to_identifier', to_identifier, 'to_object_id', to_object_id, 'timestamp', timestamp)
  end
end
