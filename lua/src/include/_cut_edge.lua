--- @include "_relation"
--- @include "_remove_edge"
--- @include "_change"

--- Removes an edge of the named relation, and notes the change. Returns the timestamp that it had; false if there was no edge.
local function cut_edge(name, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
  local row = find_relation(name)
  local since = remove_edge(row.forward, row.backward, row.mutual, from, from_identifier, to, to_identifier)
  if since then
    change('remove', name, from_identifier, from_object_id, to_identifier, to_object_id, since)
  end
  return since
end
