--!df flags=allow-undeclared-keys
-- sequere v1 mend_edges: generated from lua/src/mend_edges.lua, do not edit
--- Changes the state of up to 50 edges, each only if its state is still the one that the caller has read and no other
--- edge excludes the new one. The journal gets an entry for each change. On an error, nothing changes.
--
-- ARGV
--   edges       group[1..50]
--     relation    relation
--     from        resource
--     to          resource~from
--     seen        score?        the timestamp that the caller has read; empty: there was no edge
--     wanted      score?        the new timestamp; empty: the edge is removed
-- REPLY outcome[edges]
--   1 mended    the edge has the new state
--   0 changed   the edge had another state than the caller has read, or is excluded; it stays as it is
-- COST
--   O(M log N), M edges, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/mend_edges.lua sequere: sequere:global:uid , follow user 1 project 7 '' 1382676091
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_TIMESTAMP SEQUERE_WRONGTYPE
local SCRIPT = 'mend_edges'
--- The frame of every script. The build replaces the marks with the pieces of a source, and edges with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local edges = 1 -- the place of the first one in ARGV
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
-- @from include/_rivals.lua:4
--- The edges between two uids that may not exist beside one of this row and kind, which is from the first to the
--- second: for each, the name of its relation, and whether it is from the second to the first.
local function find_rivals(row, tail, from, to)
  local rivals, mine, theirs = {}, uids .. from .. ':', uids .. to .. ':'
  for replaced in string.gmatch(row.replaces or '', '%l+') do
    if call('ZSCORE', mine .. RELATIONS[replaced].forward .. tail, to) then
      rivals[#rivals + 1] = {replaced .. tail, false}
    end
  end
  for excluded in string.gmatch(row.excludes or '', '%l+') do
    local forward = RELATIONS[excluded].forward
    for _, kind in ipairs(RELATIONS[excluded].kinds and find_tails() or {''}) do
      if call('ZSCORE', mine .. forward .. kind, to) then
        rivals[#rivals + 1] = {excluded .. kind, false}
      end
      if call('ZSCORE', theirs .. forward .. kind, from) then
        rivals[#rivals + 1] = {excluded .. kind, true}
      end
    end
  end
  return rivals
end
-- @from include/_use_kind.lua:1
--- Adds a kind to those in use: at most 16, because block and forget look at the lists of each; a copy may have more.
local function use_kind(kind, is_copy)
  local kinds_key = prefix .. 'global:kinds'
  if call('SADD', kinds_key, kind) == 1 then
    undo = {undo, 'SREM', kinds_key, kind}
    if not is_copy and call('SCARD', kinds_key) > 16 then
      error({'SEQUERE_ARGUMENT', 'kind would be the 17th in ' .. kinds_key .. '; use one of those', kind})
    end
  end
end
-- @from include/_obtain_uid.lua:3
--- The uid of a resource, as text. A resource that has none gets a new one.
local function obtain_uid(identifier, object_id)
  local key = uids .. identifier .. ':' .. object_id
  local uid = call('GET', key)
  if uid then
    if not (find(uid, UID) and #uid < 16) then
      error({'SEQUERE_CORRUPT', key .. (#uid == 32 and OLD_UID or NO_UID), uid})
    end
    return uid
  end
  uid = format('%.0f', call('INCR', last_uid))
  undo = {undo, uid == '1' and 'DEL' or 'DECR', last_uid}
  if #uid > 15 then
    error({'SEQUERE_CORRUPT', last_uid .. NO_UID, uid})
  end
  local name = uids .. ':' .. uid
  if call('EXISTS', name) == 1 then
    error({'SEQUERE_CORRUPT', last_uid .. ' is too low: ' .. name .. ' exists; set it to the highest n of the keys '
      .. uids .. ':n'})
  end
  call('HSET', name, 'identifier', identifier, 'object_id', object_id)
  undo = {undo, 'DEL', name}
  call('SET', key, uid)
  undo = {undo, 'DEL', key}
  return uid
end
-- @from include/_add_entry.lua:1
--- Adds a resource to a list and increments the counter of the list. Returns false if it was in the list. The counter
--- changes only if the ZADD has added an entry, so a repeated call changes nothing.
local function add_entry(list, score, uid)
  if call('ZADD', list, 'NX', score, uid) == 0 then
    return false
  end
  undo = {undo, 'ZREM', list, uid}
  local count = list .. ':count'
  local is_first = call('INCR', count) == 1 -- a counter of 0 is not kept
  undo = {undo, is_first and 'DEL' or 'DECR', count}
  return true
end
-- @from include/_complete_edge.lua:3
--- Completes an edge that was just added to the list of the from side: adds its other entries, and those of the mutual
--- list, if the relation has one and the counterpart exists. The lists of the from side show whether it exists. The
--- relation is passed as the names of its lists: a table would cost each follow about as much as a function.
local function complete_edge(forward, backward, mutual, from, from_identifier, to, to_identifier, score)
  local mine, theirs = uids .. from .. ':', uids .. to .. ':'
  add_entry(mine .. forward .. ':' .. to_identifier, score, to)
  local list = theirs .. backward
  add_entry(list, score, from)
  add_entry(list .. ':' .. from_identifier, score, from)

  local answer = mutual and call('ZSCORE', mine .. backward, to)
  if answer then
    local later = answer + 0 > score + 0 and answer or score
    list = mine .. mutual
    add_entry(list, later, to)
    add_entry(list .. ':' .. to_identifier, later, to)
    list = theirs .. mutual
    add_entry(list, later, from)
    add_entry(list .. ':' .. from_identifier, later, from)
  end
end
-- @from include/_add_edge.lua:3
--- Adds both halves of an edge between two uids. Returns false if the edge existed. The caller has checked that no edge
--- excludes it.
local function add_edge(forward, backward, mutual, from, from_identifier, to, to_identifier, score)
  if not add_entry(uids .. from .. ':' .. forward, score, to) then
    return false
  end
  complete_edge(forward, backward, mutual, from, from_identifier, to, to_identifier, score)
  return true
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

local function body(edges)
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
  -- @from mend_edges.lua:27
  local replies = {}

  --- Mends an edge, given its first place in ARGV, if it is to be removed or to be added; nil otherwise.
  local function mend(i, is_removal)
    local name, from_identifier, from_object_id, to_identifier, to_object_id, seen, wanted = unpack(ARGV, i, i + 6)
    if (wanted == '') ~= is_removal then
      return nil
    end
    local since, relation, from, to, tail = edge_time(i)
    if since ~= seen then
      return 0
    elseif seen == wanted then
      return 1
    elseif wanted ~= '' and from and to and find_rivals(relation, tail, from, to)[1] then
      return 0
    end
    local forward, backward, mutual = relation.forward, relation.backward, relation.mutual
    if seen ~= '' then
      remove_edge(forward, backward, mutual, from, from_identifier, to, to_identifier)
      change('remove', name, from_identifier, from_object_id, to_identifier, to_object_id, seen)
    end
    if wanted ~= '' then
      if tail ~= '' then
        use_kind(string.sub(tail, 2), true)
      end
      from, to = obtain_uid(from_identifier, from_object_id), obtain_uid(to_identifier, to_object_id)
      add_edge(forward, backward, mutual, from, from_identifier, to, to_identifier, wanted)
      change('add', name, from_identifier, from_object_id, to_identifier, to_object_id, wanted)
    end
    return 1
  end

  for _, is_removal in ipairs({true, false}) do -- what is removed may exclude what is added
    for i = edges, #ARGV, 7 do
      local n = (i - edges) / 7 + 1
      replies[n] = replies[n] or mend(i, is_removal)
    end
  end
  return replies
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 7 and #ARGV <= 350 and (#ARGV - 0) % 7 == 0
for i = 1, right and #ARGV or 0, 7 do
  local each_relation, each_from_identifier, each_from_object_id, each_to_identifier, each_to_object_id, each_seen, each_wanted = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5], ARGV[i + 6]
  right = right and find(each_relation, '^[%l_]+$') and find(' follow request archive block mute ', ' ' .. each_relation .. ' ', 1, true)
    and #each_from_identifier <= 50 and find(each_from_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_from_identifier ~= 'count'
    and #each_from_object_id <= 255 and find(each_from_object_id, '^[\1-\127]+$')
    and #each_to_identifier <= 50 and find(each_to_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_to_identifier ~= 'count'
    and #each_to_object_id <= 255 and find(each_to_object_id, '^[\1-\127]+$')
    and (each_seen == '' or #each_seen == 17 and find(each_seen, '^[1-7]%d+%.%d%d%d%d%d%d$'))
    and (each_wanted == '' or #each_wanted == 17 and find(each_wanted, '^[1-7]%d+%.%d%d%d%d%d%d$'))
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
  local function is_score(value)
    return #value <= 20 and find(value, '^%d+%.?%d*$') and value + 0 < 17179869184
  end
  local function is_kind(value)
    return #value <= 30 and find(value, '^%l[%l%d_]*$')
  end
  local function is_relation(value)
    local name, kind = string.match(value, '^(%l[%l_]*)@(.*)$')
    return find(value, '^[%l_]+$') and find(' follow request archive block mute ', ' ' .. value .. ' ', 1, true)
      or name and find(' follow request archive mute ', ' ' .. name .. ' ', 1, true) and is_kind(kind)
  end
  if not (#KEYS == 2 and #ARGV >= 7 and #ARGV <= 350 and (#ARGV - 0) % 7 == 0) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 1 to 50 edges of 7 arguments each; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  for i = 1, reason and 0 or #ARGV, 7 do
    check('edges ' .. (i - 1) / 7 + 1 .. ' relation', ARGV[i], is_relation, 'SEQUERE_ARGUMENT', 'a relation, follow request archive block mute, or follow request archive mute with a kind, such as follow@watch')
    check('edges ' .. (i - 1) / 7 + 1 .. ' from_identifier', ARGV[i + 1], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('edges ' .. (i - 1) / 7 + 1 .. ' from_object_id', ARGV[i + 2], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
    check('edges ' .. (i - 1) / 7 + 1 .. ' to_identifier', ARGV[i + 3], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('edges ' .. (i - 1) / 7 + 1 .. ' to_object_id', ARGV[i + 4], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
    if ARGV[i + 5] ~= '' then
      check('edges ' .. (i - 1) / 7 + 1 .. ' seen', ARGV[i + 5], is_score, 'SEQUERE_TIMESTAMP', 'seconds since the epoch, UTC, from 0 to below 17179869184, such as 1382676091.612067')
      ARGV[i + 5] = not reason and format('%.6f', ARGV[i + 5]) or ARGV[i + 5]
    end
    if ARGV[i + 6] ~= '' then
      check('edges ' .. (i - 1) / 7 + 1 .. ' wanted', ARGV[i + 6], is_score, 'SEQUERE_TIMESTAMP', 'seconds since the epoch, UTC, from 0 to below 17179869184, such as 1382676091.612067')
      ARGV[i + 6] = not reason and format('%.6f', ARGV[i + 6]) or ARGV[i + 6]
    end
    if not reason and ARGV[i + 3] == ARGV[i + 1] and ARGV[i + 4] == ARGV[i + 2] then
      reason = {'SEQUERE_SELF', 'to must not be the same resource as from', ARGV[i + 3] .. ' ' .. ARGV[i + 4]}
    end
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, edges)
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
  local _, stop = pcall(body, edges)
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
