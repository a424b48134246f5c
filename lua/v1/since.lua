--!df flags=allow-undeclared-keys
-- sequere v1 since: generated from lua/src/since.lua, do not edit
--- Replies the timestamps of up to 50 edges.
--
-- ARGV
--   edges       group[1..50]
--     relation    relation
--     from        resource
--     to          resource~from
-- REPLY tuple
--   times       repeated      one for each edge, in order
--     timestamp   score?      empty if the edge does not exist
-- COST
--   O(M), M edges
-- EXAMPLE
--   redis-cli --eval lua/v1/since.lua sequere: sequere:global:uid , follow user 1 project 7 follow user 1 project 8
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_WRONGTYPE
local SCRIPT = 'since'
--- The frame of every script. The build replaces the marks with the pieces of a source, and edges with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local edges = 1 -- the place of the first one in ARGV
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
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
-- @from include/_edge_time.lua:4
--- Returns the timestamp of the edge whose group begins at place i of ARGV; empty if the edge does not exist. Also
--- returns the row of its relation, the uids of its two resources (false for a resource that the graph does not know),
--- and the tail of its kind.
local function edge_time(i)
  local relation, _, tail = find_relation(ARGV[i])
  local from = find_uid(ARGV[i + 1], ARGV[i + 2])
  local to = find_uid(ARGV[i + 3], ARGV[i + 4])
  local score = from and to and call('ZSCORE', uids .. from .. ':' .. relation.forward, to)
  return score and format('%.6f', score) or '', relation, from, to, tail
end

local function body(edges)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from since.lua:18
  local reply = {}
  for i = edges, #ARGV, 5 do
    reply[#reply + 1] = edge_time(i)
  end
  return reply
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 5 and #ARGV <= 250 and (#ARGV - 0) % 5 == 0
for i = 1, right and #ARGV or 0, 5 do
  local each_relation, each_from_identifier, each_from_object_id, each_to_identifier, each_to_object_id = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4]
  right = right and find(each_relation, '^[%l_]+$') and find(' follow request archive block mute ', ' ' .. each_relation .. ' ', 1, true)
    and #each_from_identifier <= 50 and find(each_from_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_from_identifier ~= 'count'
    and #each_from_object_id <= 255 and find(each_from_object_id, '^[\1-\127]+$')
    and #each_to_identifier <= 50 and find(each_to_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_to_identifier ~= 'count'
    and #each_to_object_id <= 255 and find(each_to_object_id, '^[\1-\127]+$')
    and (each_to_object_id ~= each_from_object_id or each_to_identifier ~= each_from_identifier)
end
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
  local function is_kind(value)
    return #value <= 30 and find(value, '^%l[%l%d_]*$')
  end
  local function is_relation(value)
    local name, kind = string.match(value, '^(%l[%l_]*)@(.*)$')
    return find(value, '^[%l_]+$') and find(' follow request archive block mute ', ' ' .. value .. ' ', 1, true)
      or name and find(' follow request archive mute ', ' ' .. name .. ' ', 1, true) and is_kind(kind)
  end
  if not (#KEYS == 2 and #ARGV >= 5 and #ARGV <= 250 and (#ARGV - 0) % 5 == 0) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 1 to 50 edges of 5 arguments each; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  for i = 1, reason and 0 or #ARGV, 5 do
    check('edges ' .. (i - 1) / 5 + 1 .. ' relation', ARGV[i], is_relation, 'SEQUERE_ARGUMENT', 'a relation, follow request archive block mute, or follow request archive mute with a kind, such as follow@watch')
    check('edges ' .. (i - 1) / 5 + 1 .. ' from_identifier', ARGV[i + 1], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('edges ' .. (i - 1) / 5 + 1 .. ' from_object_id', ARGV[i + 2], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
    check('edges ' .. (i - 1) / 5 + 1 .. ' to_identifier', ARGV[i + 3], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('edges ' .. (i - 1) / 5 + 1 .. ' to_object_id', ARGV[i + 4], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
    if not reason and ARGV[i + 3] == ARGV[i + 1] and ARGV[i + 4] == ARGV[i + 2] then
      reason = {'SEQUERE_SELF', 'to must not be the same resource as from', ARGV[i + 3] .. ' ' .. ARGV[i + 4]}
    end
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, edges)
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
  local _, stop = pcall(body, edges)
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
