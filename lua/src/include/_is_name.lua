--- @include "_utf8"

--- Whether a name, which is an identifier and an object id, is one that a resource can have.
local function is_name(name)
  local identifier, object_id = name[1], name[2]
  return identifier and object_id and #identifier <= 50 and identifier ~= 'count'
    and find(identifier, '^[A-Za-z0-9_.%-]*[A-Za-z_.%-][A-Za-z0-9_.%-]*$')
    and #object_id >= 1 and #object_id <= 255 and not find(object_id, '%z') and is_utf8(object_id)
end
