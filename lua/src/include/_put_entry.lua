--- @include "_add_entry"

--- Adds a resource to a list, or gives it another score there.
local function put_entry(list, score, uid)
  if not add_entry(list, score, uid) then
    local before = call('ZSCORE', list, uid)
    call('ZADD', list, score, uid)
    undo = {undo, 'ZADD', list, before, uid}
  end
end

--- Does the same in the list of all identifiers and in that of one identifier.
local function put_entries(list, identifier, score, uid)
  put_entry(list, score, uid)
  put_entry(list .. ':' .. identifier, score, uid)
end
