--- @include "_run"
--- A script that fails half-way keeps what it wrote. So each write leaves its
--- inverse here, and a failure runs them, the newest first.

local undo = {}

local function take_back()
  for i = #undo, 1, -1 do
    redis.pcall(unpack(undo[i]))
  end
end
