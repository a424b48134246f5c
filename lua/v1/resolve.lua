--!df flags=allow-undeclared-keys
-- sequere v1 resolve: generated from lua/src/resolve.lua, do not edit
--- Finds the resource that has a uid.
--
-- ARGV
--   uid         uid
-- REPLY tuple?
--   identifier  identifier    the array is empty for a uid that was never given out or whose resource is forgotten
--   object_id   object_id
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/resolve.lua sequere: sequere:global:uid , 1
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_WRONGTYPE
local SCRIPT = 'resolve'
--- The frame of every script. The build replaces the marks with the pieces of a source, and uid with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local uid = ARGV[1]
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_name.lua:1
--- The identifier and the object id of a uid that a list holds.
local function find_name(uid)
  local key = uids .. ':' .. uid
  local name = call('HMGET', key, 'identifier', 'object_id')
  if not (name[1] and name[2]) then
    if call('EXISTS', uids .. uid) == 1 then -- the key that versions 0.1 and 0.2 used
      error({'SEQUERE_CORRUPT', uids .. uid .. ' is from django-sequere 0.x; use another prefix and import these keys'})
    end
    error({'SEQUERE_CORRUPT', key .. ' does not name the resource of uid ' .. uid .. '; run audit with repair'})
  end
  return name[1], name[2]
end

local function body(uid)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from resolve.lua:15
  if call('EXISTS', uids .. ':' .. uid) == 0 then
    return {}
  end
  return {find_name(uid)}
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 1 and #ARGV <= 1
  and #uid <= 15 and find(uid, '^[1-9]%d*$')
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_uid(value)
    return #value <= 15 and find(value, '^[1-9]%d*$')
  end
  if not (#KEYS == 2 and #ARGV >= 1 and #ARGV <= 1) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 1 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('uid', uid, is_uid, 'SEQUERE_ARGUMENT', 'a positive whole number')
end
local done, reply
if not reason then
  done, reply = pcall(body, uid)
  if done then
    return reply
  end
end

-- From here on the call is refused.
local stuck = false -- what could not be undone: a key, and the command that was to undo it
if type(reply) == 'table' then
  reason = reply
elseif not (reason or refused or stuck) then
  -- Runs the body again with redis.pcall, to find the command that the server refused: it stops at the same place.
  call = function(...)
    local answer = redis.pcall(...)
    if type(answer) == 'table' and answer.err then
      local command, key = ...
      refused = {command, key or '', tostring(answer.err)}
      error('', 2)
    end
    return answer
  end
  local _, stop = pcall(body, uid)
  reply = refused and stop or reply
end

local line, words = string.match(tostring(reply), ':(%d+): ?(.*)$')
local place = SCRIPT .. ' line ' .. (line or '?')
local text
if reason then
  local code, why, value = unpack(reason, 1, 3)
  text = code .. ' ' .. SCRIPT .. ': ' .. why
  if value then
    local size = #value
    value = string.gsub(string.sub(value, 1, 60), '[%c\128-\255]', '?')
    text = text .. '; got "' .. value .. (size > 60 and '..." (' .. size .. ' bytes)' or '"')
  end
elseif refused or stuck then
  -- The error text of a server depends on its version: 6.2 puts its own position or a dash in front. If the undo was
  -- refused too, the body did not run again, and only its own error is known.
  words = string.gsub(string.gsub(refused and refused[3] or tostring(reply), '^@user_script: ?%d+: ', ''), '^%-', '')
  place = refused and place .. ': ' .. refused[1] .. ' ' .. refused[2] or place
  if find(words, 'WRONGTYPE', 1, true) or find(words, 'not an integer', 1, true)
    or find(words, 'would overflow', 1, true) then
    text = 'SEQUERE_WRONGTYPE ' .. place .. ': the key holds something that is not part of the graph; '
      .. 'move it away, then run audit (' .. words .. ')'
  elseif find(words, 'ACL', 1, true) or find(words, 'NOPERM', 1, true)
    or find(words, 'The user executing the script', 1, true) then
    text = 'SEQUERE_DENIED ' .. place .. ': grant this user the command and the key (' .. words .. ')'
  else
    -- For READONLY, OOM, MISCONF ..., the server's own code stays first, where clients look for it.
    text = words .. ' (' .. place .. ')'
  end
else
  text = 'SEQUERE_FAILED ' .. place .. ': ' .. (words or tostring(reply)) .. '; please report this'
end
return redis.error_reply(text)
