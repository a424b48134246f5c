--!df flags=allow-undeclared-keys
-- sequere v1 follow_many: generated from lua/src/follow_many.lua, do not edit
--- Makes one resource follow up to 200 others: all of them, or on an error none.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   from_identifier  identifier   the follower
--   from_object_id   object_id
--   timestamp        timestamp    when, the same for all; empty: the server's clock
--   others           resource...  1 to 200 pairs of identifier, object_id: those followed
-- REPLY array of integers, one for each pair, in order
--   1                the edge was created
--   0                it stood already; nothing changed, the older timestamp stays
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_TIMESTAMP
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_CORRUPT SEQUERE_FAILED
-- COST
--   O(M log N), M pairs, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/follow_many.lua sequere: , user 1 '' project 7 project 8
local SCRIPT = 'follow_many'
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
-- @from include/_uid_key.lua:3
--- The key that holds the uid of a resource.
local function uid_key(identifier, object_id)
  return prefix .. 'uid:' .. identifier .. ':' .. object_id
end
-- @from include/_name_key.lua:3
--- The key of the hash that says which resource a uid stands for.
local function name_key(uid)
  return prefix .. 'uid::' .. uid
end
-- @from include/_allocate.lua:5
--- The resource's uid; a new one if it has none. Uids are given out at the first
--- write that a resource takes part in.
local function obtain_uid(identifier, object_id)
  local key = uid_key(identifier, object_id)
  local uid = call('GET', key)
  if uid then
    return uid
  end
  local n, last = #undo, prefix .. 'global:uid'
  uid = string.format('%.0f', call('INCR', last))
  undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'DECR', last, false, false
  local name = name_key(uid)
  if call('EXISTS', name) == 1 then
    refuse('SEQUERE_CORRUPT', last .. ' is behind: ' .. name .. ' is taken; set it to the highest n of the keys '
      .. prefix .. 'uid::n')
  end
  call('HSET', name, 'identifier', identifier, 'object_id', object_id)
  undo[n + 5], undo[n + 6], undo[n + 7], undo[n + 8] = 'DEL', name, false, false
  call('SET', key, uid)
  undo[n + 9], undo[n + 10], undo[n + 11], undo[n + 12] = 'DEL', key, false, false
  return uid
end
-- @from include/_score.lua:3
--- The score for a timestamp: seconds since the epoch, UTC, as text with six
--- decimals; for an empty or missing one the server's clock. Below 2^33 (the year
--- 2242) a double tells microseconds apart; servers store doubles.
local function check_timestamp(value)
  if not value or value == '' then
    local now = call('TIME')
    return string.format('%s.%06d', now[1], now[2])
  end
  if #value > 20 or not string.find(value, '^%d+%.?%d*$') or tonumber(value) >= 8589934592 then
    refuse('SEQUERE_TIMESTAMP', 'timestamp must be seconds since the epoch, UTC, from 0 to below 8589934592, '
      .. 'such as 1382676091.612067', value)
  end
  return string.find(value, '^%d+%.%d%d%d%d%d%d$') and value or string.format('%.6f', tonumber(value))
end
-- @from include/_self.lua:3
local function check_not_self(from_identifier, from_object_id, to_identifier, to_object_id)
  if from_identifier == to_identifier and from_object_id == to_object_id then
    refuse('SEQUERE_SELF', from_identifier .. ' "' .. from_object_id .. '" cannot follow itself')
  end
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
-- @from include/_others.lua:3
--- The others among the arguments from the given one on, checked: a list of
--- tables of identifier and object_id.
local function check_others(first, most)
  local others = {}
  local count = (#ARGV - first + 1) / 2
  if count < 1 or count > most or count ~= math.floor(count) then
    refuse('SEQUERE_ARGUMENT', 'others must be 1 to ' .. most .. ' pairs of identifier, object_id; got '
      .. (#ARGV - first + 1) .. ' arguments')
  end
  for i = 1, count do
    local identifier, object_id = ARGV[first + 2 * i - 2], ARGV[first + 2 * i - 1]
    check_resource('others ' .. i .. ' ', identifier, object_id)
    others[i] = {identifier = identifier, object_id = object_id}
  end
  return others
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
-- @from include/_add_entry.lua:4
--- Adds an entry to the list of everybody, whose reply decides, and to that of
--- the identifier. What happens to a count hangs on the reply of the ZADD beside
--- it, so repeating a call changes nothing.
local function add_entry(uid, relation, other, score)
  local list = list_key(uid, relation)
  for step = 1, 2 do
    if call('ZADD', list, 'NX', score, other.uid) == 1 then
      local n, count = #undo, list .. ':count'
      undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'ZREM', list, other.uid, false
      call('INCR', count)
      undo[n + 5], undo[n + 6], undo[n + 7], undo[n + 8] = 'DECR', count, false, false
    elseif step == 1 then
      return false
    end
    list = list .. ':' .. other.identifier
  end
  return true
end
-- @from include/_add_forward.lua:3
--- Adds the forward half of an edge: the follower's own lists.
local function add_forward(from, to, score)
  return add_entry(from.uid, 'followings', to, score)
end
-- @from include/_add_backward.lua:3
--- Adds the backward half of an edge: the lists of the one followed.
local function add_backward(from, to, score)
  return add_entry(to.uid, 'followers', from, score)
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
-- @from include/_add_edge.lua:6
--- Adds both halves of an edge, and a friendship where the other edge stands.
--- from and to are tables of uid, identifier and object_id. Returns 1, or 0 if it stood already.
local function add_edge(from, to, score)
  if not add_forward(from, to, score) then
    return 0
  end
  add_backward(from, to, score)
  local answer = forward_score(to, from)
  if answer then
    local later = tonumber(answer) > tonumber(score) and answer or score
    add_entry(from.uid, 'friends', to, later)
    add_entry(to.uid, 'friends', from, later)
  end
  note_edge('follow', from, to, score)
  return 1
end
-- @from follow_many.lua:28
local from_identifier, from_object_id, timestamp = ARGV[1], ARGV[2], ARGV[3]

return run(3, nil, function()
  check_resource('from_', from_identifier, from_object_id)
  local others = check_others(4, 200)
  for _, other in ipairs(others) do
    check_not_self(from_identifier, from_object_id, other.identifier, other.object_id)
  end
  local score = check_timestamp(timestamp)
  local uid = obtain_uid(from_identifier, from_object_id)
  local from = {identifier = from_identifier, object_id = from_object_id, uid = uid}
  local replies = {}
  for i, other in ipairs(others) do
    other.uid = obtain_uid(other.identifier, other.object_id)
    replies[i] = add_edge(from, other, score)
  end
  return replies
end, take_back)
