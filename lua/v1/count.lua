--!df flags=allow-undeclared-keys
-- sequere v1 count: generated from lua/src/count.lua, do not edit
--- Counts the followers, followings or friends of a resource.
--
-- KEYS
--   prefix            text         start of every key, such as sequere:
--   guard             key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   identifier        identifier
--   object_id         object_id
--   relation          relation     followers, followings or friends
--   other_identifier  identifier?  count those of this identifier only; empty or left out: all
-- REPLY integer
--   how many entries the list has; 0 for a resource that the graph does not know
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/count.lua sequere: , project 7 followers
local SCRIPT = 'count'
-- @from include/_run.lua:1
--- The frame of every script. What is needed only to refuse is made only then:
--- a script is compiled once, but its functions are made anew in each call.

local prefix, guard = KEYS[1], KEYS[2]
local refused -- the command that the server refused: name, key, the server's words

--- Stops the script with an error reply: a constant code, what is wrong, and the value given, shown short.
local function refuse(code, text, value)
  if value then
    local size = #value
    value = string.gsub(string.sub(value, 1, 60), '[%c\128-\255]', '?')
    text = text .. '; got "' .. value .. (size > 60 and '..." (' .. size .. ' bytes)' or '"')
  end
  error({reply = code .. ' ' .. SCRIPT .. ': ' .. text})
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

--- Runs the body and returns its reply. Before that: how many keys and arguments
--- came (without most there may be any number more), and the guard. An error comes
--- back as one reply, after take_back, if given, has set back what was written.
local function run(least, most, body, take_back)
  local done, reply = pcall(function()
    if #KEYS < 1 or #KEYS > 2 then
      refuse('SEQUERE_ARGUMENT', 'takes the prefix and at most one guard as keys; got ' .. #KEYS .. ' keys')
    end
    if #ARGV < least or #ARGV > (most or #ARGV) then
      local range = most == least and '' or most and ' to ' .. most or ' or more'
      refuse('SEQUERE_ARGUMENT', 'takes ' .. least .. range .. ' arguments; got ' .. #ARGV)
    end
    if guard and call('EXISTS', guard) == 0 then
      refuse('SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its memory, '
        .. 'or its journal was closed; the database answers')
    end
    return body()
  end)
  if done then
    return reply
  end

  local kept = take_back and take_back() -- what to say first, if something could not be set back
  local line, words = string.match(type(reply) == 'string' and reply or '', ':(%d+): ?(.*)$')
  if type(reply) == 'table' then
    reply = reply.reply
  elseif not refused then
    reply = 'SEQUERE_FAILED ' .. SCRIPT .. ' line ' .. (line or '?') .. ': ' .. (words or tostring(reply))
      .. '; please report this'
  else
    -- Servers word a refusal in different ways: 6.2 puts its own position or a dash in front.
    words = string.gsub(string.gsub(refused.words, '^@user_script: ?%d+: ', ''), '^%-', '')
    local place = SCRIPT .. ' line ' .. (line or '?') .. ': ' .. refused.command .. ' ' .. refused.key
    if string.find(words, 'WRONGTYPE', 1, true) or string.find(words, 'not an integer', 1, true) then
      reply = 'SEQUERE_WRONGTYPE ' .. place .. ': the key holds something that is not part of the graph; '
        .. 'move it away, then run audit (' .. words .. ')'
    elseif string.find(words, 'ACL', 1, true) or string.find(words, 'NOPERM', 1, true)
      or string.find(words, 'The user executing the script', 1, true) then
      reply = 'SEQUERE_DENIED ' .. place .. ': grant this user the command and the key (' .. words .. ')'
    else
      -- READONLY, OOM, MISCONF ...: the server's own code stays first, where clients look for it
      reply = words .. ' (' .. place .. ')'
    end
  end
  return redis.error_reply(kept and kept .. reply or reply)
end
-- @from include/_identifier.lua:3
--- Refuses what is not an identifier. "count" would give the list of that
--- identifier and the count of the whole list one and the same key. The side is
--- what stands before the name in the arguments, such as "from_".
local function check_identifier(side, value)
  if #value < 1 or #value > 50 or string.find(value, '[^A-Za-z0-9_.%-]') or not string.find(value, '%D')
    or value == 'count' then
    refuse('SEQUERE_IDENTIFIER', side .. 'identifier must be 1 to 50 characters of A-Z a-z 0-9 _ . -, '
      .. 'not digits alone and not "count"', value)
  end
end
-- @from include/_utf8.lua:1
--- Whether a text is well-formed UTF-8.
local function is_utf8(text)
  if not string.find(text, '[\128-\255]') then
    return true
  end
  -- Each character beyond ASCII becomes a letter; what is left over is none.
  for _, pattern in ipairs({
    '[\194-\223][\128-\191]', '\224[\160-\191][\128-\191]', '[\225-\236\238\239][\128-\191][\128-\191]',
    '\237[\128-\159][\128-\191]', '\240[\144-\191][\128-\191][\128-\191]',
    '[\241-\243][\128-\191][\128-\191][\128-\191]', '\244[\128-\143][\128-\191][\128-\191]',
  }) do
    text = string.gsub(text, pattern, 'x')
  end
  return not string.find(text, '[\128-\255]')
end
-- @from include/_resource.lua:4
--- Refuses what is not a resource, the pair identifier, object_id. The side is
--- what stands before the two names in the arguments: "from_", "to_" or nothing.
local function check_resource(side, identifier, object_id)
  check_identifier(side, identifier)
  if #object_id < 1 or #object_id > 255 or string.find(object_id, '%z') or not is_utf8(object_id) then
    refuse('SEQUERE_OBJECT_ID', side .. 'object_id must be 1 to 255 bytes of UTF-8 without NUL', object_id)
  end
end
-- @from include/_uid_key.lua:3
--- The key that holds the uid of a resource.
local function uid_key(identifier, object_id)
  return prefix .. 'uid:' .. identifier .. ':' .. object_id
end
-- @from include/_uid.lua:3
--- The uid of a resource, as text; false if the graph does not know it.
local function find_uid(identifier, object_id)
  return call('GET', uid_key(identifier, object_id))
end
-- @from include/_relation.lua:3
local function check_relation(value)
  if value ~= 'followers' and value ~= 'followings' and value ~= 'friends' then
    refuse('SEQUERE_ARGUMENT', 'relation must be followers, followings or friends', value)
  end
end
-- @from include/_list_key.lua:3
--- The key of one list of a resource: a sorted set of uids by score. An empty or
--- missing identifier means the list of everybody.
local function list_key(uid, relation, identifier)
  local key = prefix .. 'uid:' .. uid .. ':' .. relation
  if identifier and identifier ~= '' then
    return key .. ':' .. identifier
  end
  return key
end
-- @from count.lua:26
local identifier, object_id, relation, other_identifier = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

return run(3, 4, function()
  check_resource('', identifier, object_id)
  check_relation(relation)
  if other_identifier and other_identifier ~= '' then
    check_identifier('other_', other_identifier)
  end
  local uid = find_uid(identifier, object_id)
  return uid and call('ZCARD', list_key(uid, relation, other_identifier)) or 0
end)
