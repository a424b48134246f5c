--!df flags=allow-undeclared-keys
-- sequere v1 forget: generated from lua/src/forget.lua, do not edit
--- Removes a resource and every edge from or to it from the graph, in bounded steps: call it again until nothing is
--- left.
--
-- ARGV
--   resource    resource      the resource to forget
--   limit       1..100        the most edges to remove in this call
-- REPLY tuple
--   removed     integer       edges removed by this call
--   left        integer       edges left; at 0 the resource is forgotten
-- COST
--   O(M log N), M the limit, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/forget.lua sequere: sequere:global:uid , user 1 100
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_LIMIT SEQUERE_OBJECT_ID SEQUERE_WRONGTYPE
local SCRIPT = 'forget'
--- The frame of every script. The build replaces the marks with the pieces of a source, and identifier, object_id, limit with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local identifier, object_id, limit = ARGV[1], ARGV[2], ARGV[3]
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local undo = false -- how to undo the writes, newest first: {the undo of the writes before it, command, key, ...}
local journal, is_noted = prefix .. 'global:journal', false -- the key of the journal, and whether it exists
local changes = false -- a flat array: operation, relation, both resources and timestamp of each entry
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_relations.lua:1
--- The relations. `forward` is the list of the from side, `backward` the list of the to side, and `mutual` the list of
--- the resources between which there are edges in both directions, if the relation has such a list. `kinds`: there can
--- be edges of several kinds, such as follow@watch. `expires`: the score of an edge is the time at which it ends.
--- `moves` names the relations to which its edges can move. `replaces` names the relations of which no edge of the same
--- kind may exist in the same direction. `excludes` names the relations of which no edge of any kind may exist, in
--- either direction, between the two resources of an edge.
local RELATIONS = {
  follow = {
    forward = 'followings', backward = 'followers', mutual = 'friends', kinds = true,
    moves = 'archive', replaces = 'request', excludes = 'block',
  },
  request = {
    forward = 'requested', backward = 'requests', kinds = true,
    moves = 'follow', replaces = 'follow', excludes = 'block',
  },
  archive = {
    forward = 'archived', backward = 'archived_by', kinds = true,
    moves = 'follow', excludes = 'block',
  },
  block = {
    forward = 'blocked', backward = 'blocked_by',
    excludes = 'follow request archive',
  },
  mute = {
    forward = 'muted', backward = 'muted_by', kinds = true, expires = true,
  },
}
-- @from include/_relation.lua:3
--- The row of a relation such as follow, or follow@watch with the names of the lists of that kind. Also the name of the
--- row and the tail of the kind, '@watch' or empty.
local function find_relation(name)
  local base, tail = string.match(name, '^([%l_]+)(.*)$')
  local row = RELATIONS[base]
  if tail ~= '' then
    row = setmetatable({
      forward = row.forward .. tail, backward = row.backward .. tail, mutual = row.mutual and row.mutual .. tail,
    }, {__index = row})
  end
  return row, base, tail
end
-- @from include/_kinds.lua:1
--- The kinds in use, at most 16. Code that walks over all lists of a resource finds them here.
local kinds_key = prefix .. 'global:kinds'

--- The tails of the names of lists: empty, and @ with each kind.
local function find_tails()
  local kinds, tails = call('SMEMBERS', kinds_key), {''}
  table.sort(kinds)
  for i, kind in ipairs(kinds) do
    tails[i + 1] = '@' .. kind
  end
  return tails
end
-- @from include/_uid_form.lua:1
--- The form of a uid, which has at most 15 digits, and the error texts for a key that holds something else. Versions
--- 0.3 and 0.4 had uids of 32 hexadecimal digits.
local UID, NO_UID = '^[1-9]%d*$', ' must hold a uid, a whole number from 1 to 999999999999999; run audit with repair'
local OLD_UID = ' is from django-sequere 0.x; use another prefix and import these keys'
-- @from include/_uid.lua:3
--- The uid of a resource, as text; false if the graph does not know it.
local function find_uid(identifier, object_id)
  local key = uids .. identifier .. ':' .. object_id
  local uid = call('GET', key)
  if uid and not (find(uid, UID) and #uid < 16) then
    error({'SEQUERE_CORRUPT', key .. (#uid == 32 and OLD_UID or NO_UID), uid})
  end
  return uid
end
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
-- @from include/_remove_entry.lua:1
--- Removes a resource from a list and decrements the counter of the list; the score is for the undo. The counter
--- changes only if the ZREM has removed an entry, so a repeated call changes nothing.
local function remove_entry(list, score, uid)
  if call('ZREM', list, uid) == 0 then
    return
  end
  undo = {undo, 'ZADD', list, score, uid}
  local count = list .. ':count'
  local left = call('DECR', count)
  undo = left >= 0 and {undo, 'INCR', count} or left == -1 and {undo, 'DEL', count} or {undo, 'SET', count, left + 1}
  if left <= 0 then -- a counter below 0 was missing or wrong
    call('DEL', count)
  end
end
-- @from include/_remove_edge.lua:3
--- Removes both halves of an edge between two uids, and the entries of the mutual list, if the relation has one.
--- Returns the timestamp that the edge had; false if there was no edge.
local function remove_edge(forward, backward, mutual, from, from_identifier, to, to_identifier)
  local mine, theirs = uids .. from .. ':', uids .. to .. ':'
  local list = mine .. forward
  local score = call('ZSCORE', list, to)
  if not score then
    return false
  end
  remove_entry(list, score, to)
  remove_entry(list .. ':' .. to_identifier, score, to)
  list = theirs .. backward
  remove_entry(list, score, from)
  remove_entry(list .. ':' .. from_identifier, score, from)

  list = mutual and mine .. mutual
  local later = mutual and call('ZSCORE', list, to)
  if later then
    remove_entry(list, later, to)
    remove_entry(list .. ':' .. to_identifier, later, to)
    list = theirs .. mutual
    remove_entry(list, later, from)
    remove_entry(list .. ':' .. from_identifier, later, from)
  end
  return format('%.6f', score)
end
-- @from include/_change.lua:1
--- Adds a change to those that the frame appends to the journal after the body has returned.
local function change(operation, relation, from_identifier, from_object_id, to_identifier, to_object_id, timestamp)
  if not is_noted then
    return
  end
  changes = changes or {}
  local n = #changes
  changes[n + 1], changes[n + 2], changes[n + 3], changes[n + 4] = operation, relation, from_identifier, from_object_id
  changes[n + 5], changes[n + 6], changes[n + 7] = to_identifier, to_object_id, timestamp
end
-- @from include/_cut_edge.lua:5
--- Removes an edge of the named relation, and notes the change. Returns the timestamp that it had; false if there was no edge.
local function cut_edge(name, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
  local row = find_relation(name)
  local since = remove_edge(row.forward, row.backward, row.mutual, from, from_identifier, to, to_identifier)
  if since then
    change('remove', name, from_identifier, from_object_id, to_identifier, to_object_id, since)
  end
  return since
end

local function body(identifier, object_id, limit)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  is_noted = guard == journal
  if not is_noted then
    local found = call('EXISTS', journal, prefix .. 'global:mark')
    is_noted = found == 2 or found == 1 and call('EXISTS', journal) == 1
    if found == 1 and not is_noted then
      error({'SEQUERE_COLD', 'the key ' .. prefix .. 'global:mark exists but the journal does not: Redis is being '
        .. 'filled from the database, or write-behind was closed; ask the database instead'})
    end
  end
  limit = tonumber(limit)
  -- @from forget.lua:22
  local uid = find_uid(identifier, object_id)
  if not uid then
    change('forget', '', identifier, object_id, '', '', '')
    return {0, 0}
  end
  local removed, left = 0, 0

  --- Removes edges that a list of a relation holds, up to the limit, and counts those that are left.
  local function empty(name, relation, list)
    local key = uids .. uid .. ':' .. list
    local entries = removed < limit and call('ZRANGE', key, 0, limit - removed - 1) or {}
    for _, other in ipairs(entries) do
      local other_identifier, other_object_id = find_name(other)
      local since
      if list == relation.forward then
        since = cut_edge(name, uid, identifier, object_id, other, other_identifier, other_object_id)
      else
        since = cut_edge(name, other, other_identifier, other_object_id, uid, identifier, object_id)
      end
      if not since then -- without this error, every later call would find the same entry again
        error({'SEQUERE_CORRUPT', key .. ' has an entry without its counterpart; run audit with repair'})
      end
    end
    removed, left = removed + #entries, left + call('ZCARD', key)
  end

  for i, tail in ipairs(find_tails()) do
    for name in pairs(RELATIONS) do
      local relation = find_relation(name .. tail)
      if i == 1 or relation.kinds then
        empty(name .. tail, relation, relation.forward)
        empty(name .. tail, relation, relation.backward)
      end
    end
  end
  if left == 0 then
    -- This has an entry of its own: a server that was restored from an older state cannot note the removal of edges that
    -- it does not have.
    change('forget', '', identifier, object_id, '', '', '')
    local key, name = uids .. identifier .. ':' .. object_id, uids .. ':' .. uid
    call('DEL', key)
    undo = {undo, 'SET', key, uid}
    call('DEL', name)
    undo = {undo, 'HSET', name, 'identifier', identifier, 'object_id', object_id}
    local quota = uids .. uid .. ':quota'
    local used, ends = call('GET', quota), call('PTTL', quota)
    if used then
      call('DEL', quota)
      undo = {undo, 'SET', quota, used, 'PX', math.max(ends, 1)}
    end
  end
  return {removed, left}
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 3 and #ARGV <= 3
  and #identifier <= 50 and find(identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and identifier ~= 'count'
  and #object_id <= 255 and find(object_id, '^[\1-\127]+$')
  and #limit <= 15 and find(limit, '^%d+$') and limit + 0 >= 1 and limit + 0 <= 100
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_utf8(text)
    -- Replaces each character beyond ASCII with a letter. A byte that is left over is not part of a character.
    for _, character in ipairs({
      '[\194-\223][\128-\191]', '\224[\160-\191][\128-\191]', '[\225-\236\238\239][\128-\191][\128-\191]',
      '\237[\128-\159][\128-\191]', '\240[\144-\191][\128-\191][\128-\191]',
      '[\241-\243][\128-\191][\128-\191][\128-\191]', '\244[\128-\143][\128-\191][\128-\191]',
    }) do
      text = string.gsub(text, character, 'x')
    end
    return not find(text, '[\128-\255]')
  end
  local function is_identifier(value)
    return #value <= 50 and find(value, '^[A-Za-z0-9_.%-]*[A-Za-z_.%-][A-Za-z0-9_.%-]*$') and value ~= 'count'
  end
  local function is_object_id(value)
    return #value >= 1 and #value <= 255 and not find(value, '%z') and is_utf8(value)
  end
  if not (#KEYS == 2 and #ARGV >= 3 and #ARGV <= 3) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 3 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('identifier', identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('object_id', object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  check('limit', limit, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 100 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 100')
end
local done, reply
if not reason then
  done, reply = pcall(body, identifier, object_id, limit)
  if done and changes and is_noted then
    -- An XADD cannot be undone without a trace. So it comes after all other writes, and never from a body that runs for
    -- the second time.
    local i, answer = 1
    repeat
      answer = redis.pcall('XADD', journal, '*', 'operation', changes[i], 'relation', changes[i + 1],
        'from_identifier', changes[i + 2], 'from_object_id', changes[i + 3],
        'to_identifier', changes[i + 4], 'to_object_id', changes[i + 5], 'timestamp', changes[i + 6])
      i = i + 7
    until not changes[i] or type(answer) == 'table'
    if type(answer) == 'table' then
      refused = {'XADD', journal, tostring(answer.err)}
      done, reply = pcall(error, '', 2) -- false, and the number of this line
    end
  end
  if done then
    return reply
  end
end

-- From here on the call is refused.
local stuck = false -- what could not be undone: a key, and the command that was to undo it

--- Undoes the writes, newest first.
local function take_back()
  while undo do
    local answer = redis.pcall(unpack(undo, 2))
    if type(answer) == 'table' and answer.err then
      stuck = stuck or undo[3] .. ' with ' .. undo[2]
    end
    undo = undo[1]
  end
end

take_back()
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
  local _, stop = pcall(body, identifier, object_id, limit)
  reply = refused and stop or reply
  take_back()
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
if stuck then
  text = 'SEQUERE_CORRUPT ' .. SCRIPT .. ': stopped half-way and could not undo the write to ' .. stuck
    .. '; run audit with repair. The first error: ' .. text
end
return redis.error_reply(text)
