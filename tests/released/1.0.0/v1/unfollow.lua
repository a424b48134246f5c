--!df flags=allow-undeclared-keys
-- sequere v1 unfollow: generated from lua/src/unfollow.lua, do not edit
--- Makes one resource stop following another.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   from_identifier  identifier   the follower
--   from_object_id   object_id
--   to_identifier    identifier   the one followed
--   to_object_id     object_id
-- REPLY integer
--   1                the edge was removed
--   0                there was none; nothing changed
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID SEQUERE_SELF
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_CORRUPT SEQUERE_FAILED
-- COST
--   O(log N), N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/unfollow.lua sequere: , user 1 project 7
local SCRIPT = 'unfollow'
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
-- @from include/_self.lua:3
local function check_not_self(from_identifier, from_object_id, to_identifier, to_object_id)
  if from_identifier == to_identifier and from_object_id == to_object_id then
    refuse('SEQUERE_SELF', from_identifier .. ' "' .. from_object_id .. '" cannot follow itself')
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
-- @from include/_forward_score.lua:3
--- When the follower began to follow, as text; false if it does not. The
--- follower's own list is what decides whether an edge stands.
local function forward_score(from, to)
  return call('ZSCORE', list_key(from.uid, 'followings'), to.uid)
end
-- @from include/_undo.lua:2
--- A script that fails half-way keeps what it wrote. So each write leaves its
--- inverse here: four places each for command, key and up to two arguments.

local undo = {}

--- Runs the inverses, the newest first. Returns the beginning of an error text if one was refused.
local function take_back()
  local kept
  for i = #undo - 3, 1, -4 do
    local command, key, one, other = undo[i], undo[i + 1], undo[i + 2], undo[i + 3]
    local answer
    if other then
      answer = redis.pcall(command, key, one, other)
    elseif one then
      answer = redis.pcall(command, key, one)
    else
      answer = redis.pcall(command, key)
    end
    if command == 'DECR' and type(answer) == 'number' and answer <= 0 then
      answer = redis.pcall('DEL', key)
    end
    if type(answer) == 'table' and answer.err then
      kept = kept or 'SEQUERE_CORRUPT ' .. SCRIPT .. ': stopped half-way and could not set back ' .. key
        .. '; run audit with repair. What stopped it: '
    end
  end
  return kept
end
-- @from include/_remove_entry.lua:4
--- Removes an entry from the list of everybody and from that of the identifier.
--- What happens to a count hangs on the reply of the ZREM beside it, so repeating
--- a call changes nothing. The score is for the way back.
local function remove_entry(uid, relation, other, score)
  local list = list_key(uid, relation)
  for _ = 1, 2 do
    if call('ZREM', list, other.uid) == 1 then
      local n, count = #undo, list .. ':count'
      undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'ZADD', list, score, other.uid
      local left = call('DECR', count)
      if left > 0 then
        undo[n + 5], undo[n + 6], undo[n + 7], undo[n + 8] = 'INCR', count, false, false
      else
        -- Below zero the count was missing: then its absence is what to go back to.
        undo[n + 5], undo[n + 6], undo[n + 7], undo[n + 8] = left == 0 and 'SET' or 'DEL', count, left == 0 and 1, false
        call('DEL', count)
      end
    end
    list = list .. ':' .. other.identifier
  end
end
-- @from include/_remove_forward.lua:3
--- Removes the forward half of an edge: the follower's own lists.
local function remove_forward(from, to, score)
  remove_entry(from.uid, 'followings', to, score)
end
-- @from include/_remove_backward.lua:3
--- Removes the backward half of an edge: the lists of the one followed.
local function remove_backward(from, to, score)
  remove_entry(to.uid, 'followers', from, score)
end
-- @from include/_journal_key.lua:3
--- The key of the journal: a stream of what changed, in order.
local function journal_key()
  return prefix .. 'global:journal'
end
-- @from include/_note_change.lua:3
--- Notes in the journal, if there is one, that an edge changed: the stream's existence
--- is the switch. An entry says what a database needs, and knows no uid. Returns the
--- entry's id, or false.
local function note_change(operation, from, to, timestamp)
  return call('XADD', journal_key(), 'NOMKSTREAM', '*', 'operation', operation,
    'from_identifier', from.identifier, 'from_object_id', from.object_id,
    'to_identifier', to.identifier, 'to_object_id', to.object_id, 'timestamp', timestamp)
end
-- @from include/_note_edge.lua:4
--- The same, with a way back for a script that fails later on.
local function note_edge(operation, from, to, timestamp)
  local id = note_change(operation, from, to, timestamp)
  if id then
    local n = #undo
    undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'XDEL', journal_key(), id, false
  end
end
-- @from include/_remove_edge.lua:6
--- Removes both halves of an edge, and the friendship if there was one.
--- from and to are tables of uid, identifier and object_id. Returns 1, or 0 if there was no edge.
local function remove_edge(from, to)
  local score = forward_score(from, to)
  if not score then
    return 0
  end
  remove_forward(from, to, score)
  remove_backward(from, to, score)
  local befriended = call('ZSCORE', list_key(from.uid, 'friends'), to.uid)
  if befriended then
    remove_entry(from.uid, 'friends', to, befriended)
    remove_entry(to.uid, 'friends', from, befriended)
  end
  note_edge('unfollow', from, to, string.format('%.6f', tonumber(score)))
  return 1
end
-- @from unfollow.lua:27
local from_identifier, from_object_id = ARGV[1], ARGV[2]
local to_identifier, to_object_id = ARGV[3], ARGV[4]

return run(4, 4, function()
  check_resource('from_', from_identifier, from_object_id)
  check_resource('to_', to_identifier, to_object_id)
  check_not_self(from_identifier, from_object_id, to_identifier, to_object_id)
  local from_uid = find_uid(from_identifier, from_object_id)
  local to_uid = find_uid(to_identifier, to_object_id)
  if not (from_uid and to_uid) then
    return 0
  end
  local from = {identifier = from_identifier, object_id = from_object_id, uid = from_uid}
  local to = {identifier = to_identifier, object_id = to_object_id, uid = to_uid}
  return remove_edge(from, to)
end, take_back)
