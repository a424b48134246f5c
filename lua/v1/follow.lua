--!df flags=allow-undeclared-keys
-- sequere v1 follow: generated from lua/src/follow.lua, do not edit
--- Makes one resource follow another.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   from_identifier  identifier   the follower
--   from_object_id   object_id
--   to_identifier    identifier   the one followed
--   to_object_id     object_id
--   timestamp        timestamp?   when; empty or left out: the server's clock
-- REPLY integer
--   1                the edge was created
--   0                it stood already; nothing changed, the older timestamp stays
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_TIMESTAMP
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_CORRUPT SEQUERE_FAILED
-- COST
--   O(log N), N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/follow.lua sequere: , user 1 project 7
local SCRIPT = 'follow'
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
-- @from include/_undo.lua:2
--- A script that fails half-way keeps what it wrote. So each write leaves its
--- inverse here, and a failure runs them, the newest first.

local undo = {}

local function take_back()
  for i = #undo, 1, -1 do
    redis.pcall(unpack(undo[i]))
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
-- @from include/_name_key.lua:3
--- The key of the hash that says which resource a uid stands for.
local function name_key(uid)
  return prefix .. 'uid::' .. uid
end
-- @from include/_allocate.lua:4
--- Uids are given out at the first write that a resource takes part in.

--- The resource's uid, a new one if it has none.
local function obtain_uid(identifier, object_id)
  local uid = find_uid(identifier, object_id)
  if uid then
    return uid
  end
  local last = prefix .. 'global:uid'
  local number = call('INCR', last)
  undo[#undo + 1] = number == 1 and {'DEL', last} or {'DECR', last}
  uid = string.format('%.0f', number)
  local name = name_key(uid)
  if call('EXISTS', name) == 1 then
    refuse('SEQUERE_CORRUPT', last .. ' is behind: ' .. name .. ' is taken; set it to the highest uid in use')
  end
  undo[#undo + 1] = {'DEL', name}
  call('HSET', name, 'identifier', identifier, 'object_id', object_id)
  undo[#undo + 1] = {'DEL', uid_key(identifier, object_id)}
  call('SET', uid_key(identifier, object_id), uid)
  return uid
end
-- @from include/_score.lua:2
--- Scores are seconds since the epoch, UTC, as text with six decimals.

--- The score for a timestamp argument; the server's clock for an empty or missing one.
--- Below 2^33 (the year 2242) a double tells microseconds apart; servers store doubles.
local function check_timestamp(value)
  if not value or value == '' then
    local now = call('TIME')
    return string.format('%s.%06d', now[1], now[2])
  end
  if #value > 20 or not string.find(value, '^%d+%.?%d*$') or tonumber(value) >= 8589934592 then
    refuse('SEQUERE_TIMESTAMP', 'timestamp must be seconds since the epoch, UTC, from 0 to below 8589934592, '
      .. 'such as 1382676091.612067; got ' .. shown(value))
  end
  return string.format('%.6f', tonumber(value))
end
-- @from include/_self.lua:3
local function check_not_self(from_identifier, from_object_id, to_identifier, to_object_id)
  if from_identifier == to_identifier and from_object_id == to_object_id then
    refuse('SEQUERE_SELF', from_identifier .. ' ' .. shown(from_object_id) .. ' cannot follow itself')
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
-- @from include/_add_entry.lua:3
--- What happens to a count hangs on the reply of the ZADD beside it, so
--- repeating a call changes nothing.

local function add_entry(list, uid, score)
  if call('ZADD', list, 'NX', score, uid) == 0 then
    return false
  end
  undo[#undo + 1] = {'ZREM', list, uid}
  local count = list .. ':count'
  if call('INCR', count) == 1 then
    undo[#undo + 1] = {'DEL', count}
  else
    undo[#undo + 1] = {'DECR', count}
  end
  return true
end

--- Adds to the list of everybody, whose reply decides, and to that of the identifier.
local function add_to_lists(uid, relation, other, score)
  local list = list_key(uid, relation)
  if not add_entry(list, other.uid, score) then
    return false
  end
  add_entry(list .. ':' .. other.identifier, other.uid, score)
  return true
end
-- @from include/_add_forward.lua:3
--- Adds the forward half of an edge: the follower's own lists.
local function add_forward(from, to, score)
  return add_to_lists(from.uid, 'followings', to, score)
end
-- @from include/_add_backward.lua:3
--- Adds the backward half of an edge: the lists of the one followed.
local function add_backward(from, to, score)
  return add_to_lists(to.uid, 'followers', from, score)
end
-- @from include/_add_edge.lua:5
--- Adds both halves of an edge, and a friendship where the other edge stands.
--- from and to are tables of uid and identifier. Returns 1, or 0 if it stood already.
local function add_edge(from, to, score)
  if not add_forward(from, to, score) then
    return 0
  end
  add_backward(from, to, score)
  local answer = forward_score(to, from)
  if answer then
    local later = tonumber(answer) > tonumber(score) and answer or score
    add_to_lists(from.uid, 'friends', to, later)
    add_to_lists(to.uid, 'friends', from, later)
  end
  return 1
end
-- @from follow.lua:29
local from_identifier, from_object_id = ARGV[1], ARGV[2]
local to_identifier, to_object_id = ARGV[3], ARGV[4]
local timestamp = ARGV[5]

return run(function()
  expect(4, 5)
  check_resource('from_', from_identifier, from_object_id)
  check_resource('to_', to_identifier, to_object_id)
  check_not_self(from_identifier, from_object_id, to_identifier, to_object_id)
  local score = check_timestamp(timestamp)
  local from = {identifier = from_identifier, uid = obtain_uid(from_identifier, from_object_id)}
  local to = {identifier = to_identifier, uid = obtain_uid(to_identifier, to_object_id)}
  return add_edge(from, to, score)
end, take_back)
