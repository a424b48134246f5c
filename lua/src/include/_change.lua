--- Adds a change to those that the frame appends to the journal after the body has returned.
local function change(operation, relation, from_identifier, from_object_id, to_identifier, to_object_id, timestamp)
  if not is_noted then
    return
  end
  changes = changes or {}
  local n = #changes
  changes[n + 1], changes[n + 2], changes[n + 3], changes[n + 4] = operation, relation, from_identifier, from_object_id
  changes[n + 5], changes[n + 6], changes[n + 7] = to_identifier, to_object_id, timestamp
end
