#!lua name=sequere
-- sequere v1: generated from lua/src, do not edit
--- The scripts of lua/v1 as one library of functions: FCALL sequere_follow does what follow.lua does, with the
--- same keys, arguments, replies and errors.
--
-- A server runs one function at a time. So the pieces that the scripts share are here once, and what belongs
-- to the call that runs is kept in variables of the library, set anew at each call.
--
--   redis-cli -x FUNCTION LOAD REPLACE < lua/v1/sequere.functions.lua
--   redis-cli FCALL sequere_follow 1 sequere: user 1 project 7

local KEYS, ARGV, SCRIPT
local prefix, guard, refused, undo

--- Makes a script a function; flags and purpose are those of the manifest.
local function register(name, flags, purpose, body)
  redis.register_function({
    function_name = 'sequere_' .. name,
    flags = flags,
    description = purpose,
    callback = function(keys, arguments)
      KEYS, ARGV, SCRIPT = keys, arguments, name
      prefix, guard = KEYS[1], KEYS[2]
      refused = nil
      undo = {}
      return body()
    end,
  })
end

-- @from include/_run.lua:1
--- The frame of every script. What is needed only to refuse is made only then:
--- a script is compiled once, but its functions are made anew in each call.


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
-- @from include/_name_key.lua:3
--- The key of the hash that says which resource a uid stands for.
local function name_key(uid)
  return prefix .. 'uid::' .. uid
end
-- @from include/_number.lua:3
--- The whole number that an argument is.
local function check_number(name, value, least, most)
  local number = #value <= 15 and string.find(value, '^%d+$') and tonumber(value)
  if not number or number < least or number > most then
    refuse('SEQUERE_LIMIT', string.format('%s must be a whole number from %.0f to %.0f', name, least, most), value)
  end
  return number
end
-- @from include/_position.lua:2
--- Places in a list, found by rank: that makes a deep page as cheap as the first.

--- The rank of the first entry after (score, uid), in the direction of the walk.
--- The entry itself may have gone or moved since; then the rank where it would
--- stand is searched among the entries of its score, which are sorted by uid text.
local function rank_after(list, score, uid, newest_first)
  local stored = call('ZSCORE', list, uid)
  if stored and tonumber(stored) == tonumber(score) then
    return call(newest_first and 'ZREVRANK' or 'ZRANK', list, uid) + 1
  end
  local low, high
  if newest_first then
    low, high = call('ZCOUNT', list, '(' .. score, '+inf'), call('ZCOUNT', list, score, '+inf')
  else
    low, high = call('ZCOUNT', list, '-inf', '(' .. score), call('ZCOUNT', list, '-inf', score)
  end
  while low < high do
    local middle = math.floor((low + high) / 2)
    local other = call(newest_first and 'ZREVRANGE' or 'ZRANGE', list, middle, middle)[1]
    local after = other > uid
    if newest_first then
      after = other < uid
    end
    if after then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

--- Score and uid of an entry as text that loses nothing.
local function position_of(score, uid)
  return string.format('%.17g', tonumber(score)) .. ':' .. uid
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
-- @from include/_progress_key.lua:3
--- The key that says how far a rebuild is. It is written by the very scripts that
--- do the work, so that a server which forgets the one forgets the other.
local function progress_key()
  return prefix .. 'global:rebuild'
end
-- @from include/_is_at.lua:4
--- Whether the rebuild is where the caller left it. Where it is not, another one went on
--- or the server has lost its memory; where there is a journal, the rebuild is over.
local function is_at(progress)
  return call('EXISTS', journal_key()) == 0 and (call('GET', progress_key()) or '') == progress
end
-- @from include/_check_progress.lua:3
local function check_progress(name, value, least)
  if #value < least or #value > 255 then
    refuse('SEQUERE_ARGUMENT', name .. ' must be ' .. least .. ' to 255 bytes', value)
  end
end
-- @from include/_closed_key.lua:3
--- The key of a journal that takes no more entries.
local function closed_key()
  return journal_key() .. ':closed'
end
-- @from include/_edges.lua:3
--- The edges among the arguments from the given one on, checked: a list of tables of
--- from and to, each with identifier and object_id, and of what else stands with them.
local function check_edges(first, size, most)
  local count = (#ARGV - first + 1) / size
  if count < 1 or count > most or count ~= math.floor(count) then
    refuse('SEQUERE_ARGUMENT', 'edges must be 1 to ' .. most .. ' times ' .. size .. ' arguments; got '
      .. (#ARGV - first + 1))
  end
  local edges = {}
  for i = 1, count do
    local at = first + (i - 1) * size
    local from = {identifier = ARGV[at], object_id = ARGV[at + 1]}
    local to = {identifier = ARGV[at + 2], object_id = ARGV[at + 3]}
    check_resource('edges ' .. i .. ' from_', from.identifier, from.object_id)
    check_resource('edges ' .. i .. ' to_', to.identifier, to.object_id)
    if from.identifier == to.identifier and from.object_id == to.object_id then
      refuse('SEQUERE_SELF', from.identifier .. ' "' .. from.object_id .. '" cannot follow itself')
    end
    edges[i] = {from = from, to = to, ARGV[at + 4], ARGV[at + 5]}
  end
  return edges
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
-- @from include/_undo.lua:2
--- A script that fails half-way keeps what it wrote. So each write leaves its
--- inverse here: four places each for command, key and up to two arguments.


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
-- @from include/_forward_score.lua:3
--- When the follower began to follow, as text; false if it does not. The
--- follower's own list is what decides whether an edge stands.
local function forward_score(from, to)
  return call('ZSCORE', list_key(from.uid, 'followings'), to.uid)
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
-- @from include/_relation.lua:3
local function check_relation(value)
  if value ~= 'followers' and value ~= 'followings' and value ~= 'friends' then
    refuse('SEQUERE_ARGUMENT', 'relation must be followers, followings or friends', value)
  end
end
-- @from include/_entry_id.lua:3
--- Refuses what is not the id of a journal's entry.
local function check_entry_id(name, value)
  if #value > 41 or not string.find(value, '^%d+%-%d+$') then
    refuse('SEQUERE_ARGUMENT', name .. ' must be the id of an entry, such as 1382676091612-0', value)
  end
end
-- @from include/_self.lua:3
local function check_not_self(from_identifier, from_object_id, to_identifier, to_object_id)
  if from_identifier == to_identifier and from_object_id == to_object_id then
    refuse('SEQUERE_SELF', from_identifier .. ' "' .. from_object_id .. '" cannot follow itself')
  end
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
-- @from include/_name.lua:3
--- The identifier and the object id of a uid met in a list.
local function find_name(uid)
  local key = name_key(uid)
  local name = call('HMGET', key, 'identifier', 'object_id')
  if not (name[1] and name[2]) then
    refuse('SEQUERE_CORRUPT', key .. ' does not say who uid ' .. uid .. ' is; run audit with repair')
  end
  return name[1], name[2]
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
-- @from include/_edge_time.lua:4
--- Since when an edge stands, as text; empty if it does not. Gives its two ends their uids.
local function edge_time(edge)
  local from, to = edge.from, edge.to
  from.uid = find_uid(from.identifier, from.object_id)
  to.uid = from.uid and find_uid(to.identifier, to.object_id)
  local score = to.uid and forward_score(from, to)
  return score and string.format('%.6f', tonumber(score)) or ''
end

register('are_following', {'no-writes'}, 'Tells which of up to 500 others one resource follows.', function()
-- @from are_following.lua:25
local from_identifier, from_object_id = ARGV[1], ARGV[2]

return run(2, nil, function()
  check_resource('from_', from_identifier, from_object_id)
  local others = check_others(3, 500)
  local from_uid = find_uid(from_identifier, from_object_id)
  local followings = from_uid and list_key(from_uid, 'followings')
  local replies = {}
  for i, other in ipairs(others) do
    local uid = from_uid and find_uid(other.identifier, other.object_id)
    replies[i] = uid and call('ZSCORE', followings, uid) and 1 or 0
  end
  return replies
end)
end)
register('audit', {}, 'Holds one resource\'s part of the graph against itself, in bounded steps, and mends it on request. An edge that any of its four entries still knows is an edge: repair restores, it drops only entries whose resource nobody knows and friendships without their two edges. Keys of a wrong type are named and left.', function()
-- @from audit.lua:39
local identifier, object_id, cursor, limit, repair = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local mend = repair == '1'
local reply = {'', 0}
local reported = {}
local types = {} -- key -> whether its type is the right one, as far as looked at

--- Reports a finding, once a call: two entries of one edge lead to the same.
local function found(kind, key, detail)
  local finding = kind .. key .. detail
  if not reported[finding] then
    local n = #reply
    reply[n + 1], reply[n + 2], reply[n + 3] = kind, key, detail
    reported[finding] = true
  end
end

--- Whether a key can be read as what it should be; reports it once if not.
local function sound(key, wanted)
  if types[key] == nil then
    local kind = call('TYPE', key).ok
    types[key] = kind == wanted or kind == 'none'
    if not types[key] then
      found('wrongtype', key, 'holds a ' .. kind .. ', should be a ' .. wanted)
    end
  end
  return types[key]
end

local function score_in(list, uid)
  return sound(list, 'zset') and call('ZSCORE', list, uid)
end

--- Sets the count beside a list to what the list holds.
local function settle(list)
  local count = list .. ':count'
  if sound(list, 'zset') and sound(count, 'string') then
    local held = call('ZCARD', list)
    if held == 0 then
      call('DEL', count)
    else
      call('SET', count, held)
    end
  end
end

local function check_count(list)
  local count = list .. ':count'
  if not (sound(list, 'zset') and sound(count, 'string')) then
    return
  end
  local held, said = call('ZCARD', list), call('GET', count)
  if (said or '0') ~= tostring(held) or said == '0' then
    found('count', count, 'says ' .. (said or 'nothing') .. ', the list holds ' .. held)
    if mend then
      settle(list)
    end
  end
end

local function want_entry(list, uid, score)
  if not sound(list, 'zset') then
    return
  end
  local stored = call('ZSCORE', list, uid)
  if stored and tonumber(stored) == tonumber(score) then
    return
  end
  if stored then
    found('score', list, 'uid ' .. uid .. ' stands at ' .. stored .. ', should be at ' .. score)
  else
    found('missing', list, 'uid ' .. uid .. ' should be here at ' .. score)
  end
  if mend then
    call('ZADD', list, score, uid)
    settle(list)
  end
end

local function drop_entry(list, uid)
  if mend and score_in(list, uid) then
    call('ZREM', list, uid)
    settle(list)
  end
end

--- Whether an edge stands in any of its four places, and since when: the follower's
--- own list has the first word.
local function edge_score(from, to)
  return score_in(list_key(from.uid, 'followings'), to.uid)
    or score_in(list_key(to.uid, 'followers'), from.uid)
    or score_in(list_key(from.uid, 'followings', to.identifier), to.uid)
    or score_in(list_key(to.uid, 'followers', from.identifier), from.uid)
end

local function want_in_lists(uid, relation, other, score)
  want_entry(list_key(uid, relation), other.uid, score)
  want_entry(list_key(uid, relation, other.identifier), other.uid, score)
end

--- Both halves of an edge that stands somewhere, and its friendship.
local function check_edge(from, to)
  local score = edge_score(from, to)
  if not score then
    return
  end
  if mend and sound(journal_key(), 'stream') and not score_in(list_key(from.uid, 'followings'), to.uid) then
    -- Where the follower's own list lacks it, nobody saw this edge: restored, it is a change.
    note_change('follow', from, to, string.format('%.6f', tonumber(score)))
  end
  want_in_lists(from.uid, 'followings', to, score)
  want_in_lists(to.uid, 'followers', from, score)
  local answer = edge_score(to, from)
  if answer then
    local later = tonumber(answer) > tonumber(score) and answer or score
    want_in_lists(from.uid, 'friends', to, later)
    want_in_lists(to.uid, 'friends', from, later)
  end
end

--- The resource behind a uid met in a list, and whether the way back leads to it.
local function check_other(list, uid)
  local key = name_key(uid)
  if not sound(key, 'hash') then
    return nil
  end
  local name = call('HMGET', key, 'identifier', 'object_id')
  if not (name[1] and name[2]) then
    found('orphan', list, 'uid ' .. uid .. ' is here, but ' .. key .. ' does not say who that is')
    drop_entry(list, uid)
    return nil
  end
  local back = uid_key(name[1], name[2])
  if sound(back, 'string') then
    local leads = call('GET', back)
    if leads ~= uid then
      found('mapping', back, 'leads to ' .. (leads and 'uid ' .. leads or 'nothing') .. ', should lead to uid ' .. uid)
      if mend and not leads then
        call('SET', back, uid)
      end
    end
  end
  return {identifier = name[1], object_id = name[2], uid = uid}
end

local function check_entry(this, relation, list_identifier, list, uid)
  local other = check_other(list, uid)
  if not other then
    return
  end
  if list_identifier and list_identifier ~= other.identifier then
    found('surplus', list, 'uid ' .. uid .. ' is a ' .. other.identifier)
    drop_entry(list, uid)
    return
  end
  if relation == 'followings' then
    check_edge(this, other)
  elseif relation == 'followers' then
    check_edge(other, this)
  elseif edge_score(this, other) and edge_score(other, this) then
    check_edge(this, other)
  else
    found('surplus', list, 'uid ' .. uid .. ' is here, but the two do not follow each other')
    drop_entry(list, uid)
  end
end

--- The resource's own name, and the last uid given out.
local function check_this(uid)
  local name, last = name_key(uid), prefix .. 'global:uid'
  if sound(name, 'hash') then
    local says = call('HMGET', name, 'identifier', 'object_id')
    if says[1] ~= identifier or says[2] ~= object_id then
      found('mapping', name, 'should say identifier ' .. identifier .. ', object_id ' .. object_id)
      if mend and not (says[1] and says[2]) then
        call('HSET', name, 'identifier', identifier, 'object_id', object_id)
      end
    end
  end
  if sound(last, 'string') then
    local given = call('GET', last) or '0'
    if (tonumber(given) or 0) < tonumber(uid) then
      found('count', last, 'says ' .. given .. ', but uid ' .. uid .. ' is in use')
      if mend then
        call('SET', last, uid)
      end
    end
  end
end

--- A cursor is the number of a list and, within it, score:uid of the last entry looked at.
local function check_cursor(lists)
  if cursor == '' then
    return 1
  end
  local number, score, uid = string.match(cursor, '^(%d+):?([%d.e+-]*):?(%d*)$')
  local index = #cursor <= 100 and tonumber(number)
  if not index or index < 1 or index > lists or (score ~= '' and not (tonumber(score) and uid ~= '')) then
    refuse('SEQUERE_CURSOR', 'cursor must be what the step before gave', cursor)
  end
  if score == '' then
    return index
  end
  return index, score, uid
end

return run(6, 105, function()
  check_resource('', identifier, object_id)
  local budget = check_number('limit', limit, 1, 500)
  if repair ~= '0' and repair ~= '1' then
    refuse('SEQUERE_ARGUMENT', 'repair must be 0 or 1', repair)
  end
  local lists = {{'followings'}, {'followers'}, {'friends'}}
  for i = 6, #ARGV do
    check_identifier('identifiers ' .. (i - 5) .. ' ', ARGV[i])
    for relation = 1, 3 do
      lists[#lists + 1] = {lists[relation][1], ARGV[i]}
    end
  end
  local index, score, after = check_cursor(#lists)

  local own_key = uid_key(identifier, object_id)
  local uid = sound(own_key, 'string') and find_uid(identifier, object_id)
  if not uid then
    return reply
  end
  local this = {identifier = identifier, object_id = object_id, uid = uid}
  if cursor == '' then
    check_this(uid)
  end
  while index <= #lists and budget > 0 do
    local relation, list_identifier = lists[index][1], lists[index][2]
    local list = list_key(uid, relation, list_identifier)
    local entries = {}
    if sound(list, 'zset') then
      local start = score and rank_after(list, score, after, false) or 0
      entries = call('ZRANGE', list, start, start + budget - 1, 'WITHSCORES')
    end
    if not score then
      check_count(list)
    end
    for i = 1, #entries, 2 do
      check_entry(this, relation, list_identifier, list, entries[i])
    end
    reply[2] = reply[2] + #entries / 2
    budget = budget - #entries / 2
    if budget > 0 then
      index, score, after = index + 1, nil, nil
      budget = budget - 1 -- a list costs a little even when it is empty
    else
      reply[1] = index .. ':' .. position_of(entries[#entries], entries[#entries - 1])
    end
  end
  if reply[1] == '' and index <= #lists then
    reply[1] = tostring(index)
  end
  return reply
end)
end)
register('clear_graph', {}, 'Removes keys of the graph during a rebuild. Whoever rebuilds finds them by SCAN; this script sees to it that one who comes late removes nothing.', function()
-- @from clear_graph.lua:24
local progress = ARGV[1]

return run(2, 501, function()
  check_progress('progress', progress, 1)
  local of_uids = prefix .. 'uid:'
  for i = 2, #ARGV do
    local key = ARGV[i]
    if string.sub(key, 1, #of_uids) ~= of_uids and key ~= prefix .. 'global:uid' and key ~= closed_key() then
      refuse('SEQUERE_ARGUMENT', 'keys ' .. (i - 1) .. ' must be a key of the graph', key)
    end
  end
  if not is_at(progress) then
    return 0
  end
  for i = 2, #ARGV do
    call('UNLINK', ARGV[i])
  end
  return 1
end)
end)
register('close_journal', {}, 'Puts the journal away: from here on nothing is noted, and whoever passes the journal as guard is told SEQUERE_COLD. drain_journal still reads what it held. One that was put away before is replaced: read it first.', function()
-- @from close_journal.lua:21
return run(0, 0, function()
  if call('EXISTS', journal_key()) == 0 then
    return 0
  end
  call('RENAME', journal_key(), closed_key())
  return 1
end)
end)
register('copy_edges', {}, 'Brings up to 200 edges into the state given, whatever it was, during a rebuild, and says how far that is now. Nothing is noted in a journal. All are done or, on an error, none.', function()
-- @from copy_edges.lua:32
local progress, reached = ARGV[1], ARGV[2]

local uids = {} -- key -> uid, as far as looked for

--- Unlike those of a single follow, these entries may stand already, at another time or
--- without the other half: the copy is made while edges change.
local function put(uid, relation, other, score)
  local list = list_key(uid, relation)
  for _ = 1, 2 do
    local n, count = #undo, list .. ':count'
    if call('ZADD', list, 'NX', score, other.uid) == 1 then
      undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'ZREM', list, other.uid, false
      call('INCR', count)
      undo[n + 5], undo[n + 6], undo[n + 7], undo[n + 8] = 'DECR', count, false, false
    else
      local stood = call('ZSCORE', list, other.uid)
      call('ZADD', list, score, other.uid)
      undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'ZADD', list, stood, other.uid
    end
    list = list .. ':' .. other.identifier
  end
end

local function drop(uid, relation, other)
  remove_entry(uid, relation, other, call('ZSCORE', list_key(uid, relation), other.uid) or '0')
end

--- The uid of a resource; where an edge is to stand, a new one if it has none.
local function uid_of(resource, stands)
  local key = uid_key(resource.identifier, resource.object_id)
  if not uids[key] then
    local find = stands and obtain_uid or find_uid
    uids[key] = find(resource.identifier, resource.object_id)
  end
  return uids[key]
end

local function befriend(from, to, score)
  local answer = forward_score(to, from)
  if answer then
    local later = tonumber(answer) > tonumber(score) and answer or score
    put(from.uid, 'friends', to, later)
    put(to.uid, 'friends', from, later)
  end
end

return run(7, nil, function()
  check_progress('progress', progress, 1)
  check_progress('reached', reached, 1)
  local edges = check_edges(3, 5, 200)
  for _, edge in ipairs(edges) do
    edge.score = edge[1] ~= '' and check_timestamp(edge[1])
  end
  if not is_at(progress) then
    return 0
  end
  call('SET', progress_key(), reached)
  undo[1], undo[2], undo[3], undo[4] = 'SET', progress_key(), progress, false
  for _, edge in ipairs(edges) do
    local from, to, score = edge.from, edge.to, edge.score
    from.uid, to.uid = uid_of(from, score), uid_of(to, score)
    if score then
      put(from.uid, 'followings', to, score)
      put(to.uid, 'followers', from, score)
      befriend(from, to, score)
    elseif from.uid and to.uid then
      drop(from.uid, 'followings', to)
      drop(to.uid, 'followers', from)
      drop(from.uid, 'friends', to)
      drop(to.uid, 'friends', from)
    end
  end
  return 1
end, take_back)
end)
register('count', {'no-writes'}, 'Counts the followers, followings or friends of a resource.', function()
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
end)
register('drain_journal', {}, 'Drops the journal\'s entries before a position and reads those from there on. Call it with the position that the database has committed; if the first entry that comes back is not the one at that position, this is not the journal that was read so far.', function()
-- @from drain_journal.lua:35
local position, limit, keep, closed = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local FIELDS = {
  'operation', 'from_identifier', 'from_object_id', 'to_identifier', 'to_object_id', 'timestamp', 'progress',
}

local function escape(byte)
  return '\\' .. string.byte(byte)
end

local function check_flag(name, value)
  if value and value ~= '' and value ~= '0' and value ~= '1' then
    refuse('SEQUERE_ARGUMENT', name .. ' must be 0 or 1', value)
  end
end

return run(2, 4, function()
  if position ~= '' then
    check_entry_id('position', position)
  end
  local most = check_number('limit', limit, 1, 1000)
  check_flag('keep', keep)
  check_flag('closed', closed)
  local journal = closed == '1' and closed_key() or journal_key()
  local entries = call('XRANGE', journal, position == '' and '-' or position, '+', 'COUNT', most)
  if keep ~= '1' and closed ~= '1' and entries[1] and entries[1][1] == position then
    call('XTRIM', journal, 'MINID', position)
  end
  local reply = {}
  for _, entry in ipairs(entries) do
    local n, texts = #reply, {}
    for i = 1, #entry[2], 2 do
      texts[entry[2][i]] = entry[2][i + 1]
    end
    reply[n + 1] = entry[1]
    for i, field in ipairs(FIELDS) do
      local text = texts[field] or ''
      if not is_utf8(text) then
        text, reply[n + 2] = string.gsub(text, '[\128-\255]', escape), 'not UTF-8'
      end
      reply[n + 1 + i] = reply[n + 1 + i] or text
    end
  end
  return reply
end)
end)
register('follow', {}, 'Makes one resource follow another.', function()
-- @from follow.lua:29
local from_identifier, from_object_id = ARGV[1], ARGV[2]
local to_identifier, to_object_id = ARGV[3], ARGV[4]
local timestamp = ARGV[5]

return run(4, 5, function()
  check_resource('from_', from_identifier, from_object_id)
  check_resource('to_', to_identifier, to_object_id)
  check_not_self(from_identifier, from_object_id, to_identifier, to_object_id)
  local score = check_timestamp(timestamp)
  local from_uid = obtain_uid(from_identifier, from_object_id)
  local to_uid = obtain_uid(to_identifier, to_object_id)
  local from = {identifier = from_identifier, object_id = from_object_id, uid = from_uid}
  local to = {identifier = to_identifier, object_id = to_object_id, uid = to_uid}
  return add_edge(from, to, score)
end, take_back)
end)
register('follow_many', {}, 'Makes one resource follow up to 200 others: all of them, or on an error none.', function()
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
end)
register('forget', {}, 'Takes a resource and every edge from or to it out of the graph, in bounded steps: call it again until nothing is left.', function()
-- @from forget.lua:28
local identifier, object_id, limit = ARGV[1], ARGV[2], ARGV[3]

--- A resource met in a list.
local function met(uid)
  local other_identifier, other_object_id = find_name(uid)
  return {identifier = other_identifier, object_id = other_object_id, uid = uid}
end

--- An edge that only one of its two halves knows would be met again in every call.
local function must_remove(from, to, list)
  if remove_edge(from, to) == 0 then
    refuse('SEQUERE_CORRUPT', list .. ' holds half an edge; run audit with repair')
  end
end

return run(3, 3, function()
  check_resource('', identifier, object_id)
  local most = check_number('limit', limit, 1, 500)
  local uid = find_uid(identifier, object_id)
  if not uid then
    return {0, 0}
  end
  local this = {identifier = identifier, object_id = object_id, uid = uid}
  local followings, followers = list_key(uid, 'followings'), list_key(uid, 'followers')
  local removed = 0
  for _, other_uid in ipairs(call('ZRANGE', followings, 0, most - 1)) do
    must_remove(this, met(other_uid), followings)
    removed = removed + 1
  end
  if removed < most then
    for _, other_uid in ipairs(call('ZRANGE', followers, 0, most - removed - 1)) do
      must_remove(met(other_uid), this, followers)
      removed = removed + 1
    end
  end
  local left = call('ZCARD', followings) + call('ZCARD', followers)
  if left == 0 then
    local name, key = name_key(uid), uid_key(identifier, object_id)
    local n = #undo
    call('DEL', key)
    undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'SET', key, uid, false
    call('DEL', name) -- the last write: nothing after it can fail
  end
  return {removed, left}
end, take_back)
end)
register('is_following', {'no-writes'}, 'Tells whether one resource follows another.', function()
-- @from is_following.lua:26
local from_identifier, from_object_id = ARGV[1], ARGV[2]
local to_identifier, to_object_id = ARGV[3], ARGV[4]

return run(4, 4, function()
  check_resource('from_', from_identifier, from_object_id)
  check_resource('to_', to_identifier, to_object_id)
  local from_uid = find_uid(from_identifier, from_object_id)
  local to_uid = find_uid(to_identifier, to_object_id)
  if from_uid and to_uid and call('ZSCORE', list_key(from_uid, 'followings'), to_uid) then
    return 1
  end
  return 0
end)
end)
register('journal_state', {'no-writes'}, 'Tells how the journal stands, and a rebuild if one is under way.', function()
-- @from journal_state.lua:26
local position = ARGV[1]

local function last_of(key)
  local entry = call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  return entry and entry[1] or ''
end

return run(0, 1, function()
  local from = '-'
  if position and position ~= '' then
    check_entry_id('position', position)
    from = '(' .. position
  end
  local journal = journal_key()
  local waiting = call('XRANGE', journal, from, '+', 'COUNT', 1)[1]
  local now = call('TIME')
  return {
    call('XLEN', journal), last_of(journal), waiting and waiting[1] or '',
    string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000)),
    last_of(closed_key()), call('GET', progress_key()) or '',
  }
end)
end)
register('lookup', {'no-writes'}, 'Finds the uid of a resource.', function()
-- @from lookup.lua:22
local identifier, object_id = ARGV[1], ARGV[2]

return run(2, 2, function()
  check_resource('', identifier, object_id)
  return find_uid(identifier, object_id) or ''
end)
end)
register('mend_edges', {}, 'Brings up to 100 edges into another state, each if it is in the state that the caller has seen. The changes are noted in the journal. All are done or, on an error, none.', function()
-- @from mend_edges.lua:27
local function named_time(value)
  return value == '' and '' or check_timestamp(value)
end

return run(6, nil, function()
  local edges = check_edges(1, 6, 100)
  for _, edge in ipairs(edges) do
    edge.seen, edge.wanted = named_time(edge[1]), named_time(edge[2])
  end
  local replies = {}
  for i, edge in ipairs(edges) do
    local from, to = edge.from, edge.to
    local as_seen = edge_time(edge) == edge.seen
    if as_seen and edge.seen ~= edge.wanted then
      if edge.seen ~= '' then
        remove_edge(from, to)
      end
      if edge.wanted ~= '' then
        from.uid = obtain_uid(from.identifier, from.object_id)
        to.uid = obtain_uid(to.identifier, to.object_id)
        add_edge(from, to, edge.wanted)
      end
    end
    replies[i] = as_seen and 1 or 0
  end
  return replies
end, take_back)
end)
register('move_rebuild', {}, 'Says how far a rebuild is, if it is where the caller thinks. Only scripts that are told so do anything, so a rebuild that stood still while another went on does no harm.', function()
-- @from move_rebuild.lua:23
local progress, reached = ARGV[1], ARGV[2]

return run(2, 2, function()
  check_progress('progress', progress, 0)
  check_progress('reached', reached, 1)
  if not is_at(progress) then
    return 0
  end
  call('SET', progress_key(), reached)
  return 1
end)
end)
register('open_journal', {}, 'Ends a rebuild: makes the journal, with one entry of the operation open that says how far the rebuild was. From here on changes are noted and a guard holds.', function()
-- @from open_journal.lua:26
local progress, entry = ARGV[1], ARGV[2]

return run(2, 2, function()
  check_progress('progress', progress, 0)
  check_entry_id('entry', entry)
  if not is_at(progress) then
    return 0
  end
  if progress ~= '' then
    local n = #undo
    call('DEL', progress_key())
    undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'SET', progress_key(), progress, false
  end
  -- The last write: nothing after it can fail.
  call('XADD', journal_key(), entry, 'operation', 'open', 'progress', progress)
  return 1
end, take_back)
end)
register('page', {'no-writes'}, 'Reads one page of the followers, followings or friends of a resource, by offset or by cursor. A walk by cursor shows the list as it stood when the walk began, without those who have left since: nobody skipped and nobody twice, as long as nobody comes back with a timestamp from the past.', function()
-- @from page.lua:40
local identifier, object_id, relation, other_identifier = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local order, limit, offset, cursor = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

--- A cursor is score:uid of the last entry shown; going up, a third part says
--- up to which score the walk goes, or it would meet those who came meanwhile.
local function check_cursor(newest_first)
  local score, uid, bound = string.match(cursor, '^([%d.e+-]+):(%d+):?([%d.e+-]*)$')
  if not score or #cursor > 100 or not tonumber(score) or (bound == '') ~= newest_first
    or (not newest_first and not tonumber(bound)) then
    refuse('SEQUERE_CURSOR', 'cursor must be what the last page in this order gave', cursor)
  end
  return score, uid, bound
end

return run(6, 8, function()
  check_resource('', identifier, object_id)
  check_relation(relation)
  if other_identifier ~= '' then
    check_identifier('other_', other_identifier)
  end
  if order ~= 'desc' and order ~= 'asc' then
    refuse('SEQUERE_ARGUMENT', 'order must be desc or asc', order)
  end
  local newest_first = order == 'desc'
  local most = check_number('limit', limit, 1, 1000)
  local by_offset, by_cursor = offset and offset ~= '', cursor and cursor ~= ''
  if by_offset and by_cursor then
    refuse('SEQUERE_ARGUMENT', 'takes offset or cursor, not both; the offset is ' .. offset, cursor)
  end
  local start = by_offset and check_number('offset', offset, 0, 1e15 - 1) or 0
  local score, after, bound
  if by_cursor then
    score, after, bound = check_cursor(newest_first)
  end

  local uid = find_uid(identifier, object_id)
  if not uid then
    return {0, ''}
  end
  local list = list_key(uid, relation, other_identifier)
  local total = call('ZCARD', list)
  local stop = total
  if by_cursor then
    start = rank_after(list, score, after, newest_first)
    if not newest_first then
      stop = call('ZCOUNT', list, '-inf', bound)
    end
  end
  local reply = {total, ''}
  if start >= stop then
    return reply
  end
  local last = math.min(start + most, stop) - 1
  local entries = call(newest_first and 'ZREVRANGE' or 'ZRANGE', list, start, last, 'WITHSCORES')
  for i = 1, #entries, 2 do
    local n = #reply
    reply[n + 1], reply[n + 2] = find_name(entries[i])
    reply[n + 3] = string.format('%.6f', tonumber(entries[i + 1]))
  end
  if last + 1 < stop then
    reply[2] = position_of(entries[#entries], entries[#entries - 1])
    if not newest_first then
      local newest = bound or string.format('%.17g', tonumber(call('ZREVRANGE', list, 0, 0, 'WITHSCORES')[2]))
      reply[2] = reply[2] .. ':' .. newest
    end
  end
  return reply
end)
end)
register('read_edges', {'no-writes'}, 'Tells since when up to 200 edges stand, and the journal\'s last entry at that moment.', function()
-- @from read_edges.lua:24
return run(4, nil, function()
  local edges = check_edges(1, 4, 200)
  local last = call('XREVRANGE', journal_key(), '+', '-', 'COUNT', 1)[1]
  local reply = {last and last[1] or ''}
  for i, edge in ipairs(edges) do
    reply[i + 1] = edge_time(edge)
  end
  return reply
end)
end)
register('relationship', {'no-writes'}, 'Tells how two resources stand to each other, in both directions.', function()
-- @from relationship.lua:27
local from_identifier, from_object_id = ARGV[1], ARGV[2]
local to_identifier, to_object_id = ARGV[3], ARGV[4]

return run(4, 4, function()
  check_resource('from_', from_identifier, from_object_id)
  check_resource('to_', to_identifier, to_object_id)
  local from_uid = find_uid(from_identifier, from_object_id)
  local to_uid = find_uid(to_identifier, to_object_id)
  if not (from_uid and to_uid) then
    return {0, 0, 0}
  end
  local follows = call('ZSCORE', list_key(from_uid, 'followings'), to_uid) and 1 or 0
  local followed_by = call('ZSCORE', list_key(to_uid, 'followings'), from_uid) and 1 or 0
  return {follows, followed_by, follows * followed_by}
end)
end)
register('resolve', {'no-writes'}, 'Finds the resource that a uid stands for.', function()
-- @from resolve.lua:21
local uid = ARGV[1]

return run(1, 1, function()
  if #uid > 15 or not string.find(uid, '^[1-9]%d*$') then
    refuse('SEQUERE_ARGUMENT', 'uid must be a positive whole number', uid)
  end
  if call('EXISTS', name_key(uid)) == 0 then
    return {}
  end
  local identifier, object_id = find_name(uid)
  return {identifier, object_id}
end)
end)
register('unfollow', {}, 'Makes one resource stop following another.', function()
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
end)
register('unfollow_many', {}, 'Makes one resource stop following up to 200 others: all of them, or on an error none.', function()
-- @from unfollow_many.lua:26
local from_identifier, from_object_id = ARGV[1], ARGV[2]

return run(2, nil, function()
  check_resource('from_', from_identifier, from_object_id)
  local others = check_others(3, 200)
  for _, other in ipairs(others) do
    check_not_self(from_identifier, from_object_id, other.identifier, other.object_id)
  end
  local uid = find_uid(from_identifier, from_object_id)
  local from = {identifier = from_identifier, object_id = from_object_id, uid = uid}
  local replies = {}
  for i, other in ipairs(others) do
    other.uid = uid and find_uid(other.identifier, other.object_id)
    replies[i] = other.uid and remove_edge(from, other) or 0
  end
  return replies
end, take_back)
end)
