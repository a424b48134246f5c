--!df flags=allow-undeclared-keys
-- sequere v1 copy_edges: generated from lua/src/copy_edges.lua, do not edit
--- Sets up to 50 edges to the given state, whatever their state was, removes the edges that they exclude, and updates
--- the mark. If there is a journal, it gets an entry for each edge. On an error, nothing changes.
--
-- ARGV
--   mark        mark?         the mark that the caller has read; empty: there was none
--   reached     mark          the new mark
--   edges       group[0..50]
--     relation    relation
--     from        resource
--     to          resource~from
--     timestamp   score?        of the edge; empty: the edge is not to exist
-- REPLY outcome
--   1 copied    the edges are in that state
--   0 refused   the mark has changed; nothing was written
-- COST
--   O(M log N), M edges, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/copy_edges.lua sequere: sequere:global:uid , begun on follow user 1 project 7 1382676091
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_TIMESTAMP SEQUERE_WRONGTYPE
local SCRIPT = 'copy_edges'
--- The frame of every script. The build replaces the marks with the pieces of a source, and mark, reached, edges with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local mark, reached = ARGV[1], ARGV[2]
if mark == '' then mark = nil end
local edges = 3 -- the place of the first one in ARGV
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local undo = false -- how to undo the writes, newest first: {the undo of the writes before it, command, key, ...}
local journal, is_noted = prefix .. 'global:journal', false -- the key of the journal, and whether it exists
local changes = false -- a flat array: operation, relation, both resources and timestamp of each entry
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_mark.lua:1
--- Whether the mark is still the one that the caller has read. Every script of a rebuild and of an adoption sets it, so
--- a server that loses their writes loses the mark too. If the mark has changed, another run has continued the work.
local mark_key = prefix .. 'global:mark'
local function is_marked(mark)
  return (call('GET', mark_key) or '') == (mark or '')
end
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
-- @from include/_put_entry.lua:3
--- Adds a resource to a list, or gives it another score there.
local function put_entry(list, score, uid)
  if not add_entry(list, score, uid) then
    local before = call('ZSCORE', list, uid)
    call('ZADD', list, score, uid)
    undo = {undo, 'ZADD', list, before, uid}
  end
end

--- Does the same in the list of all identifiers and in that of one identifier.
local function put_entries(list, identifier, score, uid)
  put_entry(list, score, uid)
  put_entry(list .. ':' .. identifier, score, uid)
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
-- @from include/_make_way.lua:4
--- Removes the edges that may not exist beside one that is to be added, and notes the changes. Returns whether a follow
--- by its from side was among them, and whether one by its to side was.
local function make_way(row, tail, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
  local by_from, by_to = false, false
  for _, rival in ipairs(find_rivals(row, tail, from, to)) do
    local name, is_back = rival[1], rival[2]
    local is_follow = find(name, '^follow')
    if is_back then
      cut_edge(name, to, to_identifier, to_object_id, from, from_identifier, from_object_id)
      by_to = by_to or is_follow
    else
      cut_edge(name, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
      by_from = by_from or is_follow
    end
  end
  return by_from, by_to
end

local function body(mark, reached, edges)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  is_noted = guard == journal
  if not is_noted then
    local found = call('EXISTS', journal, prefix .. 'global:mark')
    is_noted = found == 2 or found == 1 and call('EXISTS', journal) == 1
  end
  -- @from copy_edges.lua:31
  local known = {} -- identifier, NUL, object id -> uid, of the resources looked up so far

  local function drop(list, identifier, uid)
    for _ = 1, 2 do
      local score = call('ZSCORE', list, uid)
      if score then
        remove_entry(list, score, uid)
      end
      list = list .. ':' .. identifier
    end
  end

  --- The uid of a resource. If it has none, a new one for an edge that is to exist.
  local function uid_of(identifier, object_id, exists)
    local name = identifier .. '\0' .. object_id
    if not known[name] then
      known[name] = (exists and obtain_uid or find_uid)(identifier, object_id)
    end
    return known[name]
  end

  if not is_marked(mark) then
    return 0
  end
  call('SET', mark_key, reached)
  undo = mark and {undo, 'SET', mark_key, mark} or {undo, 'DEL', mark_key}
  for i = edges, #ARGV, 6 do
    local from_identifier, to_identifier, score = ARGV[i + 1], ARGV[i + 3], ARGV[i + 5]
    local relation, _, tail = find_relation(ARGV[i])
    local exists = score ~= ''
    if exists and tail ~= '' then
      use_kind(string.sub(tail, 2), true)
    end
    local from, to = uid_of(from_identifier, ARGV[i + 2], exists), uid_of(to_identifier, ARGV[i + 4], exists)
    local mine, theirs = from and uids .. from .. ':', to and uids .. to .. ':'
    if exists then
      make_way(relation, tail, from, from_identifier, ARGV[i + 2], to, to_identifier, ARGV[i + 4])
      put_entries(mine .. relation.forward, to_identifier, score, to)
      put_entries(theirs .. relation.backward, from_identifier, score, from)
      local answer = relation.mutual and call('ZSCORE', mine .. relation.backward, to)
      if answer then
        local later = answer + 0 > score + 0 and answer or score
        put_entries(mine .. relation.mutual, to_identifier, later, to)
        put_entries(theirs .. relation.mutual, from_identifier, later, from)
      end
    elseif from and to then
      drop(mine .. relation.forward, to_identifier, to)
      drop(theirs .. relation.backward, from_identifier, from)
      if relation.mutual then
        drop(mine .. relation.mutual, to_identifier, to)
        drop(theirs .. relation.mutual, from_identifier, from)
      end
    end
    local operation = exists and 'add' or 'remove'
    change(operation, ARGV[i], from_identifier, ARGV[i + 2], to_identifier, ARGV[i + 4], score)
  end
  return 1
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 2 and #ARGV <= 302 and (#ARGV - 2) % 6 == 0
  and (not mark or #mark >= 1 and #mark <= 255)
  and #reached >= 1 and #reached <= 255
for i = 3, right and #ARGV or 0, 6 do
  local each_relation, each_from_identifier, each_from_object_id, each_to_identifier, each_to_object_id, each_timestamp = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3], ARGV[i + 4], ARGV[i + 5]
  right = right and find(each_relation, '^[%l_]+$') and find(' follow request archive block mute ', ' ' .. each_relation .. ' ', 1, true)
    and #each_from_identifier <= 50 and find(each_from_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_from_identifier ~= 'count'
    and #each_from_object_id <= 255 and find(each_from_object_id, '^[\1-\127]+$')
    and #each_to_identifier <= 50 and find(each_to_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_to_identifier ~= 'count'
    and #each_to_object_id <= 255 and find(each_to_object_id, '^[\1-\127]+$')
    and (each_timestamp == '' or #each_timestamp == 17 and find(each_timestamp, '^[1-7]%d+%.%d%d%d%d%d%d$'))
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
  local function is_mark(value)
    return #value >= 1 and #value <= 255
  end
  if not (#KEYS == 2 and #ARGV >= 2 and #ARGV <= 302 and (#ARGV - 2) % 6 == 0) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 2 arguments and 0 to 50 edges of 6 arguments each; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  if mark then
    check('mark', mark, is_mark, 'SEQUERE_ARGUMENT', '1 to 255 bytes')
  end
  check('reached', reached, is_mark, 'SEQUERE_ARGUMENT', '1 to 255 bytes')
  for i = 3, reason and 0 or #ARGV, 6 do
    check('edges ' .. (i - 3) / 6 + 1 .. ' relation', ARGV[i], is_relation, 'SEQUERE_ARGUMENT', 'a relation, follow request archive block mute, or follow request archive mute with a kind, such as follow@watch')
    check('edges ' .. (i - 3) / 6 + 1 .. ' from_identifier', ARGV[i + 1], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('edges ' .. (i - 3) / 6 + 1 .. ' from_object_id', ARGV[i + 2], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
    check('edges ' .. (i - 3) / 6 + 1 .. ' to_identifier', ARGV[i + 3], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('edges ' .. (i - 3) / 6 + 1 .. ' to_object_id', ARGV[i + 4], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
    if ARGV[i + 5] ~= '' then
      check('edges ' .. (i - 3) / 6 + 1 .. ' timestamp', ARGV[i + 5], is_score, 'SEQUERE_TIMESTAMP', 'seconds since the epoch, UTC, from 0 to below 17179869184, such as 1382676091.612067')
      ARGV[i + 5] = not reason and format('%.6f', ARGV[i + 5]) or ARGV[i + 5]
    end
    if not reason and ARGV[i + 3] == ARGV[i + 1] and ARGV[i + 4] == ARGV[i + 2] then
      reason = {'SEQUERE_SELF', 'to must not be the same resource as from', ARGV[i + 3] .. ' ' .. ARGV[i + 4]}
    end
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, mark, reached, edges)
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
  local _, stop = pcall(body, mark, reached, edges)
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
