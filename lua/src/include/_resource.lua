--- @include "_identifier"

--- Refuses what is not a resource, the pair identifier, object_id. The side is
--- what stands before the two names in the arguments: "from_", "to_" or nothing.
local function check_resource(side, identifier, object_id)
  check_identifier(side .. 'identifier', identifier)
  if #object_id < 1 or #object_id > 255 or string.find(object_id, '\0', 1, true) then
    refuse('SEQUERE_OBJECT_ID', side .. 'object_id must be 1 to 255 bytes without NUL; got ' .. shown(object_id))
  end
end
