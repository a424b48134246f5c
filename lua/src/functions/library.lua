#!lua name=sequere
--- The scripts of lua/v1 as one library of functions: FCALL sequere_follow does what follow.lua does, with the
--- same keys, arguments, replies and errors.
--
-- A server runs one function at a time. So the pieces that the scripts share are here once, and what belongs
-- to the call that runs is kept in variables of the library, set anew at each call.
--
--   redis-cli -x FUNCTION LOAD REPLACE < lua/v1/sequere.functions.lua
--   redis-cli FCALL sequere_follow 1 sequere: user 1 project 7

local KEYS, ARGV, SCRIPT
--- @state

--- Makes a script a function; flags and purpose are those of the manifest.
local function register(name, flags, purpose, body)
  redis.register_function({
    function_name = 'sequere_' .. name,
    flags = flags,
    description = purpose,
    callback = function(keys, arguments)
      KEYS, ARGV, SCRIPT = keys, arguments, name
      --- @begin
      return body()
    end,
  })
end

--- @includes

--- @scripts
