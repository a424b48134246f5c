--- @include "_run"

local function check_not_self(from_identifier, from_object_id, to_identifier, to_object_id)
  if from_identifier == to_identifier and from_object_id == to_object_id then
    refuse('SEQUERE_SELF', from_identifier .. ' ' .. shown(from_object_id) .. ' cannot follow itself')
  end
end
