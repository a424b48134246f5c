--- @include "_run"

local RELATIONS = {followers = true, followings = true, friends = true}

local function check_relation(value)
  if not RELATIONS[value] then
    refuse('SEQUERE_ARGUMENT', 'relation must be followers, followings or friends; got ' .. shown(value))
  end
end
