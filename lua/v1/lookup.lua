--!df flags=allow-undeclared-keys
-- sequere v1 lookup: generated from lua/src/lookup.lua, do not edit
--- Finds the uid of a resource.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   identifier       identifier
--   object_id        object_id
-- REPLY text
--   the uid; empty for a resource that the graph does not know
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/lookup.lua sequere: , user 1
local SCRIPT = 'lookup'
-- @from include/_run.lua:1
--- The frame of every script: its body runs inside run(), which turns
--- whatever stops it into one returned error reply.

local prefix, guard = KEYS[1], KEYS[2]
local refused -- the command that the server refused: name, key, the server's words

--- Stops the script with an error reply; its first word is a constant code.
local function refuse(code, text)
  error({reply = code .. ' ' .. SCRIPT .. ': ' .. text})
end

--- A value as an error text may show it: printable and short.
local function shown(value)
  if #value > 60 then
    return '"' .. string.gsub(string.sub(value, 1, 60), '%c', '?') .. '..." (' .. #value .. ' bytes)'
  end
  return '"' .. string.gsub(value, '%c', '?') .. '"'
end

--- redis.call that remembers what was refused, and at which line.
local function call(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    local command, key = ...
    refused = {command = command, key = key or '', words = tostring(reply.err)}
    error('', 2)
  end
  return reply
end

--- The error text for what a server refused. Servers word a refusal in
--- different ways: 6.2 puts its own position or a dash in front.
local function refusal(line)
  local words = string.gsub(refused.words, '^@user_script: ?%d+: ', '')
  words = string.gsub(words, '^%-', '')
  local place = SCRIPT .. ' line ' .. line .. ': ' .. refused.command .. ' ' .. refused.key
  if string.find(words, 'WRONGTYPE', 1, true) or string.find(words, 'not an integer', 1, true) then
    return 'SEQUERE_WRONGTYPE ' .. place .. ': the key holds something that is not part of the graph; '
      .. 'move it away, then run audit (' .. words .. ')'
  end
  if string.find(words, 'ACL', 1, true) or string.find(words, 'NOPERM', 1, true)
    or string.find(words, 'The user executing the script', 1, true) then
    return 'SEQUERE_DENIED ' .. place .. ': grant this user the command and the key (' .. words .. ')'
  end
  -- READONLY, OOM, MISCONF ...: the server's own code stays first, where clients look for it
  return words .. ' (' .. place .. ')'
end

--- Runs the body and returns its reply; on_error, if given, runs before an error is returned.
local function run(body, on_error)
  local done, reply = pcall(body)
  if done then
    return reply
  end
  if on_error then
    on_error()
  end
  if type(reply) == 'table' then
    return redis.error_reply(reply.reply)
  end
  local line, words = string.match(tostring(reply), ':(%d+): ?(.*)$')
  if refused then
    return redis.error_reply(refusal(line or '?'))
  end
  return redis.error_reply('SEQUERE_FAILED ' .. SCRIPT .. ' line ' .. (line or '?') .. ': '
    .. (words or tostring(reply)) .. '; please report this')
end

--- Checks how many keys and arguments came, and the guard. Without most there may be any number more.
local function expect(least, most)
  if #KEYS < 1 or #KEYS > 2 then
    refuse('SEQUERE_ARGUMENT', 'takes the prefix and at most one guard as keys; got ' .. #KEYS .. ' keys')
  end
  if #ARGV < least or #ARGV > (most or #ARGV) then
    local range = most == least and '' or ' to ' .. (most or 'many')
    refuse('SEQUERE_ARGUMENT', 'takes ' .. least .. range .. ' arguments; got ' .. #ARGV)
  end
  if guard and call('EXISTS', guard) == 0 then
    refuse('SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its memory')
  end
end
-- @from include/_identifier.lua:3
--- Refuses what is not an identifier. "count" would give the list of that
--- identifier and the count of the whole list one and the same key.
local function check_identifier(name, value)
  if #value < 1 or #value > 50 or string.find(value, '[^A-Za-z0-9_.%-]') or not string.find(value, '%D')
    or value == 'count' then
    refuse('SEQUERE_IDENTIFIER', name .. ' must be 1 to 50 characters of A-Z a-z 0-9 _ . -, '
      .. 'not digits alone and not "count"; got ' .. shown(value))
  end
end
-- @from include/_resource.lua:3
--- Refuses what is not a resource, the pair identifier, object_id. The side is
--- what stands before the two names in the arguments: "from_", "to_" or nothing.
local function check_resource(side, identifier, object_id)
  check_identifier(side .. 'identifier', identifier)
  if #object_id < 1 or #object_id > 255 or string.find(object_id, '\0', 1, true) then
    refuse('SEQUERE_OBJECT_ID', side .. 'object_id must be 1 to 255 bytes without NUL; got ' .. shown(object_id))
  end
end
-- @from include/_uid.lua:2
--- Inside the graph a resource is its uid.

local function uid_key(identifier, object_id)
  return prefix .. 'uid:' .. identifier .. ':' .. object_id
end

--- The uid of a resource, as text; false if the graph does not know it.
local function find_uid(identifier, object_id)
  return call('GET', uid_key(identifier, object_id))
end
-- @from lookup.lua:22
local identifier, object_id = ARGV[1], ARGV[2]

return run(function()
  expect(2, 2)
  check_resource('', identifier, object_id)
  return find_uid(identifier, object_id) or ''
end)
