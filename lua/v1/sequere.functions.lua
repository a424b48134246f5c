#!lua name=sequere
-- sequere v1: generated from lua/src, do not edit
redis.register_function({function_name = 'sequere_add_edges', flags = {},
description = 'Adds edges of a relation from one resource to up to 50 others: all of them or, on an error, none. A block removes the follows, requests and archived follows between the two, in both directions and of all kinds.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 add_edges: generated from lua/src/add_edges.lua, do not edit
--- Adds edges of a relation from one resource to up to 50 others: all of them or, on an error, none.
--
-- A block removes the follows, requests and archived follows between the two, in both directions and of all kinds.
--
-- ARGV
--   relation    relation                such as follow, request@watch or block
--   from        resource                the resource that all edges start from
--   timestamp   timestamp=now           of all edges; left out: the server's clock
--   ends        timestamp?              of a mute: when it ends; empty: never
--   most        0..999999999?           the limits of follow, for follows and requests
--   new         0..999999999?
--   window      1..999999999?
--   others      resource[1..50]~from    the resource that each edge leads to; at most 8 for a block
-- REPLY outcome[others]
--   1 made      the edge is new, or a mute ends at another time
--   0 exists    the edge existed and keeps its timestamp; also a follow, where a request is to be added
--   2 requested          the request is new
--   3 requested_before   the request existed and keeps its timestamp
--   9 cut_following      the block is new and ended a follow by from
--   17 cut_follower      the block is new and ended a follow by the other
--   25 cut_both          the block is new and ended both
--   -1 blocked  nothing changed: one of the two blocks the other
--   -2 most     nothing changed: from has as many follows and requests as it may have
--   -3 new      nothing changed: from made as many within the window as it may make
-- COST
--   O(M log N), M others, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/add_edges.lua sequere: sequere:global:uid , block user 1 '' '' '' '' '' user 2
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_LIMIT SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_TIMESTAMP SEQUERE_WRONGTYPE
local SCRIPT = 'add_edges'
--- The frame of every script. The build replaces the marks with the pieces of a source, and relation, from_identifier, from_object_id, timestamp, ends, most, new, window, others with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local relation, from_identifier, from_object_id, timestamp, ends, most, new, window = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8]
if timestamp == '' then timestamp = nil end
if ends == '' then ends = nil end
if most == '' then most = nil end
if new == '' then new = nil end
if window == '' then window = nil end
local others = 9 -- the place of the first one in ARGV
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local undo = false -- how to undo the writes, newest first: {the undo of the writes before it, command, key, ...}
local journal, is_noted = prefix .. 'global:journal', false -- the key of the journal, and whether it exists
local changes = false -- a flat array: operation, relation, both resources and timestamp of each entry
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_uid_form.lua:1
--- The form of a uid, which has at most 15 digits, and the error texts for a key that holds something else. Versions
--- 0.3 and 0.4 had uids of 32 hexadecimal digits.
local UID, NO_UID = '^[1-9]%d*$', ' must hold a uid, a whole number from 1 to 999999999999999; run audit with repair'
local OLD_UID = ' is from django-sequere 0.x; use another prefix and import these keys'
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
-- @from include/_forever.lua:1
--- In a relation that expires, the score of an edge that never ends is this plus the whole seconds of the time when it
--- was made. Timestamps are below it, and whole numbers stay exact.
local FOREVER = 8589934592
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
-- @from include/_is_barred.lua:1
--- Whether one of two resources blocks the other: then neither may follow the other. The lists of one side show both.
local function is_barred(from, to)
  local mine = uids .. from .. ':'
  return call('ZSCORE', mine .. 'blocked', to) or call('ZSCORE', mine .. 'blocked_by', to)
end
-- @from include/_admit.lua:3
--- Returns the outcome of a follow or a request that must not be added: 0 the follow exists; 3 it already waits for
--- approval; -1 one of the two blocks the other; -2 the from side has `most` follows and requests; -3 it made `new`
--- within the window. nil: it may be added. A request that becomes a follow was counted when it was made.
local function admit(from, to, tail, approval, most, new, window)
  local mine = uids .. from .. ':'
  local followings, requested = mine .. 'followings' .. tail, mine .. 'requested' .. tail
  if call('ZSCORE', followings, to) then
    return 0
  end
  if call('EXISTS', mine .. 'blocked', mine .. 'blocked_by', requested) > 0 then
    if is_barred(from, to) then
      return -1
    elseif call('ZSCORE', requested, to) then
      return approval and 3 or nil
    end
  end
  if most and call('ZCARD', followings) + call('ZCARD', requested) >= most then
    return -2
  elseif new then
    local quota = mine .. 'quota'
    if (tonumber(call('GET', quota) or 0) or 0) >= new then
      return -3
    end
    if call('INCR', quota) == 1 then
      undo = {undo, 'DEL', quota}
      call('EXPIRE', quota, window)
    else
      undo = {undo, 'DECR', quota}
    end
  end
  return nil
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

local function body(relation, from_identifier, from_object_id, timestamp, ends, most, new, window, others)
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
  if not timestamp then
    local time = call('TIME')
    timestamp = format('%s.%06d', time[1], time[2])
  end
  most = tonumber(most)
  new = tonumber(new)
  window = tonumber(window)
  -- @from add_edges.lua:43
  local row, base, tail = find_relation(relation)
  local forward, backward, mutual = row.forward, row.backward, row.mutual
  local is_admitted = base == 'follow' or base == 'request'
  if new and not window then
    error({'SEQUERE_ARGUMENT', 'window must be there if new is, which is ' .. new, ''})
  elseif (most or new) and not is_admitted then
    error({'SEQUERE_ARGUMENT', 'most and new must be empty unless relation is follow or request', relation})
  elseif ends and not row.expires then
    error({'SEQUERE_ARGUMENT', 'ends must be empty unless relation is mute', ends})
  elseif base == 'block' and #ARGV - others > 15 then
    error({'SEQUERE_LIMIT', 'others must be 1 to 8 for a block', format('%.0f', (#ARGV - others + 1) / 2)})
  end
  if tail ~= '' then
    use_kind(string.sub(tail, 2))
  end
  local from = obtain_uid(from_identifier, from_object_id)
  local list = uids .. from .. ':' .. forward
  local has_requests = base == 'follow' and call('EXISTS', uids .. from .. ':requested' .. tail) == 1
  local score = timestamp
  if row.expires then
    score = ends or format('%.6f', FOREVER + math.floor(timestamp))
  end

  --- Adds an edge, or sets its end; returns the outcome and the uid of the other.
  local function add(to_identifier, to_object_id)
    local to = find_uid(to_identifier, to_object_id)
    local outcome = is_admitted and admit(from, to or '0', tail, base == 'request', most, new, window) -- no uid is 0
      or base == 'archive' and to and is_barred(from, to) and -1
    if outcome then
      return outcome, to
    end
    to = to or obtain_uid(to_identifier, to_object_id)
    if has_requests then
      cut_edge('request' .. tail, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
    elseif base == 'block' and not call('ZSCORE', list, to) then
      local by_from, by_to =
        make_way(row, tail, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
      outcome = 1 + (by_from and 8 or 0) + (by_to and 16 or 0)
    end
    if add_edge(forward, backward, mutual, from, from_identifier, to, to_identifier, score) then
      return outcome or base == 'request' and 2 or 1, to
    end
    local before = row.expires and call('ZSCORE', list, to) + 0
    if not before or before == score + 0 or before >= FOREVER and score + 0 >= FOREVER then
      return 0, to
    end
    put_entries(list, to_identifier, score, to)
    put_entries(uids .. to .. ':' .. backward, from_identifier, score, from)
    return 1, to
  end

  if row.expires then -- ended entries stay in the list until their owner's next write to it
    local time = call('TIME')
    local ended = call('ZRANGE', list, '-inf', format('%s.%06d', time[1], time[2]), 'BYSCORE', 'LIMIT', 0, 20)
    for _, other in ipairs(ended) do
      local identifier, object_id = find_name(other)
      cut_edge(relation, from, from_identifier, from_object_id, other, identifier, object_id)
    end
  end
  local replies = {}
  for i = others, #ARGV, 2 do
    local to_identifier, to_object_id = ARGV[i], ARGV[i + 1]
    local outcome, to = add(to_identifier, to_object_id)
    if is_noted and outcome >= 0 then -- even if nothing changed; see follow.lua
      local since = call('ZSCORE', list, to)
      local name = relation
      if not since then -- a request was to be added, and the follow exists
        name, since = 'follow' .. tail, call('ZSCORE', uids .. from .. ':followings' .. tail, to)
      end
      change('add', name, from_identifier, from_object_id, to_identifier, to_object_id, format('%.6f', since))
    end
    replies[#replies + 1] = outcome
  end
  return replies
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 10 and #ARGV <= 108 and (#ARGV - 8) % 2 == 0
  and find(relation, '^[%l_]+$') and find(' follow request archive block mute ', ' ' .. relation .. ' ', 1, true)
  and #from_identifier <= 50 and find(from_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and from_identifier ~= 'count'
  and #from_object_id <= 255 and find(from_object_id, '^[\1-\127]+$')
  and (not timestamp or #timestamp == 17 and find(timestamp, '^[1-7]%d+%.%d%d%d%d%d%d$'))
  and (not ends or #ends == 17 and find(ends, '^[1-7]%d+%.%d%d%d%d%d%d$'))
  and (not most or #most <= 15 and find(most, '^%d+$') and most + 0 >= 0 and most + 0 <= 999999999)
  and (not new or #new <= 15 and find(new, '^%d+$') and new + 0 >= 0 and new + 0 <= 999999999)
  and (not window or #window <= 15 and find(window, '^%d+$') and window + 0 >= 1 and window + 0 <= 999999999)
for i = 9, right and #ARGV or 0, 2 do
  local each_identifier, each_object_id = ARGV[i], ARGV[i + 1]
  right = right and #each_identifier <= 50 and find(each_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_identifier ~= 'count'
    and #each_object_id <= 255 and find(each_object_id, '^[\1-\127]+$')
    and (each_object_id ~= from_object_id or each_identifier ~= from_identifier)
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
  local function is_timestamp(value)
    return #value <= 20 and find(value, '^%d+%.?%d*$') and value + 0 < 8589934592
  end
  local function is_kind(value)
    return #value <= 30 and find(value, '^%l[%l%d_]*$')
  end
  local function is_relation(value)
    local name, kind = string.match(value, '^(%l[%l_]*)@(.*)$')
    return find(value, '^[%l_]+$') and find(' follow request archive block mute ', ' ' .. value .. ' ', 1, true)
      or name and find(' follow request archive mute ', ' ' .. name .. ' ', 1, true) and is_kind(kind)
  end
  if not (#KEYS == 2 and #ARGV >= 10 and #ARGV <= 108 and (#ARGV - 8) % 2 == 0) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 8 arguments and 1 to 50 others of 2 arguments each; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('relation', relation, is_relation, 'SEQUERE_ARGUMENT', 'a relation, follow request archive block mute, or follow request archive mute with a kind, such as follow@watch')
  check('from_identifier', from_identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('from_object_id', from_object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  if timestamp then
    check('timestamp', timestamp, is_timestamp, 'SEQUERE_TIMESTAMP', 'seconds since the epoch, UTC, from 0 to below 8589934592, such as 1382676091.612067')
    timestamp = not reason and format('%.6f', timestamp) or timestamp
  end
  if ends then
    check('ends', ends, is_timestamp, 'SEQUERE_TIMESTAMP', 'seconds since the epoch, UTC, from 0 to below 8589934592, such as 1382676091.612067')
    ends = not reason and format('%.6f', ends) or ends
  end
  if most then
    check('most', most, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 0 and value + 0 <= 999999999 end, 'SEQUERE_LIMIT', 'a whole number from 0 to 999999999')
  end
  if new then
    check('new', new, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 0 and value + 0 <= 999999999 end, 'SEQUERE_LIMIT', 'a whole number from 0 to 999999999')
  end
  if window then
    check('window', window, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 999999999 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 999999999')
  end
  for i = 9, reason and 0 or #ARGV, 2 do
    check('others ' .. (i - 9) / 2 + 1 .. ' identifier', ARGV[i], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('others ' .. (i - 9) / 2 + 1 .. ' object_id', ARGV[i + 1], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
    if not reason and ARGV[i] == from_identifier and ARGV[i + 1] == from_object_id then
      reason = {'SEQUERE_SELF', 'others must not be the same resource as from', ARGV[i] .. ' ' .. ARGV[i + 1]}
    end
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, relation, from_identifier, from_object_id, timestamp, ends, most, new, window, others)
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
  local _, stop = pcall(body, relation, from_identifier, from_object_id, timestamp, ends, most, new, window, others)
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
end})
redis.register_function({function_name = 'sequere_audit', flags = {},
description = 'Checks the keys of one resource, in bounded steps, and repairs them if asked to. An edge exists if any of its four entries exists: the repair adds the missing ones. It removes an entry only if the resource of the entry is unknown, or if the entry is in a mutual list and one of the two edges does not exist. It removes an edge that a block excludes, a request for a follow that exists, and a mute that has ended. If the key of a resource does not hold a uid, the repair sets it to the uid that a list has for this resource, or removes it. A key of a wrong type is reported and stays as it is.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 audit: generated from lua/src/audit.lua, do not edit
--- Checks the keys of one resource, in bounded steps, and repairs them if asked to. An edge exists if any of its four
--- entries exists: the repair adds the missing ones. It removes an entry only if the resource of the entry is unknown,
--- or if the entry is in a mutual list and one of the two edges does not exist. It removes an edge that a block
--- excludes, a request for a follow that exists, and a mute that has ended. If the key of a resource does not hold a
--- uid, the repair sets it to the uid that a list has for this resource, or removes it. A key of a wrong type is
--- reported and stays as it is.
--
-- ARGV
--   resource     resource
--   cursor       place?               the cursor that the previous call replied; empty: begin
--   limit        1..50                the most entries to check in this call
--   repair       0|1                  1 to repair what is found, 0 to report it only
--   identifiers  identifier[1..100]   the identifiers whose lists to check
-- REPLY tuple
--   cursor       place?               pass it for the next step; empty after the last one
--   checked      integer              the number of entries checked by this call
--   findings     repeated
--     kind         text               count, missing, surplus, score, conflict, orphan, mapping or wrongtype
--     key          text               the key concerned
--     detail       text               what is wrong
-- COST
--   O(M log N), M the limit, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/audit.lua sequere: sequere:global:uid , user 1 '' 50 0 user project
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_CURSOR SEQUERE_DENIED SEQUERE_FAILED
--   SEQUERE_IDENTIFIER SEQUERE_LIMIT SEQUERE_OBJECT_ID SEQUERE_WRONGTYPE
local SCRIPT = 'audit'
--- The frame of every script. The build replaces the marks with the pieces of a source, and identifier, object_id, cursor, limit, repair, identifiers with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local identifier, object_id, cursor, limit, repair = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if cursor == '' then cursor = nil end
local identifiers = 6 -- the place of the first one in ARGV
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
-- @from include/_utf8.lua:1
--- Whether a text is well-formed UTF-8.
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
-- @from include/_is_name.lua:3
--- Whether a name, which is an identifier and an object id, is one that a resource can have.
local function is_name(name)
  local identifier, object_id = name[1], name[2]
  return identifier and object_id and #identifier <= 50 and identifier ~= 'count'
    and find(identifier, '^[A-Za-z0-9_.%-]*[A-Za-z_.%-][A-Za-z0-9_.%-]*$')
    and #object_id >= 1 and #object_id <= 255 and not find(object_id, '%z') and is_utf8(object_id)
end
-- @from include/_rank.lua:1
--- The rank of the first entry after (score, uid), in the given direction, so that a later page costs no more than the
--- first. If the entry itself was removed or has another score, the rank that it would have is searched among the
--- entries of its score, which are sorted by uid as text.
local function rank_after(list, score, uid, newest_first)
  local stored = call('ZSCORE', list, uid)
  if stored and stored + 0 == score + 0 then
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
    local before = other <= uid
    if newest_first then
      before = other >= uid
    end
    if before then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
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
-- @from include/_findings.lua:1
--- The reply of an audit, and what it reports.
local report = {'', 0}
local reported = {}
local types = {} -- key -> whether it has the right type, for the keys checked so far

--- Reports a finding once in a call: two entries of one edge lead to the same finding.
local function found(kind, key, detail)
  local finding = kind .. key .. detail
  if not reported[finding] then
    local n = #report
    report[n + 1], report[n + 2], report[n + 3] = kind, key, detail
    reported[finding] = true
  end
end

--- A value as readable text.
local function show(value)
  return '"' .. string.gsub(string.sub(value, 1, 60), '[%c\128-\255]', '?') .. '"'
end

--- Whether a key has the type that it should have, or does not exist; if not, reports it once.
local function is_sound(key, wanted)
  if types[key] == nil then
    local kind = call('TYPE', key).ok
    types[key] = kind == wanted or kind == 'none'
    if not types[key] then
      found('wrongtype', key, 'holds a ' .. kind .. ', should be a ' .. wanted)
    end
  end
  return types[key]
end

local function list_of(uid, list, list_identifier)
  return uids .. uid .. ':' .. list .. (list_identifier and ':' .. list_identifier or '')
end

local function score_in(list, uid)
  return is_sound(list, 'zset') and call('ZSCORE', list, uid)
end

--- The score of an edge: of the first of its four entries that exists, beginning with the list of the from side.
local function edge_score(relation, from, to)
  return score_in(list_of(from.uid, relation.forward), to.uid)
    or score_in(list_of(to.uid, relation.backward), from.uid)
    or score_in(list_of(from.uid, relation.forward, to.identifier), to.uid)
    or score_in(list_of(to.uid, relation.backward, from.identifier), from.uid)
end

local function body(identifier, object_id, cursor, limit, repair, identifiers)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  is_noted = guard == journal
  if not is_noted then
    local found = call('EXISTS', journal, prefix .. 'global:mark')
    is_noted = found == 2 or found == 1 and call('EXISTS', journal) == 1
  end
  limit = tonumber(limit)
  -- @from audit.lua:35
  local mend = repair == '1'
  local time = call('TIME')
  local now = time[1] + time[2] / 1000000

  --- Whether a value is a uid. The last uid given out is set to nothing else: otherwise no script could allocate the
  --- next.
  local function is_uid(value)
    return find(value, UID) and #value < 16
  end

  local tails = is_sound(kinds_key, 'set') and find_tails() or {''}

  --- Sets the count beside a list to what the list holds.
  local function set_count(list)
    local count = list .. ':count'
    if is_sound(list, 'zset') and is_sound(count, 'string') then
      local size, stored = call('ZCARD', list), call('GET', count)
      if stored or size > 0 then
        call('SET', count, size)
        undo = stored and {undo, 'SET', count, stored} or {undo, 'DEL', count}
        if size == 0 then -- after the SET: a user who may not SET could not undo the DEL
          call('DEL', count)
        end
      end
    end
  end

  local function check_count(list)
    local count = list .. ':count'
    if not (is_sound(list, 'zset') and is_sound(count, 'string')) then
      return
    end
    local size, stored = call('ZCARD', list), call('GET', count)
    if (stored or '0') ~= tostring(size) or stored == '0' then
      local told = not stored and 'nothing' or find(stored, '^%d+$') and stored or show(stored)
      found('count', count, 'says ' .. told .. ', the list holds ' .. size)
      if mend then
        set_count(list)
      end
    end
  end

  local function want_entry(list, uid, score)
    if not is_sound(list, 'zset') then
      return
    end
    local stored = call('ZSCORE', list, uid)
    if stored and stored + 0 == score + 0 then
      return
    end
    if stored then
      found('score', list, 'uid ' .. uid .. ' has the score ' .. stored .. ', should have ' .. score)
    else
      found('missing', list, 'uid ' .. uid .. ' should be here at ' .. score)
    end
    if mend then
      call('ZADD', list, score, uid)
      undo = stored and {undo, 'ZADD', list, stored, uid} or {undo, 'ZREM', list, uid}
      set_count(list)
    end
  end

  local function drop_entry(list, uid)
    local score = mend and score_in(list, uid)
    if score then
      call('ZREM', list, uid)
      undo = {undo, 'ZADD', list, score, uid}
      set_count(list)
    end
  end

  local function want_in_lists(uid, list, other, score)
    want_entry(list_of(uid, list), other.uid, score)
    want_entry(list_of(uid, list, other.identifier), other.uid, score)
  end

  local function drop_from_lists(uid, list, other)
    drop_entry(list_of(uid, list), other.uid)
    drop_entry(list_of(uid, list, other.identifier), other.uid)
  end

  --- Removes an edge, and appends the change to the journal.
  local function drop_edge(name, relation, from, to, score)
    if not mend then
      return
    end
    drop_from_lists(from.uid, relation.forward, to)
    drop_from_lists(to.uid, relation.backward, from)
    if relation.mutual then
      drop_from_lists(from.uid, relation.mutual, to)
      drop_from_lists(to.uid, relation.mutual, from)
    end
    if is_sound(journal, 'stream') then
      change('remove', name, from.identifier, from.object_id, to.identifier, to.object_id, format('%.6f', score))
    end
  end

  --- Returns the list that has the edge that excludes an edge of this relation: a block, or the follow that a request
  --- asks for.
  local function find_stronger(name, relation, from, to)
    local base, tail = string.match(name, '^([%l_]+)(.*)$')
    if find(relation.excludes or '', 'block', 1, true) then
      if edge_score(RELATIONS.block, from, to) then
        return list_of(from.uid, RELATIONS.block.forward)
      elseif edge_score(RELATIONS.block, to, from) then
        return list_of(from.uid, RELATIONS.block.backward)
      end
    end
    local follow = base == 'request' and find_relation('follow' .. tail)
    return follow and edge_score(follow, from, to) and list_of(from.uid, follow.forward)
  end

  --- Checks both halves of an edge of which some entry exists, and its entries in the mutual lists.
  local function check_edge(name, relation, from, to)
    local score = edge_score(relation, from, to)
    if not score then
      return
    end
    local stronger = find_stronger(name, relation, from, to)
    if stronger then
      found('conflict', list_of(from.uid, relation.forward), 'uid ' .. to.uid .. ' is here and in ' .. stronger)
      return drop_edge(name, relation, from, to, score)
    elseif relation.expires and score + 0 <= now then
      return drop_edge(name, relation, from, to, score)
    end
    if mend and is_sound(journal, 'stream') and not score_in(list_of(from.uid, relation.forward), to.uid) then
      -- For all other scripts, the list of the from side decides whether an edge exists: if it lacks the edge, the repair
      -- adds the edge.
      change('add', name, from.identifier, from.object_id, to.identifier, to.object_id, format('%.6f', score))
    end
    want_in_lists(from.uid, relation.forward, to, score)
    want_in_lists(to.uid, relation.backward, from, score)
    local answer = relation.mutual and edge_score(relation, to, from)
    if answer then
      local later = answer + 0 > score + 0 and answer or score
      want_in_lists(from.uid, relation.mutual, to, later)
      want_in_lists(to.uid, relation.mutual, from, later)
    end
  end

  --- Whether a uid has a name or a list.
  local function is_known(uid)
    local keys = {uids .. ':' .. uid}
    for _, tail in ipairs(tails) do
      for _, relation in pairs(RELATIONS) do
        keys[#keys + 1] = list_of(uid, relation.forward .. tail)
        keys[#keys + 1] = list_of(uid, relation.backward .. tail)
      end
    end
    return call('EXISTS', unpack(keys)) > 0
  end

  --- What is wrong with the uid in the key of a resource, and whether the key stays as it is because it belongs to a
  --- graph of version 0.x; false if nothing is wrong.
  local function fault_of(uid)
    if #uid == 32 and not find(uid, '%X') then
      return 'holds ' .. show(uid) .. ', a uid of django-sequere 0.x', true
    elseif not is_uid(uid) then
      return 'holds ' .. show(uid) .. ', which is not a uid'
    end
    local given = is_sound(last_uid, 'string') and (call('GET', last_uid) or '0')
    local is_new = given and (not is_uid(given) or given + 0 < uid + 0)
    -- A uid has at most 15 digits. If the last one given out has 15, there may be no next one.
    return is_new and (#uid == 15 or not is_known(uid)) and 'leads to uid ' .. uid .. ', which was not given out'
  end

  --- The resource of a uid that a list holds; also checks that the key of that resource holds this uid.
  local function check_other(list, uid)
    local key = uids .. ':' .. uid
    if not is_sound(key, 'hash') then
      return nil
    end
    local name = call('HMGET', key, 'identifier', 'object_id')
    if not is_name(name) then
      found('orphan', list, 'uid ' .. uid .. ' is here, but ' .. key .. ' does not name its resource')
      drop_entry(list, uid)
      return nil
    end
    local back = uids .. name[1] .. ':' .. name[2]
    if is_sound(back, 'string') then
      local leads = call('GET', back)
      if leads ~= uid then
        local fault, is_other = 'leads to nothing', false
        if leads then
          fault, is_other = fault_of(leads)
        end
        found('mapping', back, (fault or 'leads to uid ' .. leads) .. ', should lead to uid ' .. uid)
        if mend and fault and not is_other then
          call('SET', back, uid)
          undo = leads and {undo, 'SET', back, leads} or {undo, 'DEL', back}
        end
      end
    end
    return {identifier = name[1], object_id = name[2], uid = uid}
  end

  local function check_entry(this, one, list, uid)
    local other = check_other(list, uid)
    if not other then
      return
    end
    local name, relation = one.name, one.relation
    if one.identifier and one.identifier ~= other.identifier then
      found('surplus', list, 'uid ' .. uid .. ' is a ' .. other.identifier)
      drop_entry(list, uid)
    elseif one.list == relation.forward then
      check_edge(name, relation, this, other)
    elseif one.list == relation.backward then
      check_edge(name, relation, other, this)
    elseif edge_score(relation, this, other) and edge_score(relation, other, this) then
      check_edge(name, relation, this, other)
    else
      found('surplus', list, 'uid ' .. uid .. ' is here, but the two edges between them do not exist')
      drop_entry(list, uid)
    end
  end

  --- The uid that the key of the resource holds; false if it holds none. A wrong key is removed: the audit of a resource
  --- that has this one in a list sets it, or the next write allocates a uid.
  local function find_this(key)
    local uid = is_sound(key, 'string') and call('GET', key)
    if not uid then
      return false
    end
    local fault, is_other = fault_of(uid)
    if fault then
      found('mapping', key, fault)
      if mend and not is_other then
        call('DEL', key)
        undo = {undo, 'SET', key, uid}
      end
      return false
    end
    return uid
  end

  --- Checks the name of the uid, and the last uid given out. False if the name is that of another resource: then it is
  --- unknown which of the two the lists belong to, and they stay as they are.
  local function check_this(uid)
    local name, is_own = uids .. ':' .. uid, true
    if is_sound(name, 'hash') then
      local says = call('HMGET', name, 'identifier', 'object_id')
      if says[1] ~= identifier or says[2] ~= object_id then
        found('mapping', name, 'should say identifier ' .. identifier .. ', object_id ' .. object_id)
        is_own = not is_name(says)
        if mend and is_own then
          for i, field in ipairs({'identifier', 'object_id'}) do
            call('HSET', name, field, i == 1 and identifier or object_id)
            undo = says[i] and {undo, 'HSET', name, field, says[i]} or {undo, 'HDEL', name, field}
          end
        end
      end
    end
    if is_sound(last_uid, 'string') then
      local given = call('GET', last_uid)
      local number = given or '0'
      local is_number = number == '0' or is_uid(number)
      if not is_number or number + 0 < uid + 0 then
        found('count', last_uid, (is_number and 'says ' .. number or 'holds ' .. show(number) .. ', which is not a uid')
          .. ', but uid ' .. uid .. ' is in use')
        if mend then
          call('SET', last_uid, uid)
          undo = given and {undo, 'SET', last_uid, given} or {undo, 'DEL', last_uid}
        end
      end
    end
    return is_own
  end

  --- All lists to check: those of all identifiers, then those of each identifier.
  local function make_lists()
    local names, bases, lists = {}, {}, {}
    for name, relation in pairs(RELATIONS) do
      for i = 1, relation.kinds and #tails or 1 do
        names[#names + 1] = name .. tails[i]
      end
    end
    table.sort(names)
    for _, name in ipairs(names) do
      local relation = find_relation(name)
      bases[#bases + 1] = {name = name, relation = relation, list = relation.forward}
      bases[#bases + 1] = {name = name, relation = relation, list = relation.backward}
      bases[#bases + 1] = relation.mutual and {name = name, relation = relation, list = relation.mutual}
    end
    for _, base in ipairs(bases) do
      lists[#lists + 1] = base
    end
    for i = identifiers, #ARGV do
      for _, base in ipairs(bases) do
        lists[#lists + 1] = {name = base.name, relation = base.relation, list = base.list, identifier = ARGV[i]}
      end
    end
    return lists
  end

  local lists = make_lists()
  -- A cursor is the number of a list, then the score and the uid of the last entry checked in it.
  local index, score, after = 1, nil, nil
  if cursor then
    index, score, after = string.match(cursor, '^(%d+):?([%d.e+-]*):?(%d*)$')
    index, score = tonumber(index), score ~= '' and score or nil
    if index < 1 or index > #lists or (score and not (tonumber(score) and after ~= '')) then
      error({'SEQUERE_CURSOR', 'cursor must be one that the previous step returned', cursor})
    end
  end

  local uid = find_this(uids .. identifier .. ':' .. object_id)
  if not uid then
    return report
  end
  local this = {identifier = identifier, object_id = object_id, uid = uid}
  if not (cursor or check_this(uid)) then
    return report
  end
  local budget = limit
  while index <= #lists and budget >= 1 do
    local one = lists[index]
    local list = list_of(uid, one.list, one.identifier)
    local entries, is_there = {}, call('EXISTS', list, list .. ':count') > 0
    if is_there and is_sound(list, 'zset') then
      local start = score and rank_after(list, score, after, false) or 0
      entries = call('ZRANGE', list, start, start + math.floor(budget) - 1, 'WITHSCORES')
    end
    if is_there and not score then
      check_count(list)
    end
    for i = 1, #entries, 2 do
      check_entry(this, one, list, entries[i])
    end
    report[2] = report[2] + #entries / 2
    budget = budget - #entries / 2
    if budget >= 1 then
      index, score, after = index + 1, nil, nil
      budget = budget - (is_there and 1 or 0.05) -- an empty list takes time too
    else
      report[1] = index .. ':' .. format('%.17g', entries[#entries]) .. ':' .. entries[#entries - 1]
    end
  end
  if report[1] == '' and index <= #lists then
    report[1] = tostring(index)
  end
  return report
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 6 and #ARGV <= 105
  and #identifier <= 50 and find(identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and identifier ~= 'count'
  and #object_id <= 255 and find(object_id, '^[\1-\127]+$')
  and (not cursor or #cursor <= 100 and find(cursor, '^%d+:?[%d.e+-]*:?%d*$'))
  and #limit <= 15 and find(limit, '^%d+$') and limit + 0 >= 1 and limit + 0 <= 50
  and (repair == '0' or repair == '1')
for i = 6, right and #ARGV or 0, 1 do
  local each_identifiers = ARGV[i]
  right = right and #each_identifiers <= 50 and find(each_identifiers, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_identifiers ~= 'count'
end
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_identifier(value)
    return #value <= 50 and find(value, '^[A-Za-z0-9_.%-]*[A-Za-z_.%-][A-Za-z0-9_.%-]*$') and value ~= 'count'
  end
  local function is_object_id(value)
    return #value >= 1 and #value <= 255 and not find(value, '%z') and is_utf8(value)
  end
  local function is_place(value)
    return #value <= 100 and find(value, '^%d+:?[%d.e+-]*:?%d*$')
  end
  if not (#KEYS == 2 and #ARGV >= 6 and #ARGV <= 105) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 5 arguments and 1 to 100 identifiers; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('identifier', identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('object_id', object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  if cursor then
    check('cursor', cursor, is_place, 'SEQUERE_CURSOR', 'one that the previous step returned')
  end
  check('limit', limit, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 50 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 50')
  check('repair', repair, function(value) return value == '0' or value == '1' end, 'SEQUERE_ARGUMENT', '0 or 1')
  for i = 6, reason and 0 or #ARGV, 1 do
    check('identifiers ' .. i - 5, ARGV[i], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, identifier, object_id, cursor, limit, repair, identifiers)
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
  local _, stop = pcall(body, identifier, object_id, cursor, limit, repair, identifiers)
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
end})
redis.register_function({function_name = 'sequere_begin_rebuild', flags = {},
description = 'Begins to fill a Redis without a journal from the database: sets the mark, which the other scripts of the rebuild update.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 begin_rebuild: generated from lua/src/begin_rebuild.lua, do not edit
--- Begins to fill a Redis without a journal from the database: sets the mark, which the other scripts of the rebuild
--- update.
--
-- ARGV
--   mark        mark?         the mark that the caller has read; empty: there was none
--   epoch       entry         the id of the new copy, issued by fence
--   replace     0|1           1 to replace a graph even if it may not be a copy of the database
-- REPLY outcome
--   1 begun     the mark is now "epoch clear - epoch"
--   0 refused   there is a journal, or the mark has changed; nothing was written
--   2 unmarked  there is a graph without a mark, or one that was being adopted; nothing was written
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/begin_rebuild.lua sequere: sequere:global:uid , '' 1382676091612-7 0
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_DENIED SEQUERE_FAILED SEQUERE_WRONGTYPE
local SCRIPT = 'begin_rebuild'
--- The frame of every script. The build replaces the marks with the pieces of a source, and mark, epoch, replace with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local mark, epoch, replace = ARGV[1], ARGV[2], ARGV[3]
if mark == '' then mark = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_mark.lua:1
--- Whether the mark is still the one that the caller has read. Every script of a rebuild and of an adoption sets it, so
--- a server that loses their writes loses the mark too. If the mark has changed, another run has continued the work.
local mark_key = prefix .. 'global:mark'
local function is_marked(mark)
  return (call('GET', mark_key) or '') == (mark or '')
end

local function body(mark, epoch, replace)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from begin_rebuild.lua:19
  if call('EXISTS', prefix .. 'global:journal') == 1 or not is_marked(mark) then
    return 0
  end
  if replace == '0' and call('EXISTS', last_uid) == 1 and not (mark and not find(mark, ' adopt ', 1, true)) then
    return 2
  end
  call('SET', mark_key, epoch .. ' clear - ' .. epoch) -- the only write: nothing after it can fail
  return 1
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 3 and #ARGV <= 3
  and (not mark or #mark >= 1 and #mark <= 255)
  and #epoch <= 41 and find(epoch, '^%d+%-%d+$')
  and (replace == '0' or replace == '1')
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_entry(value)
    return #value <= 41 and find(value, '^%d+%-%d+$')
  end
  local function is_mark(value)
    return #value >= 1 and #value <= 255
  end
  if not (#KEYS == 2 and #ARGV >= 3 and #ARGV <= 3) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 3 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  if mark then
    check('mark', mark, is_mark, 'SEQUERE_ARGUMENT', '1 to 255 bytes')
  end
  check('epoch', epoch, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
  check('replace', replace, function(value) return value == '0' or value == '1' end, 'SEQUERE_ARGUMENT', '0 or 1')
end
local done, reply
if not reason then
  done, reply = pcall(body, mark, epoch, replace)
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
  local _, stop = pcall(body, mark, epoch, replace)
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
end})
redis.register_function({function_name = 'sequere_clear_graph', flags = {},
description = 'Removes keys of the graph during a rebuild. The caller finds them with SCAN. If another rebuild has changed the mark, this script removes nothing.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 clear_graph: generated from lua/src/clear_graph.lua, do not edit
--- Removes keys of the graph during a rebuild. The caller finds them with SCAN. If another rebuild has changed the
--- mark, this script removes nothing.
--
-- ARGV
--   mark        mark          the mark that the caller has read
--   reached     mark          the new mark
--   keys        key[1..500]   keys that begin with {prefix}uid:, or {prefix}global:uid
-- REPLY outcome
--   1 cleared   none of these keys exists
--   0 refused   there is a journal, or the mark has changed; nothing was removed
-- COST
--   O(M), M keys
-- EXAMPLE
--   redis-cli --eval lua/v1/clear_graph.lua sequere: sequere:global:uid , begun on sequere:uid:user:1
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_WRONGTYPE
local SCRIPT = 'clear_graph'
--- The frame of every script. The build replaces the marks with the pieces of a source, and mark, reached, keys with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local mark, reached = ARGV[1], ARGV[2]
local keys = 3 -- the place of the first one in ARGV
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local undo = false -- how to undo the writes, newest first: {the undo of the writes before it, command, key, ...}
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_mark.lua:1
--- Whether the mark is still the one that the caller has read. Every script of a rebuild and of an adoption sets it, so
--- a server that loses their writes loses the mark too. If the mark has changed, another run has continued the work.
local mark_key = prefix .. 'global:mark'
local function is_marked(mark)
  return (call('GET', mark_key) or '') == (mark or '')
end

local function body(mark, reached, keys)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from clear_graph.lua:18
  if call('EXISTS', prefix .. 'global:journal') == 1 or not is_marked(mark) then
    return 0
  end
  call('SET', mark_key, reached)
  undo = {undo, 'SET', mark_key, mark}
  call('UNLINK', unpack(ARGV, keys)) -- one command: it removes all or, if refused, none
  return 1
end

local reason -- why this script refuses the call: code, text, value
local function is_key(value)
  local of_uids = prefix .. 'uid:'
  return string.sub(value, 1, #of_uids) == of_uids or value == prefix .. 'global:uid'
    or value == prefix .. 'global:kinds'
end
local right = #KEYS == 2 and #ARGV >= 3 and #ARGV <= 502
  and #mark >= 1 and #mark <= 255
  and #reached >= 1 and #reached <= 255
for i = 3, right and #ARGV or 0, 1 do
  local each_keys = ARGV[i]
  right = right and is_key(each_keys)
end
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_mark(value)
    return #value >= 1 and #value <= 255
  end
  if not (#KEYS == 2 and #ARGV >= 3 and #ARGV <= 502) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 2 arguments and 1 to 500 keys; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('mark', mark, is_mark, 'SEQUERE_ARGUMENT', '1 to 255 bytes')
  check('reached', reached, is_mark, 'SEQUERE_ARGUMENT', '1 to 255 bytes')
  for i = 3, reason and 0 or #ARGV, 1 do
    check('keys ' .. i - 2, ARGV[i], is_key, 'SEQUERE_ARGUMENT', 'a key of the graph')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, mark, reached, keys)
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
  local _, stop = pcall(body, mark, reached, keys)
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
end})
redis.register_function({function_name = 'sequere_copy_edges', flags = {},
description = 'Sets up to 50 edges to the given state, whatever their state was, removes the edges that they exclude, and updates the mark. If there is a journal, it gets an entry for each edge. On an error, nothing changes.', callback = function(KEYS, ARGV)
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
end})
redis.register_function({function_name = 'sequere_count', flags = {'no-writes'},
description = 'Counts the entries of lists of up to 50 resources.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 count: generated from lua/src/count.lua, do not edit
--- Counts the entries of lists of up to 50 resources.
--
-- ARGV
--   lists       lists              1 to 10 with a space between, such as 'followers followings:project'
--   resources   resource[1..50]    the owners of the lists
-- REPLY tuple
--   counts      repeated           for each resource in turn, one for each list
--     entries     integer            the number of entries; 0 for a resource that the graph does not know
-- COST
--   O(L M), L lists, M resources
-- EXAMPLE
--   redis-cli --eval lua/v1/count.lua sequere: sequere:global:uid , 'followers followings' project 7
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_OBJECT_ID SEQUERE_WRONGTYPE
local SCRIPT = 'count'
--- The frame of every script. The build replaces the marks with the pieces of a source, and lists, resources with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local lists = ARGV[1]
local resources = 2 -- the place of the first one in ARGV
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
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

local function body(lists, resources)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from count.lua:16
  local replies, n, now = {}, 0, nil
  if find(lists, 'muted', 1, true) then
    local time = call('TIME')
    now = format('(%s.%06d', time[1], time[2])
  end
  for i = resources, #ARGV, 2 do
    local uid = find_uid(ARGV[i], ARGV[i + 1])
    for list in string.gmatch(lists, '%S+') do
      n = n + 1
      if not uid then
        replies[n] = 0
      elseif now and find(list, '^muted') then -- entries that have ended count as absent
        replies[n] = call('ZCOUNT', uids .. uid .. ':' .. list, now, '+inf')
      else
        replies[n] = call('ZCARD', uids .. uid .. ':' .. list)
      end
    end
  end
  return replies
end

local reason -- why this script refuses the call: code, text, value
local function is_lists(value)
  local size = 0
  for list in string.gmatch(value .. ' ', '([^ ]*) ') do
    local name, kind, identifier = string.match(list, '^(%l[%l_]*)(@?[%l%d_]*)(.*)$')
    size = size + (name and find(kind == '' and ' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ' or ' followings followers friends requested requests archived archived_by muted muted_by ', ' ' .. name .. ' ', 1, true)
      and (kind == '' or #kind <= 31 and find(kind, '^@%l[%l%d_]*$'))
      and (identifier == '' or #identifier <= 51 and identifier ~= ':count'
        and find(identifier, '^:[A-Za-z0-9_.%-]*[A-Za-z_.%-][A-Za-z0-9_.%-]*$')) and 1 or 11)
  end
  return size <= 10
end
local right = #KEYS == 2 and #ARGV >= 3 and #ARGV <= 101 and (#ARGV - 1) % 2 == 0
  and (find(lists, '^[%l_]+$') and find(' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ', ' ' .. lists .. ' ', 1, true) or is_lists(lists))
for i = 2, right and #ARGV or 0, 2 do
  local each_identifier, each_object_id = ARGV[i], ARGV[i + 1]
  right = right and #each_identifier <= 50 and find(each_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_identifier ~= 'count'
    and #each_object_id <= 255 and find(each_object_id, '^[\1-\127]+$')
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
  if not (#KEYS == 2 and #ARGV >= 3 and #ARGV <= 101 and (#ARGV - 1) % 2 == 0) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 1 arguments and 1 to 50 resources of 2 arguments each; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('lists', lists, is_lists, 'SEQUERE_ARGUMENT', '1 to 10 lists, separated by one space')
  for i = 2, reason and 0 or #ARGV, 2 do
    check('resources ' .. (i - 2) / 2 + 1 .. ' identifier', ARGV[i], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('resources ' .. (i - 2) / 2 + 1 .. ' object_id', ARGV[i + 1], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, lists, resources)
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
  local _, stop = pcall(body, lists, resources)
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
end})
redis.register_function({function_name = 'sequere_delete_journal', flags = {},
description = 'Removes the journal if its last entry is the last one that the caller has read. After that no entry is added, and a call with the journal as guard gets SEQUERE_COLD.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 delete_journal: generated from lua/src/delete_journal.lua, do not edit
--- Removes the journal if its last entry is the last one that the caller has read. After that no entry is added, and a
--- call with the journal as guard gets SEQUERE_COLD.
--
-- ARGV
--   last        entry         the last entry that the caller has read
--   release     0|1           1 to remove the mark too: calls without a guard may then write
-- REPLY outcome
--   1 deleted   the journal is removed
--   0 refused   the last entry is another one, or there is no journal; nothing was removed
-- COST
--   O(N), N entries in the journal
-- EXAMPLE
--   redis-cli --eval lua/v1/delete_journal.lua sequere: sequere:global:uid , 1382676091612-0 0
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_WRONGTYPE
local SCRIPT = 'delete_journal'
--- The frame of every script. The build replaces the marks with the pieces of a source, and last, release with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local last, release = ARGV[1], ARGV[2]
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local undo = false -- how to undo the writes, newest first: {the undo of the writes before it, command, key, ...}
local refused = false -- what the server refused: command, key, the server's error text

local function body(last, release)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from delete_journal.lua:15
  local mark_key, journal = prefix .. 'global:mark', prefix .. 'global:journal'
  local entry = call('XREVRANGE', journal, '+', '-', 'COUNT', 1)[1]
  if not entry or entry[1] ~= last then
    return 0
  end
  local mark = release == '1' and call('GET', mark_key)
  if mark then
    call('DEL', mark_key)
    undo = {undo, 'SET', mark_key, mark}
  end
  call('DEL', journal) -- a server that is out of memory accepts it too
  return 1
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 2 and #ARGV <= 2
  and #last <= 41 and find(last, '^%d+%-%d+$')
  and (release == '0' or release == '1')
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_entry(value)
    return #value <= 41 and find(value, '^%d+%-%d+$')
  end
  if not (#KEYS == 2 and #ARGV >= 2 and #ARGV <= 2) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 2 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('last', last, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
  check('release', release, function(value) return value == '0' or value == '1' end, 'SEQUERE_ARGUMENT', '0 or 1')
end
local done, reply
if not reason then
  done, reply = pcall(body, last, release)
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
  local _, stop = pcall(body, last, release)
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
end})
redis.register_function({function_name = 'sequere_drain_journal', flags = {},
description = 'Reads the mark, the state of the journal, and its entries from a position on. It removes the entries before the position if the journal has the entry at the position and the mark has the given epoch. Give an epoch only with a position that the database has committed.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 drain_journal: generated from lua/src/drain_journal.lua, do not edit
--- Reads the mark, the state of the journal, and its entries from a position on. It removes the entries before the
--- position if the journal has the entry at the position and the mark has the given epoch. Give an epoch only with a
--- position that the database has committed.
--
-- ARGV
--   position    entry?        the last entry that the database has; empty: from the beginning
--   limit       1..400        the most entries to reply
--   epoch       entry?        the epoch of the graph that the database follows; empty: remove nothing
-- REPLY tuple
--   mark        text?         empty if there is none
--   last_uid    text?         the last uid given out; empty if there is no graph
--   now         text          the server's clock, milliseconds since the epoch
--   length      integer       the number of entries in the journal; 0 if there is no journal
--   oldest      entry?        the id of its oldest entry; empty if there is none
--   opening     text?         the operation of the oldest entry
--   last        entry?        the id of its last entry; empty if there is none
--   entries     repeated
--     id               entry
--     operation        text         add, remove, forget or open; "not UTF-8" if a field is not: it shows bytes as \255
--     relation         text?        this and the fields below are empty if the entry does not have them
--     from_identifier  text?
--     from_object_id   text?
--     to_identifier    text?
--     to_object_id     text?
--     timestamp        text?        seconds since the epoch, UTC
--     payload          text?
-- COST
--   O(M + D), M the limit, D the entries removed
-- EXAMPLE
--   redis-cli --eval lua/v1/drain_journal.lua sequere: sequere:global:uid , '' 100
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_DENIED SEQUERE_FAILED SEQUERE_LIMIT SEQUERE_WRONGTYPE
local SCRIPT = 'drain_journal'
--- The frame of every script. The build replaces the marks with the pieces of a source, and position, limit, epoch with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local position, limit, epoch = ARGV[1], ARGV[2], ARGV[3]
if position == '' then position = nil end
if epoch == '' then epoch = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_utf8.lua:1
--- Whether a text is well-formed UTF-8.
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

local function body(position, limit, epoch)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  limit = tonumber(limit)
  -- @from drain_journal.lua:34
  local FIELDS = {
    'operation', 'relation', 'from_identifier', 'from_object_id', 'to_identifier', 'to_object_id', 'timestamp', 'payload',
  }

  local function escape(byte)
    return '\\' .. string.byte(byte)
  end

  --- Appends an entry to the reply.
  local function append(reply, entry)
    local n, texts = #reply, {}
    for i = 1, #entry[2], 2 do
      texts[entry[2][i]] = entry[2][i + 1]
    end
    reply[n + 1] = entry[1]
    for i, field in ipairs(FIELDS) do
      local text = texts[field] or ''
      if find(text, '[\128-\255]') and not is_utf8(text) then
        text, reply[n + 2] = string.gsub(text, '[\128-\255]', escape), 'not UTF-8'
      end
      reply[n + 1 + i] = reply[n + 1 + i] or text
    end
  end

  local journal, mark = prefix .. 'global:journal', call('GET', prefix .. 'global:mark') or ''
  local entries = call('XRANGE', journal, position or '-', '+', 'COUNT', limit)
  local now, length = call('TIME'), call('XLEN', journal)
  local reply = {mark, call('GET', last_uid) or '', format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))}
  local first = call('XRANGE', journal, '-', '+', 'COUNT', 1)[1]
  local final = call('XREVRANGE', journal, '+', '-', 'COUNT', 1)[1]
  if epoch and entries[1] and entries[1][1] == position and find(mark, epoch .. ' ', 1, true) == 1 then
    first = entries[1]
    length = length - call('XTRIM', journal, 'MINID', position) -- the last command: nothing after it can fail
  end
  local oldest = {}
  if first then
    append(oldest, first)
  end
  reply[4], reply[5], reply[6], reply[7] = length, oldest[1] or '', oldest[2] or '', final and final[1] or ''
  for _, entry in ipairs(entries) do
    append(reply, entry)
  end
  return reply
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 2 and #ARGV <= 3
  and (not position or #position <= 41 and find(position, '^%d+%-%d+$'))
  and #limit <= 15 and find(limit, '^%d+$') and limit + 0 >= 1 and limit + 0 <= 400
  and (not epoch or #epoch <= 41 and find(epoch, '^%d+%-%d+$'))
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_entry(value)
    return #value <= 41 and find(value, '^%d+%-%d+$')
  end
  if not (#KEYS == 2 and #ARGV >= 2 and #ARGV <= 3) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 2 to 3 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  if position then
    check('position', position, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
  end
  check('limit', limit, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 400 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 400')
  if epoch then
    check('epoch', epoch, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, position, limit, epoch)
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
  local _, stop = pcall(body, position, limit, epoch)
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
end})
redis.register_function({function_name = 'sequere_fence', flags = {},
description = 'Issues a new id if there is no journal, and revokes the right of every earlier caller to open one. A process that changes the database because Redis is cold calls it first, so that a late script of a transaction that was rolled back cannot open the journal.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 fence: generated from lua/src/fence.lua, do not edit
--- Issues a new id if there is no journal, and revokes the right of every earlier caller to open one. A process that
--- changes the database because Redis is cold calls it first, so that a late script of a transaction that was rolled
--- back cannot open the journal.
--
-- ARGV
--   after       entry?                  an id that the new one must follow; empty: none
--   random      0..999999999999999      a random number; it distinguishes ids of the same millisecond
--   opens       0|1                     1 if open_journal may use this id
-- REPLY text?
--   the id; empty if there is a journal
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/fence.lua sequere: sequere:global:uid , '' 450359962737049 0
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_DENIED SEQUERE_FAILED SEQUERE_LIMIT SEQUERE_WRONGTYPE
local SCRIPT = 'fence'
--- The frame of every script. The build replaces the marks with the pieces of a source, and after, random, opens with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local after, random, opens = ARGV[1], ARGV[2], ARGV[3]
if after == '' then after = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text

local function body(after, random, opens)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  random = tonumber(random)
  -- @from fence.lua:16
  if call('EXISTS', prefix .. 'global:journal') == 1 then
    return ''
  end
  local key, now = prefix .. 'global:fence', call('TIME')
  local milliseconds = now[1] * 1000 + math.floor(now[2] / 1000)
  if after then -- clocks may differ or be set back
    milliseconds = math.max(milliseconds, string.match(after, '^%d+') + 1)
  end
  local id = format('%.0f-%.0f', milliseconds, random)
  if opens == '1' then -- the only write: if it is refused, nothing has changed
    call('SET', key, id)
  else
    call('DEL', key) -- a server that is out of memory accepts it too
  end
  return id
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 3 and #ARGV <= 3
  and (not after or #after <= 41 and find(after, '^%d+%-%d+$'))
  and #random <= 15 and find(random, '^%d+$') and random + 0 >= 0 and random + 0 <= 999999999999999
  and (opens == '0' or opens == '1')
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_entry(value)
    return #value <= 41 and find(value, '^%d+%-%d+$')
  end
  if not (#KEYS == 2 and #ARGV >= 3 and #ARGV <= 3) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 3 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  if after then
    check('after', after, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
  end
  check('random', random, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 0 and value + 0 <= 999999999999999 end, 'SEQUERE_LIMIT', 'a whole number from 0 to 999999999999999')
  check('opens', opens, function(value) return value == '0' or value == '1' end, 'SEQUERE_ARGUMENT', '0 or 1')
end
local done, reply
if not reason then
  done, reply = pcall(body, after, random, opens)
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
  local _, stop = pcall(body, after, random, opens)
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
end})
redis.register_function({function_name = 'sequere_follow', flags = {},
description = 'Makes one resource follow another or, if the follow needs approval, adds a request.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 follow: generated from lua/src/follow.lua, do not edit
--- Makes one resource follow another or, if the follow needs approval, adds a request.
--
-- ARGV
--   from        resource        the follower
--   to          resource~from   the followed resource
--   timestamp   timestamp=now   of the edge; left out: the server's clock
--   kind        kind?           such as watch: a separate graph of follows; empty: the one without a kind
--   approval    0|1?            1: add a request, which the followed resource accepts or denies
--   most        0..999999999?   the limit for the follows and requests of this kind that from has
--   new         0..999999999?   the limit for those of all kinds that from makes within the window
--   window      1..999999999?   seconds since the first of them
-- REPLY outcome
--   1 made      the edge is new
--   0 exists    the edge existed and keeps its timestamp
--   2 requested          a request is new
--   3 requested_before   the request existed and keeps its timestamp
-- COST
--   O(log N), N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/follow.lua sequere: sequere:global:uid , user 1 project 7
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_BLOCKED SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED
--   SEQUERE_FOLLOW_LIMIT SEQUERE_IDENTIFIER SEQUERE_LIMIT SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_TIMESTAMP
--   SEQUERE_WRONGTYPE
local SCRIPT = 'follow'
--- The frame of every script. The build replaces the marks with the pieces of a source, and from_identifier, from_object_id, to_identifier, to_object_id, timestamp, kind, approval, most, new, window with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local from_identifier, from_object_id, to_identifier, to_object_id, timestamp, kind, approval, most, new, window = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7], ARGV[8], ARGV[9], ARGV[10]
if timestamp == '' then timestamp = nil end
if kind == '' then kind = nil end
if approval == '' then approval = nil end
if most == '' then most = nil end
if new == '' then new = nil end
if window == '' then window = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local undo = false -- how to undo the writes, newest first: {the undo of the writes before it, command, key, ...}
local journal, is_noted = prefix .. 'global:journal', false -- the key of the journal, and whether it exists
local changes = false -- a flat array: operation, relation, both resources and timestamp of each entry
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_uid_form.lua:1
--- The form of a uid, which has at most 15 digits, and the error texts for a key that holds something else. Versions
--- 0.3 and 0.4 had uids of 32 hexadecimal digits.
local UID, NO_UID = '^[1-9]%d*$', ' must hold a uid, a whole number from 1 to 999999999999999; run audit with repair'
local OLD_UID = ' is from django-sequere 0.x; use another prefix and import these keys'
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

local function body(from_identifier, from_object_id, to_identifier, to_object_id, timestamp, kind, approval, most, new, window)
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
  if not timestamp then
    local time = call('TIME')
    timestamp = format('%s.%06d', time[1], time[2])
  end
  most = tonumber(most)
  new = tonumber(new)
  window = tonumber(window)
  local FORWARD, BACKWARD, MUTUAL = 'followings', 'followers', 'friends'
  -- @from follow.lua:26
  local from = obtain_uid(from_identifier, from_object_id)
  local to = obtain_uid(to_identifier, to_object_id)
  local forward, backward, mutual, tail = FORWARD, BACKWARD, MUTUAL, ''
  if kind then
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
    -- @from follow.lua:31
    use_kind(kind)
    tail = '@' .. kind
    forward, backward, mutual = forward .. tail, backward .. tail, mutual .. tail
  end
  local mine, outcome = uids .. from .. ':', nil
  approval = approval == '1'
  if approval or most or new then -- otherwise only a new edge needs the checks for what may prevent it
    if new and not window then
      error({'SEQUERE_ARGUMENT', 'window must be there if new is, which is ' .. new, ''})
    end
    -- @from include/_is_barred.lua:1
    --- Whether one of two resources blocks the other: then neither may follow the other. The lists of one side show both.
    local function is_barred(from, to)
      local mine = uids .. from .. ':'
      return call('ZSCORE', mine .. 'blocked', to) or call('ZSCORE', mine .. 'blocked_by', to)
    end
    -- @from include/_admit.lua:3
    --- Returns the outcome of a follow or a request that must not be added: 0 the follow exists; 3 it already waits for
    --- approval; -1 one of the two blocks the other; -2 the from side has `most` follows and requests; -3 it made `new`
    --- within the window. nil: it may be added. A request that becomes a follow was counted when it was made.
    local function admit(from, to, tail, approval, most, new, window)
      local mine = uids .. from .. ':'
      local followings, requested = mine .. 'followings' .. tail, mine .. 'requested' .. tail
      if call('ZSCORE', followings, to) then
        return 0
      end
      if call('EXISTS', mine .. 'blocked', mine .. 'blocked_by', requested) > 0 then
        if is_barred(from, to) then
          return -1
        elseif call('ZSCORE', requested, to) then
          return approval and 3 or nil
        end
      end
      if most and call('ZCARD', followings) + call('ZCARD', requested) >= most then
        return -2
      elseif new then
        local quota = mine .. 'quota'
        if (tonumber(call('GET', quota) or 0) or 0) >= new then
          return -3
        end
        if call('INCR', quota) == 1 then
          undo = {undo, 'DEL', quota}
          call('EXPIRE', quota, window)
        else
          undo = {undo, 'DECR', quota}
        end
      end
      return nil
    end
    -- @from follow.lua:42
    outcome = admit(from, to, tail, approval, most, new, window)
    if outcome == -2 or outcome == -3 then
      error({'SEQUERE_FOLLOW_LIMIT', 'from may make no more follows: the limit, its value, the seconds until it ends',
        outcome == -2 and 'most ' .. most .. ' 0' or 'new ' .. new .. ' ' .. math.max(math.ceil(call('PTTL', mine .. 'quota') / 1000), 0)})
    elseif approval and not outcome then
      add_entry(mine .. 'requested' .. tail, timestamp, to)
      complete_edge('requested' .. tail, 'requests' .. tail, nil, from, from_identifier, to, to_identifier, timestamp)
      outcome = 2
    end
  end
  if not outcome then
    outcome = add_entry(mine .. forward, timestamp, to) and 1 or 0
  end
  if outcome == -1 or outcome == 1
    and call('EXISTS', mine .. 'blocked', mine .. 'blocked_by', mine .. 'requested' .. tail) > 0 then
    -- @from include/_is_barred.lua:1
    --- Whether one of two resources blocks the other: then neither may follow the other. The lists of one side show both.
    local function is_barred(from, to)
      local mine = uids .. from .. ':'
      return call('ZSCORE', mine .. 'blocked', to) or call('ZSCORE', mine .. 'blocked_by', to)
    end
    -- @from follow.lua:58
    if outcome == -1 or is_barred(from, to) then
      error({'SEQUERE_BLOCKED', 'one of from and to blocks the other'})
    end
    if call('ZSCORE', mine .. 'requested' .. tail, to) then
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
      -- @from follow.lua:63
      cut_edge('request' .. tail, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
    end
  end
  if outcome == 1 then
    complete_edge(forward, backward, mutual, from, from_identifier, to, to_identifier, timestamp)
  end
  if is_noted then
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
    -- @from follow.lua:71
    -- Noted even if nothing changed: a server that was restored from an older state may have replied from data that
    -- the database does not have yet.
    local list = outcome > 1 and mine .. 'requested' .. tail or mine .. forward
    local since = outcome == 1 and timestamp or format('%.6f', call('ZSCORE', list, to))
    change('add', (outcome > 1 and 'request' or 'follow') .. tail, from_identifier, from_object_id, to_identifier,
      to_object_id, since)
  end
  return outcome
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 4 and #ARGV <= 10
  and #from_identifier <= 50 and find(from_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and from_identifier ~= 'count'
  and #from_object_id <= 255 and find(from_object_id, '^[\1-\127]+$')
  and #to_identifier <= 50 and find(to_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and to_identifier ~= 'count'
  and #to_object_id <= 255 and find(to_object_id, '^[\1-\127]+$')
  and (to_object_id ~= from_object_id or to_identifier ~= from_identifier)
  and (not timestamp or #timestamp == 17 and find(timestamp, '^[1-7]%d+%.%d%d%d%d%d%d$'))
  and (not kind or #kind <= 30 and find(kind, '^%l[%l%d_]*$'))
  and (not approval or (approval == '0' or approval == '1'))
  and (not most or #most <= 15 and find(most, '^%d+$') and most + 0 >= 0 and most + 0 <= 999999999)
  and (not new or #new <= 15 and find(new, '^%d+$') and new + 0 >= 0 and new + 0 <= 999999999)
  and (not window or #window <= 15 and find(window, '^%d+$') and window + 0 >= 1 and window + 0 <= 999999999)
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
  local function is_timestamp(value)
    return #value <= 20 and find(value, '^%d+%.?%d*$') and value + 0 < 8589934592
  end
  local function is_kind(value)
    return #value <= 30 and find(value, '^%l[%l%d_]*$')
  end
  if not (#KEYS == 2 and #ARGV >= 4 and #ARGV <= 10) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 4 to 10 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('from_identifier', from_identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('from_object_id', from_object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  check('to_identifier', to_identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('to_object_id', to_object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  if not reason and to_identifier == from_identifier and to_object_id == from_object_id then
    reason = {'SEQUERE_SELF', 'to must not be the same resource as from', to_identifier .. ' ' .. to_object_id}
  end
  if timestamp then
    check('timestamp', timestamp, is_timestamp, 'SEQUERE_TIMESTAMP', 'seconds since the epoch, UTC, from 0 to below 8589934592, such as 1382676091.612067')
    timestamp = not reason and format('%.6f', timestamp) or timestamp
  end
  if kind then
    check('kind', kind, is_kind, 'SEQUERE_ARGUMENT', '1 to 30 characters of a-z 0-9 _, the first of them a letter')
  end
  if approval then
    check('approval', approval, function(value) return value == '0' or value == '1' end, 'SEQUERE_ARGUMENT', '0 or 1')
  end
  if most then
    check('most', most, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 0 and value + 0 <= 999999999 end, 'SEQUERE_LIMIT', 'a whole number from 0 to 999999999')
  end
  if new then
    check('new', new, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 0 and value + 0 <= 999999999 end, 'SEQUERE_LIMIT', 'a whole number from 0 to 999999999')
  end
  if window then
    check('window', window, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 999999999 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 999999999')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, from_identifier, from_object_id, to_identifier, to_object_id, timestamp, kind, approval, most, new, window)
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
  local _, stop = pcall(body, from_identifier, from_object_id, to_identifier, to_object_id, timestamp, kind, approval, most, new, window)
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
end})
redis.register_function({function_name = 'sequere_forget', flags = {},
description = 'Removes a resource and every edge from or to it from the graph, in bounded steps: call it again until nothing is left.', callback = function(KEYS, ARGV)
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
end})
redis.register_function({function_name = 'sequere_is_following', flags = {'no-writes'},
description = 'Replies whether one resource follows another.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 is_following: generated from lua/src/is_following.lua, do not edit
--- Replies whether one resource follows another.
--
-- ARGV
--   from        resource      the follower
--   to          resource      the followed resource
-- REPLY outcome
--   1 yes
--   0 no
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/is_following.lua sequere: sequere:global:uid , user 1 project 7
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_OBJECT_ID SEQUERE_WRONGTYPE
local SCRIPT = 'is_following'
--- The frame of every script. The build replaces the marks with the pieces of a source, and from_identifier, from_object_id, to_identifier, to_object_id with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local from_identifier, from_object_id, to_identifier, to_object_id = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_uid_form.lua:1
--- The form of a uid, which has at most 15 digits, and the error texts for a key that holds something else. Versions
--- 0.3 and 0.4 had uids of 32 hexadecimal digits.
local UID, NO_UID = '^[1-9]%d*$', ' must hold a uid, a whole number from 1 to 999999999999999; run audit with repair'
local OLD_UID = ' is from django-sequere 0.x; use another prefix and import these keys'

local function body(from_identifier, from_object_id, to_identifier, to_object_id)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  local FORWARD, BACKWARD, MUTUAL = 'followings', 'followers', 'friends'
  -- @from is_following.lua:17
  -- This is the most frequent read. It looks the uids up without a function, which saves a tenth of the time.
  local from_key, to_key = uids .. from_identifier .. ':' .. from_object_id, uids .. to_identifier .. ':' .. to_object_id
  local from = call('GET', from_key)
  local to = from and call('GET', to_key)
  if to and call('ZSCORE', uids .. from .. ':' .. FORWARD, to) then
    return 1
  end
  -- If a key holds something that is not a uid, the edge may exist although it was not found.
  if from and not (find(from, UID) and #from < 16) then
    error({'SEQUERE_CORRUPT', from_key .. (#from == 32 and OLD_UID or NO_UID), from})
  elseif to and not (find(to, UID) and #to < 16) then
    error({'SEQUERE_CORRUPT', to_key .. (#to == 32 and OLD_UID or NO_UID), to})
  end
  return 0
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 4 and #ARGV <= 4
  and #from_identifier <= 50 and find(from_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and from_identifier ~= 'count'
  and #from_object_id <= 255 and find(from_object_id, '^[\1-\127]+$')
  and #to_identifier <= 50 and find(to_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and to_identifier ~= 'count'
  and #to_object_id <= 255 and find(to_object_id, '^[\1-\127]+$')
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
  if not (#KEYS == 2 and #ARGV >= 4 and #ARGV <= 4) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 4 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('from_identifier', from_identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('from_object_id', from_object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  check('to_identifier', to_identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('to_object_id', to_object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
end
local done, reply
if not reason then
  done, reply = pcall(body, from_identifier, from_object_id, to_identifier, to_object_id)
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
  local _, stop = pcall(body, from_identifier, from_object_id, to_identifier, to_object_id)
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
end})
redis.register_function({function_name = 'sequere_lookup', flags = {'no-writes'},
description = 'Finds the uid of a resource.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 lookup: generated from lua/src/lookup.lua, do not edit
--- Finds the uid of a resource.
--
-- ARGV
--   resource    resource
-- REPLY text?
--   the uid; empty for a resource that the graph does not know
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/lookup.lua sequere: sequere:global:uid , user 1
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_OBJECT_ID SEQUERE_WRONGTYPE
local SCRIPT = 'lookup'
--- The frame of every script. The build replaces the marks with the pieces of a source, and identifier, object_id with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local identifier, object_id = ARGV[1], ARGV[2]
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
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

local function body(identifier, object_id)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from lookup.lua:14
  return find_uid(identifier, object_id) or ''
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 2 and #ARGV <= 2
  and #identifier <= 50 and find(identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and identifier ~= 'count'
  and #object_id <= 255 and find(object_id, '^[\1-\127]+$')
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
  if not (#KEYS == 2 and #ARGV >= 2 and #ARGV <= 2) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 2 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('identifier', identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('object_id', object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
end
local done, reply
if not reason then
  done, reply = pcall(body, identifier, object_id)
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
  local _, stop = pcall(body, identifier, object_id)
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
end})
redis.register_function({function_name = 'sequere_mend_edges', flags = {},
description = 'Changes the state of up to 50 edges, each only if its state is still the one that the caller has read and no other edge excludes the new one. The journal gets an entry for each change. On an error, nothing changes.', callback = function(KEYS, ARGV)
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
end})
redis.register_function({function_name = 'sequere_move_edges', flags = {},
description = 'Takes up to 50 entries out of a list of a resource. If a target is given, their edges become edges of that relation; otherwise they are removed. On an error, nothing changes.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 move_edges: generated from lua/src/move_edges.lua, do not edit
--- Takes up to 50 entries out of a list of a resource. If a target is given, their edges become edges of that relation;
--- otherwise they are removed. On an error, nothing changes.
--
-- ARGV
--   resource    resource            the owner of the list
--   list        list                such as requests, or followings@watch:project with a kind and an identifier
--   target      relation?           the relation that the edges get, without a kind; empty: they are removed
--   limit       1..50               the number of entries to take, oldest first, if no others are given
--   timestamp   timestamp?          of the edges in the target; empty: each keeps its own
--   others      resource[0..50]~resource   the resources to take out of the list
-- REPLY tuple
--   left        integer             entries left in the list
--   moved       repeated            those taken out, in the order of others, without those that were not in the list
--     identifier  identifier
--     object_id   object_id
--     timestamp   score             of the edge in the target, or of the edge removed
-- COST
--   O(M log N), M entries, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/move_edges.lua sequere: sequere:global:uid , user 2 requests follow 50 '' user 1
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_LIMIT SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_TIMESTAMP SEQUERE_WRONGTYPE
local SCRIPT = 'move_edges'
--- The frame of every script. The build replaces the marks with the pieces of a source, and identifier, object_id, list, target, limit, timestamp, others with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local identifier, object_id, list, target, limit, timestamp = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if target == '' then target = nil end
if timestamp == '' then timestamp = nil end
local others = 7 -- the place of the first one in ARGV
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local undo = false -- how to undo the writes, newest first: {the undo of the writes before it, command, key, ...}
local journal, is_noted = prefix .. 'global:journal', false -- the key of the journal, and whether it exists
local changes = false -- a flat array: operation, relation, both resources and timestamp of each entry
local refused = false -- what the server refused: command, key, the server's error text
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
-- @from include/_list.lua:3
--- Returns the name and the row of the relation of a list such as followers@watch:user, whether the owner of the list
--- is on the from side of the edges (true for a mutual list too), and the tail of the kind.
local function find_list(list)
  local base, tail = string.match(list, '^([%l_]+)([^:]*)')
  for name, row in pairs(RELATIONS) do
    if base == row.forward or base == row.backward or base == row.mutual then
      return name .. tail, find_relation(name .. tail), base ~= row.backward, tail
    end
  end
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

local function body(identifier, object_id, list, target, limit, timestamp, others)
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
  -- @from move_edges.lua:29
  local name, row, is_from, tail = find_list(list)
  local target_row = target and find_relation(target .. tail)
  if target and not find(' ' .. (row.moves or '') .. ' ', ' ' .. target .. ' ', 1, true) then
    error({'SEQUERE_ARGUMENT', 'target must be empty or a relation that edges of ' .. name .. ' can move to', target})
  end
  local uid = find_uid(identifier, object_id)
  local key = uid and uids .. uid .. ':' .. list
  local entries = {} -- identifier, object id and uid of each
  for i = others, #ARGV, 2 do
    entries[#entries + 1] = {ARGV[i], ARGV[i + 1], find_uid(ARGV[i], ARGV[i + 1])}
  end
  if uid and others > #ARGV then
    for _, other in ipairs(call('ZRANGE', key, 0, limit - 1)) do
      local other_identifier, other_object_id = find_name(other)
      entries[#entries + 1] = {other_identifier, other_object_id, other}
    end
  end

  --- Takes an entry out of the list; returns the timestamp of its edge, nil if the list does not have it.
  local function move(other_identifier, other_object_id, other)
    local from_identifier, from_object_id, from = identifier, object_id, uid
    local to_identifier, to_object_id, to = other_identifier, other_object_id, other
    if not is_from then
      from_identifier, from_object_id, from, to_identifier, to_object_id, to =
        to_identifier, to_object_id, to, from_identifier, from_object_id, from
    end
    if not (uid and other and call('ZSCORE', key, other)) then -- or it was given twice and is already taken out
      -- The edge may exist: a mutual list and a list of one identifier have only some of the edges.
      local since = uid and other and call('ZSCORE', uids .. from .. ':' .. row.forward, to)
      since = since and format('%.6f', since) or ''
      change(since == '' and 'remove' or 'add', name, from_identifier, from_object_id, to_identifier, to_object_id, since)
      return nil
    end
    local since = cut_edge(name, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
    if not since then -- without this error, every later call would find the same entry again
      error({'SEQUERE_CORRUPT', key .. ' has an entry without its counterpart; run audit with repair'})
    end
    if target then
      since = timestamp or since
      if target == 'follow' and name ~= 'request' .. tail then -- a follow that is restored ends a request
        cut_edge('request' .. tail, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
      end
      local forward = target_row.forward
      local is_made = add_edge(forward, target_row.backward, target_row.mutual,
        from, from_identifier, to, to_identifier, since)
      since = is_made and since or format('%.6f', call('ZSCORE', uids .. from .. ':' .. forward, to))
      change('add', target .. tail, from_identifier, from_object_id, to_identifier, to_object_id, since)
    end
    return since
  end

  local reply = {0}
  for _, entry in ipairs(entries) do
    local since = move(unpack(entry, 1, 3))
    if since then
      local n = #reply
      reply[n + 1], reply[n + 2], reply[n + 3] = entry[1], entry[2], since
    end
  end
  reply[1] = key and call('ZCARD', key) or 0
  return reply
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 6 and #ARGV <= 106 and (#ARGV - 6) % 2 == 0
  and #identifier <= 50 and find(identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and identifier ~= 'count'
  and #object_id <= 255 and find(object_id, '^[\1-\127]+$')
  and find(list, '^[%l_]+$') and find(' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ', ' ' .. list .. ' ', 1, true)
  and (not target or find(target, '^[%l_]+$') and find(' follow request archive block mute ', ' ' .. target .. ' ', 1, true))
  and #limit <= 15 and find(limit, '^%d+$') and limit + 0 >= 1 and limit + 0 <= 50
  and (not timestamp or #timestamp == 17 and find(timestamp, '^[1-7]%d+%.%d%d%d%d%d%d$'))
for i = 7, right and #ARGV or 0, 2 do
  local each_identifier, each_object_id = ARGV[i], ARGV[i + 1]
  right = right and #each_identifier <= 50 and find(each_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_identifier ~= 'count'
    and #each_object_id <= 255 and find(each_object_id, '^[\1-\127]+$')
    and (each_object_id ~= object_id or each_identifier ~= identifier)
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
  local function is_timestamp(value)
    return #value <= 20 and find(value, '^%d+%.?%d*$') and value + 0 < 8589934592
  end
  local function is_kind(value)
    return #value <= 30 and find(value, '^%l[%l%d_]*$')
  end
  local function is_relation(value)
    local name, kind = string.match(value, '^(%l[%l_]*)@(.*)$')
    return find(value, '^[%l_]+$') and find(' follow request archive block mute ', ' ' .. value .. ' ', 1, true)
      or name and find(' follow request archive mute ', ' ' .. name .. ' ', 1, true) and is_kind(kind)
  end
  local function is_lists(value)
    local size = 0
    for list in string.gmatch(value .. ' ', '([^ ]*) ') do
      local name, kind, identifier = string.match(list, '^(%l[%l_]*)(@?[%l%d_]*)(.*)$')
      size = size + (name and find(kind == '' and ' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ' or ' followings followers friends requested requests archived archived_by muted muted_by ', ' ' .. name .. ' ', 1, true)
        and (kind == '' or #kind <= 31 and find(kind, '^@%l[%l%d_]*$'))
        and (identifier == '' or #identifier <= 51 and identifier ~= ':count'
          and find(identifier, '^:[A-Za-z0-9_.%-]*[A-Za-z_.%-][A-Za-z0-9_.%-]*$')) and 1 or 11)
    end
    return size <= 10
  end
  local function is_list(value)
    return not find(value, ' ', 1, true) and is_lists(value)
  end
  if not (#KEYS == 2 and #ARGV >= 6 and #ARGV <= 106 and (#ARGV - 6) % 2 == 0) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 6 arguments and 0 to 50 others of 2 arguments each; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('identifier', identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('object_id', object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  check('list', list, is_list, 'SEQUERE_ARGUMENT', 'a list, followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by, also with a kind or an identifier, such as followers@watch:user')
  if target then
    check('target', target, is_relation, 'SEQUERE_ARGUMENT', 'a relation, follow request archive block mute, or follow request archive mute with a kind, such as follow@watch')
  end
  check('limit', limit, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 50 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 50')
  if timestamp then
    check('timestamp', timestamp, is_timestamp, 'SEQUERE_TIMESTAMP', 'seconds since the epoch, UTC, from 0 to below 8589934592, such as 1382676091.612067')
    timestamp = not reason and format('%.6f', timestamp) or timestamp
  end
  for i = 7, reason and 0 or #ARGV, 2 do
    check('others ' .. (i - 7) / 2 + 1 .. ' identifier', ARGV[i], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('others ' .. (i - 7) / 2 + 1 .. ' object_id', ARGV[i + 1], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
    if not reason and ARGV[i] == identifier and ARGV[i + 1] == object_id then
      reason = {'SEQUERE_SELF', 'others must not be the same resource as resource', ARGV[i] .. ' ' .. ARGV[i + 1]}
    end
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, identifier, object_id, list, target, limit, timestamp, others)
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
  local _, stop = pcall(body, identifier, object_id, list, target, limit, timestamp, others)
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
end})
redis.register_function({function_name = 'sequere_note_edges', flags = {},
description = 'Appends the current state of up to 50 edges to the journal, and updates the mark: an entry has the timestamp of an edge, or says that the edge does not exist.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 note_edges: generated from lua/src/note_edges.lua, do not edit
--- Appends the current state of up to 50 edges to the journal, and updates the mark: an entry has the timestamp of
--- an edge, or says that the edge does not exist.
--
-- ARGV
--   mark        mark          the mark that the caller has read
--   reached     mark          the new mark
--   edges       group[1..50]
--     relation    relation
--     from        resource
--     to          resource~from
-- REPLY text?
--   the id of the last entry; empty if there is no journal or the mark has changed: then nothing was written
-- COST
--   O(M), M edges
-- EXAMPLE
--   redis-cli --eval lua/v1/note_edges.lua sequere: sequere:global:uid , seen moved follow user 1 project 7
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_WRONGTYPE
local SCRIPT = 'note_edges'
--- The frame of every script. The build replaces the marks with the pieces of a source, and mark, reached, edges with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local mark, reached = ARGV[1], ARGV[2]
local edges = 3 -- the place of the first one in ARGV
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local undo = false -- how to undo the writes, newest first: {the undo of the writes before it, command, key, ...}
local journal, is_noted = prefix .. 'global:journal', false -- the key of the journal, and whether it exists
local changes = false -- a flat array: operation, relation, both resources and timestamp of each entry
local noted = '' -- a script that returns this replies the id of the last entry
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

local function body(mark, reached, edges)
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
  -- @from note_edges.lua:22
  if not is_noted or not is_marked(mark) then
    return ''
  end
  call('SET', mark_key, reached)
  undo = {undo, 'SET', mark_key, mark}
  for i = edges, #ARGV, 5 do
    local name, from_identifier, from_object_id, to_identifier, to_object_id = unpack(ARGV, i, i + 4)
    local since = edge_time(i)
    local operation = since == '' and 'remove' or 'add'
    change(operation, name, from_identifier, from_object_id, to_identifier, to_object_id, since)
  end
  return noted
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 7 and #ARGV <= 252 and (#ARGV - 2) % 5 == 0
  and #mark >= 1 and #mark <= 255
  and #reached >= 1 and #reached <= 255
for i = 3, right and #ARGV or 0, 5 do
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
  local function is_mark(value)
    return #value >= 1 and #value <= 255
  end
  if not (#KEYS == 2 and #ARGV >= 7 and #ARGV <= 252 and (#ARGV - 2) % 5 == 0) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 2 arguments and 1 to 50 edges of 5 arguments each; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('mark', mark, is_mark, 'SEQUERE_ARGUMENT', '1 to 255 bytes')
  check('reached', reached, is_mark, 'SEQUERE_ARGUMENT', '1 to 255 bytes')
  for i = 3, reason and 0 or #ARGV, 5 do
    check('edges ' .. (i - 3) / 5 + 1 .. ' relation', ARGV[i], is_relation, 'SEQUERE_ARGUMENT', 'a relation, follow request archive block mute, or follow request archive mute with a kind, such as follow@watch')
    check('edges ' .. (i - 3) / 5 + 1 .. ' from_identifier', ARGV[i + 1], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('edges ' .. (i - 3) / 5 + 1 .. ' from_object_id', ARGV[i + 2], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
    check('edges ' .. (i - 3) / 5 + 1 .. ' to_identifier', ARGV[i + 3], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('edges ' .. (i - 3) / 5 + 1 .. ' to_object_id', ARGV[i + 4], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
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
    else
      reply = answer
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
end})
redis.register_function({function_name = 'sequere_open_journal', flags = {},
description = 'Creates the journal. Its first entry has the operation open. From then on each change of an edge is appended to the journal, and a call with the journal as guard runs.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 open_journal: generated from lua/src/open_journal.lua, do not edit
--- Creates the journal. Its first entry has the operation open. From then on each change of an edge is appended to the
--- journal, and a call with the journal as guard runs.
--
-- ARGV
--   mark        mark?         the mark that the caller has read; empty: there was none
--   opened      mark          the new mark
--   entry       entry         the id of the first entry, which fence has issued to this caller
-- REPLY outcome
--   1 opened    the journal exists
--   0 refused   the journal existed, the mark has changed, or fence was called again; nothing was written
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/open_journal.lua sequere: sequere:global:uid , begun opened 1382676091612-7
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_WRONGTYPE
local SCRIPT = 'open_journal'
--- The frame of every script. The build replaces the marks with the pieces of a source, and mark, opened, entry with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local mark, opened, entry = ARGV[1], ARGV[2], ARGV[3]
if mark == '' then mark = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local undo = false -- how to undo the writes, newest first: {the undo of the writes before it, command, key, ...}
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_mark.lua:1
--- Whether the mark is still the one that the caller has read. Every script of a rebuild and of an adoption sets it, so
--- a server that loses their writes loses the mark too. If the mark has changed, another run has continued the work.
local mark_key = prefix .. 'global:mark'
local function is_marked(mark)
  return (call('GET', mark_key) or '') == (mark or '')
end

local function body(mark, opened, entry)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from open_journal.lua:18
  local journal, fence = prefix .. 'global:journal', prefix .. 'global:fence'
  if call('EXISTS', journal) == 1 or not is_marked(mark) or call('GET', fence) ~= entry then
    return 0
  end
  call('SET', mark_key, opened)
  undo = mark and {undo, 'SET', mark_key, mark} or {undo, 'DEL', mark_key}
  call('DEL', fence)
  undo = {undo, 'SET', fence, entry}
  call('XADD', journal, entry, 'operation', 'open')
  undo = {undo, 'DEL', journal} -- it did not exist before
  return 1
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 3 and #ARGV <= 3
  and (not mark or #mark >= 1 and #mark <= 255)
  and #opened >= 1 and #opened <= 255
  and #entry <= 41 and find(entry, '^%d+%-%d+$')
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_entry(value)
    return #value <= 41 and find(value, '^%d+%-%d+$')
  end
  local function is_mark(value)
    return #value >= 1 and #value <= 255
  end
  if not (#KEYS == 2 and #ARGV >= 3 and #ARGV <= 3) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 3 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  if mark then
    check('mark', mark, is_mark, 'SEQUERE_ARGUMENT', '1 to 255 bytes')
  end
  check('opened', opened, is_mark, 'SEQUERE_ARGUMENT', '1 to 255 bytes')
  check('entry', entry, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
end
local done, reply
if not reason then
  done, reply = pcall(body, mark, opened, entry)
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
  local _, stop = pcall(body, mark, opened, entry)
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
end})
redis.register_function({function_name = 'sequere_page', flags = {'no-writes'},
description = 'Reads one page of a list of a resource, by offset or by cursor.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 page: generated from lua/src/page.lua, do not edit
--- Reads one page of a list of a resource, by offset or by cursor.
--
-- ARGV
--   resource    resource      the owner of the list
--   list        list          such as followers, or followings@watch:project with a kind and an identifier
--   order       desc|asc      newest first, or oldest first
--   limit       1..500        the most entries to reply
--   offset      0..999999999999999?   entries to skip; empty or left out: none
--   cursor      cursor?       the cursor of the previous page; not together with offset
-- REPLY tuple
--   cursor      cursor?       pass it for the next page; empty after the last one
--   entries     repeated
--     identifier  identifier
--     object_id   object_id
--     timestamp   score       of the edge; in muted, when it ends
-- COST
--   O(log N + M), N entries in the list, M the limit; the offset adds no cost
-- EXAMPLE
--   redis-cli --eval lua/v1/page.lua sequere: sequere:global:uid , project 7 followers desc 20
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_CURSOR SEQUERE_DENIED SEQUERE_FAILED
--   SEQUERE_IDENTIFIER SEQUERE_LIMIT SEQUERE_OBJECT_ID SEQUERE_WRONGTYPE
local SCRIPT = 'page'
--- The frame of every script. The build replaces the marks with the pieces of a source, and identifier, object_id, list, order, limit, offset, cursor with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local identifier, object_id, list, order, limit, offset, cursor = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
if offset == '' then offset = nil end
if cursor == '' then cursor = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
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
-- @from include/_rank.lua:1
--- The rank of the first entry after (score, uid), in the given direction, so that a later page costs no more than the
--- first. If the entry itself was removed or has another score, the rank that it would have is searched among the
--- entries of its score, which are sorted by uid as text.
local function rank_after(list, score, uid, newest_first)
  local stored = call('ZSCORE', list, uid)
  if stored and stored + 0 == score + 0 then
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
    local before = other <= uid
    if newest_first then
      before = other >= uid
    end
    if before then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end
-- @from include/_live.lua:1
--- Returns the current time, as a bound of ZCOUNT, for a list whose entries expire: their score is the time at which
--- they end. nil for other lists, in which every entry counts.
local function find_now(list)
  if not find(list, '^muted') then
    return nil
  end
  local time = call('TIME')
  return format('%s.%06d', time[1], time[2])
end

local function body(identifier, object_id, list, order, limit, offset, cursor)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  limit = tonumber(limit)
  offset = tonumber(offset)
  -- @from page.lua:26
  local newest_first = order == 'desc'
  -- The score and the uid of the last entry shown. Oldest first, also the score at which the pages end: otherwise they
  -- would show the entries that were added meanwhile.
  local score, after, bound
  if cursor then
    score, after, bound = string.match(cursor, '^(.-):(%d+):?(.*)$')
    if offset then
      error({'SEQUERE_ARGUMENT', 'takes offset or cursor, not both; the offset is ' .. offset, cursor})
    end
    if not tonumber(score) or (bound == '') ~= newest_first or not (newest_first or tonumber(bound)) then
      error({'SEQUERE_CURSOR', 'cursor must be one that a page in the same order returned', cursor})
    end
  end

  local uid = find_uid(identifier, object_id)
  if not uid then
    return {''}
  end
  local key = uids .. uid .. ':' .. list
  local start, stop = offset or 0, bound and bound ~= '' and call('ZCOUNT', key, '-inf', bound) or call('ZCARD', key)
  local now = find_now(list)
  local ended = now and call('ZCOUNT', key, '-inf', now) or 0 -- the lowest scores: the last ranks if the newest are first
  if newest_first then
    stop = stop - ended
  elseif not cursor then
    start = start + ended
  end
  if cursor then
    start = math.max(rank_after(key, score, after, newest_first), newest_first and 0 or ended)
  end
  local reply = {''}
  if start >= stop then
    return reply
  end

  local last = math.min(start + limit, stop) - 1
  local entries = call(newest_first and 'ZREVRANGE' or 'ZRANGE', key, start, last, 'WITHSCORES')
  local n = 1
  for i = 1, #entries, 2 do
    reply[n + 1], reply[n + 2] = find_name(entries[i])
    reply[n + 3] = format('%.6f', entries[i + 1])
    n = n + 3
  end
  if last + 1 < stop then
    reply[1] = format('%.17g', entries[#entries]) .. ':' .. entries[#entries - 1]
    if not newest_first then
      reply[1] = reply[1] .. ':' .. (bound or format('%.17g', call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]))
    end
  end
  return reply
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 5 and #ARGV <= 7
  and #identifier <= 50 and find(identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and identifier ~= 'count'
  and #object_id <= 255 and find(object_id, '^[\1-\127]+$')
  and find(list, '^[%l_]+$') and find(' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ', ' ' .. list .. ' ', 1, true)
  and (order == 'desc' or order == 'asc')
  and #limit <= 15 and find(limit, '^%d+$') and limit + 0 >= 1 and limit + 0 <= 500
  and (not offset or #offset <= 15 and find(offset, '^%d+$') and offset + 0 >= 0 and offset + 0 <= 999999999999999)
  and (not cursor or (#cursor <= 100 and (find(cursor, '^[%d.e+-]+:%d+$') or find(cursor, '^[%d.e+-]+:%d+:[%d.e+-]+$'))))
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
  local function is_cursor(value)
    return #value <= 100 and (find(value, '^[%d.e+-]+:%d+$') or find(value, '^[%d.e+-]+:%d+:[%d.e+-]+$'))
  end
  local function is_lists(value)
    local size = 0
    for list in string.gmatch(value .. ' ', '([^ ]*) ') do
      local name, kind, identifier = string.match(list, '^(%l[%l_]*)(@?[%l%d_]*)(.*)$')
      size = size + (name and find(kind == '' and ' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ' or ' followings followers friends requested requests archived archived_by muted muted_by ', ' ' .. name .. ' ', 1, true)
        and (kind == '' or #kind <= 31 and find(kind, '^@%l[%l%d_]*$'))
        and (identifier == '' or #identifier <= 51 and identifier ~= ':count'
          and find(identifier, '^:[A-Za-z0-9_.%-]*[A-Za-z_.%-][A-Za-z0-9_.%-]*$')) and 1 or 11)
    end
    return size <= 10
  end
  local function is_list(value)
    return not find(value, ' ', 1, true) and is_lists(value)
  end
  if not (#KEYS == 2 and #ARGV >= 5 and #ARGV <= 7) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 5 to 7 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('identifier', identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('object_id', object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  check('list', list, is_list, 'SEQUERE_ARGUMENT', 'a list, followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by, also with a kind or an identifier, such as followers@watch:user')
  check('order', order, function(value) return value == 'desc' or value == 'asc' end, 'SEQUERE_ARGUMENT', 'desc or asc')
  check('limit', limit, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 500 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 500')
  if offset then
    check('offset', offset, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 0 and value + 0 <= 999999999999999 end, 'SEQUERE_LIMIT', 'a whole number from 0 to 999999999999999')
  end
  if cursor then
    check('cursor', cursor, is_cursor, 'SEQUERE_CURSOR', 'one that a page in the same order returned')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, identifier, object_id, list, order, limit, offset, cursor)
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
  local _, stop = pcall(body, identifier, object_id, list, order, limit, offset, cursor)
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
end})
redis.register_function({function_name = 'sequere_relationships', flags = {'no-writes'},
description = 'Replies which lists of a resource hold each of up to 500 other resources.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 relationships: generated from lua/src/relationships.lua, do not edit
--- Replies which lists of a resource hold each of up to 500 other resources.
--
-- ARGV
--   resource    resource           the owner of the lists
--   lists       lists              1 to 10 lists, separated by spaces, such as 'followings followers'
--   others      resource[1..500]   the resources to look for
-- REPLY bits[others]
--   bit i is 1 if list i, counted from 0 in the order given, holds the other resource and, for a mute, it has not ended
-- COST
--   O(L M), L lists, M others
-- EXAMPLE
--   redis-cli --eval lua/v1/relationships.lua sequere: sequere:global:uid , user 1 'followings followers' user 2
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_OBJECT_ID SEQUERE_WRONGTYPE
local SCRIPT = 'relationships'
--- The frame of every script. The build replaces the marks with the pieces of a source, and identifier, object_id, lists, others with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local identifier, object_id, lists = ARGV[1], ARGV[2], ARGV[3]
local others = 4 -- the place of the first one in ARGV
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
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
-- @from include/_live.lua:1
--- Returns the current time, as a bound of ZCOUNT, for a list whose entries expire: their score is the time at which
--- they end. nil for other lists, in which every entry counts.
local function find_now(list)
  if not find(list, '^muted') then
    return nil
  end
  local time = call('TIME')
  return format('%s.%06d', time[1], time[2])
end

local function body(identifier, object_id, lists, others)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from relationships.lua:17
  local uid = find_uid(identifier, object_id)
  local keys, known, replies = {}, {}, {}
  for i = others, #ARGV, 2 do
    keys[#keys + 1] = uids .. ARGV[i] .. ':' .. ARGV[i + 1]
    replies[#keys] = 0
  end
  if not uid then
    return replies
  end
  local found, missing = call('MGET', unpack(keys)), {}
  for i = 1, #keys do
    known[i] = found[i] or '0' -- no uid is 0
    if not found[i] then
      missing[#missing + 1] = keys[i]
    end
  end
  if missing[1] and call('EXISTS', unpack(missing)) > 0 then
    for _, key in ipairs(missing) do
      call('GET', key) -- MGET returns nothing for a key of another type; GET is refused
    end
  end
  local bit = 1
  for list in string.gmatch(lists, '%S+') do
    local scores, now = call('ZMSCORE', uids .. uid .. ':' .. list, unpack(known)), find_now(list)
    for i = 1, #keys do
      if scores[i] and not (now and scores[i] + 0 <= now + 0) then
        replies[i] = replies[i] + bit
      end
    end
    bit = bit * 2
  end
  return replies
end

local reason -- why this script refuses the call: code, text, value
local function is_lists(value)
  local size = 0
  for list in string.gmatch(value .. ' ', '([^ ]*) ') do
    local name, kind, identifier = string.match(list, '^(%l[%l_]*)(@?[%l%d_]*)(.*)$')
    size = size + (name and find(kind == '' and ' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ' or ' followings followers friends requested requests archived archived_by muted muted_by ', ' ' .. name .. ' ', 1, true)
      and (kind == '' or #kind <= 31 and find(kind, '^@%l[%l%d_]*$'))
      and (identifier == '' or #identifier <= 51 and identifier ~= ':count'
        and find(identifier, '^:[A-Za-z0-9_.%-]*[A-Za-z_.%-][A-Za-z0-9_.%-]*$')) and 1 or 11)
  end
  return size <= 10
end
local right = #KEYS == 2 and #ARGV >= 5 and #ARGV <= 1003 and (#ARGV - 3) % 2 == 0
  and #identifier <= 50 and find(identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and identifier ~= 'count'
  and #object_id <= 255 and find(object_id, '^[\1-\127]+$')
  and (find(lists, '^[%l_]+$') and find(' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ', ' ' .. lists .. ' ', 1, true) or is_lists(lists))
for i = 4, right and #ARGV or 0, 2 do
  local each_identifier, each_object_id = ARGV[i], ARGV[i + 1]
  right = right and #each_identifier <= 50 and find(each_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_identifier ~= 'count'
    and #each_object_id <= 255 and find(each_object_id, '^[\1-\127]+$')
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
  if not (#KEYS == 2 and #ARGV >= 5 and #ARGV <= 1003 and (#ARGV - 3) % 2 == 0) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 3 arguments and 1 to 500 others of 2 arguments each; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('identifier', identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('object_id', object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  check('lists', lists, is_lists, 'SEQUERE_ARGUMENT', '1 to 10 lists, separated by one space')
  for i = 4, reason and 0 or #ARGV, 2 do
    check('others ' .. (i - 4) / 2 + 1 .. ' identifier', ARGV[i], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('others ' .. (i - 4) / 2 + 1 .. ' object_id', ARGV[i + 1], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, identifier, object_id, lists, others)
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
  local _, stop = pcall(body, identifier, object_id, lists, others)
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
end})
redis.register_function({function_name = 'sequere_resolve', flags = {'no-writes'},
description = 'Finds the resource that has a uid.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 resolve: generated from lua/src/resolve.lua, do not edit
--- Finds the resource that has a uid.
--
-- ARGV
--   uid         uid
-- REPLY tuple?
--   identifier  identifier    the array is empty for a uid that was never given out or whose resource is forgotten
--   object_id   object_id
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/resolve.lua sequere: sequere:global:uid , 1
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_WRONGTYPE
local SCRIPT = 'resolve'
--- The frame of every script. The build replaces the marks with the pieces of a source, and uid with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local uid = ARGV[1]
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
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

local function body(uid)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from resolve.lua:15
  if call('EXISTS', uids .. ':' .. uid) == 0 then
    return {}
  end
  return {find_name(uid)}
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 1 and #ARGV <= 1
  and #uid <= 15 and find(uid, '^[1-9]%d*$')
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_uid(value)
    return #value <= 15 and find(value, '^[1-9]%d*$')
  end
  if not (#KEYS == 2 and #ARGV >= 1 and #ARGV <= 1) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 1 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('uid', uid, is_uid, 'SEQUERE_ARGUMENT', 'a positive whole number')
end
local done, reply
if not reason then
  done, reply = pcall(body, uid)
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
  local _, stop = pcall(body, uid)
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
end})
redis.register_function({function_name = 'sequere_select', flags = {'no-writes'},
description = 'Walks one list of a resource, newest first, and keeps the entries that other lists hold too, or do not hold.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 select: generated from lua/src/select.lua, do not edit
--- Walks one list of a resource, newest first, and keeps the entries that other lists hold too, or do not hold.
--
-- ARGV
--   resource    resource      the owner of the list
--   list        list          such as followers, or followings@watch:project with a kind and an identifier
--   limit       1..100        entries wanted
--   budget      1..1000       entries to look at, divided by the number of filters; at least one
--   cursor      place?        the cursor that the previous call, with the same lists, replied
--   filters     group[0..10]
--     sign        &|-         &: keep what the list holds; -: keep what it does not hold
--     owner       resource    the owner of that list
--     owner_list  list        that list
-- REPLY tuple
--   cursor      place?        pass it for the next entries; empty once the whole list was looked at
--   size        integer       entries in the list walked
--   looked      integer       entries that this call looked at
--   entries     repeated      those kept, in the order of the list walked
--     identifier  identifier
--     object_id   object_id
--     timestamp   score       of the entry in the list of resource, whichever list is walked
-- COST
--   O(log N + M), N entries in the list walked, M the budget
-- EXAMPLE
--   redis-cli --eval lua/v1/select.lua sequere: sequere:global:uid , user 1 followers 20 1000 '' '&' user 2 followers
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_CURSOR SEQUERE_DENIED SEQUERE_FAILED
--   SEQUERE_IDENTIFIER SEQUERE_LIMIT SEQUERE_OBJECT_ID SEQUERE_WRONGTYPE
local SCRIPT = 'select'
--- The frame of every script. The build replaces the marks with the pieces of a source, and identifier, object_id, list, limit, budget, cursor, filters with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local identifier, object_id, list, limit, budget, cursor = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if cursor == '' then cursor = nil end
local filters = 7 -- the place of the first one in ARGV
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
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
-- @from include/_rank.lua:1
--- The rank of the first entry after (score, uid), in the given direction, so that a later page costs no more than the
--- first. If the entry itself was removed or has another score, the rank that it would have is searched among the
--- entries of its score, which are sorted by uid as text.
local function rank_after(list, score, uid, newest_first)
  local stored = call('ZSCORE', list, uid)
  if stored and stored + 0 == score + 0 then
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
    local before = other <= uid
    if newest_first then
      before = other >= uid
    end
    if before then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end
-- @from include/_live.lua:1
--- Returns the current time, as a bound of ZCOUNT, for a list whose entries expire: their score is the time at which
--- they end. nil for other lists, in which every entry counts.
local function find_now(list)
  if not find(list, '^muted') then
    return nil
  end
  local time = call('TIME')
  return format('%s.%06d', time[1], time[2])
end

local function body(identifier, object_id, list, limit, budget, cursor, filters)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  limit = tonumber(limit)
  budget = tonumber(budget)
  -- @from select.lua:31
  -- The script walks the smallest of the lists that must hold each entry: list, and those with the sign &. A cursor has
  -- the number of the list with which its walk began: 0 for list, otherwise that of the filter.
  local number, score, after
  if cursor then
    number, score, after = string.match(cursor, '^(%d+):([^:]+):(%d+)$')
    number = tonumber(number)
    if not (number and tonumber(score)) or number > 0 and ARGV[filters + number * 4 - 4] ~= '&' then
      error({'SEQUERE_CURSOR', 'cursor must be one that a call with the same lists returned', cursor})
    end
  end
  local uid = find_uid(identifier, object_id)
  if not uid then
    return {'', 0, 0}
  end

  --- A list of a uid: its key, whether it must hold an entry, and the time up to which its entries have ended.
  local function list_of(owner, name, is_wanted)
    return {key = uids .. owner .. ':' .. name, is_wanted = is_wanted, now = find_now(name)}
  end
  --- How many entries of a list have ended: those with the lowest scores.
  local function count_ended(one)
    return one.now and call('ZCOUNT', one.key, '-inf', one.now) or 0
  end

  local base = list_of(uid, list, true)
  local walked, at, least, others = base, 0, nil, {}
  if not number then
    least = call('ZCARD', base.key) - count_ended(base)
  end
  for i = filters, #ARGV, 4 do
    local is_wanted = ARGV[i] == '&'
    local owner = find_uid(ARGV[i + 1], ARGV[i + 2])
    if owner then
      local other = list_of(owner, ARGV[i + 3], is_wanted)
      others[#others + 1] = other
      local place = (i - filters) / 4 + 1
      if is_wanted and number then
        walked, at = number == place and other or walked, number
      elseif is_wanted then
        local size = call('ZCARD', other.key) - count_ended(other)
        if size < least then
          walked, at, least = other, place, size
        end
      end
    elseif is_wanted then
      return {'', 0, 0}
    end
  end
  if walked ~= base then
    for i, other in ipairs(others) do
      others[i] = other == walked and base or other
    end
  end

  local size = call('ZCARD', walked.key) - count_ended(walked)
  local start = cursor and rank_after(walked.key, score, after, true) or 0
  local reply, n, looked, last = {'', size, 0}, 3, 0, nil
  local most = 3 + limit * 3
  local stop = math.max(math.floor(budget / math.max((#ARGV + 1 - filters) / 4, 1)), 1)
  stop = math.min(stop, size - start)
  -- The first step is small, because most calls want few entries and most lists keep many of them.
  local step = math.min(2 * limit, 250)
  while n < most and looked < stop do
    step = math.min(step, stop - looked)
    local entries = call('ZREVRANGE', walked.key, start + looked, start + looked + step - 1, 'WITHSCORES')
    local left, places, times = {}, {}, {} -- the uids that no list has dropped, their places and times
    for i = 1, step do
      left[i], places[i], times[i] = entries[2 * i - 1], i, entries[2 * i]
    end
    for _, other in ipairs(others) do
      if not left[1] then
        break
      end
      local scores, kept = call('ZMSCORE', other.key, unpack(left)), 0
      local now, is_wanted, is_base = other.now, other.is_wanted, other == base
      for i = 1, #scores do
        local found = scores[i]
        if now and found and found + 0 <= now + 0 then
          found = false
        end
        if (found and true or false) == is_wanted then
          kept = kept + 1
          left[kept], places[kept], times[kept] = left[i], places[i], is_base and found or times[i]
        end
      end
      for i = #scores, kept + 1, -1 do
        left[i] = nil
      end
    end
    last = step
    for i, other in ipairs(left) do
      reply[n + 1], reply[n + 2] = find_name(other)
      reply[n + 3] = format('%.6f', times[i])
      n = n + 3
      if n == most then
        last = places[i]
        break
      end
    end
    looked, step = looked + last, 250
    last = {entries[2 * last], entries[2 * last - 1]}
  end
  if last and start + looked < size then
    reply[1] = format('%d:%.17g:%s', at, last[1], last[2])
  end
  reply[3] = looked
  return reply
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 6 and #ARGV <= 46 and (#ARGV - 6) % 4 == 0
  and #identifier <= 50 and find(identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and identifier ~= 'count'
  and #object_id <= 255 and find(object_id, '^[\1-\127]+$')
  and find(list, '^[%l_]+$') and find(' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ', ' ' .. list .. ' ', 1, true)
  and #limit <= 15 and find(limit, '^%d+$') and limit + 0 >= 1 and limit + 0 <= 100
  and #budget <= 15 and find(budget, '^%d+$') and budget + 0 >= 1 and budget + 0 <= 1000
  and (not cursor or #cursor <= 100 and find(cursor, '^%d+:?[%d.e+-]*:?%d*$'))
for i = 7, right and #ARGV or 0, 4 do
  local each_sign, each_owner_identifier, each_owner_object_id, each_owner_list = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  right = right and (each_sign == '&' or each_sign == '-')
    and #each_owner_identifier <= 50 and find(each_owner_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_owner_identifier ~= 'count'
    and #each_owner_object_id <= 255 and find(each_owner_object_id, '^[\1-\127]+$')
    and find(each_owner_list, '^[%l_]+$') and find(' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ', ' ' .. each_owner_list .. ' ', 1, true)
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
  local function is_place(value)
    return #value <= 100 and find(value, '^%d+:?[%d.e+-]*:?%d*$')
  end
  local function is_lists(value)
    local size = 0
    for list in string.gmatch(value .. ' ', '([^ ]*) ') do
      local name, kind, identifier = string.match(list, '^(%l[%l_]*)(@?[%l%d_]*)(.*)$')
      size = size + (name and find(kind == '' and ' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ' or ' followings followers friends requested requests archived archived_by muted muted_by ', ' ' .. name .. ' ', 1, true)
        and (kind == '' or #kind <= 31 and find(kind, '^@%l[%l%d_]*$'))
        and (identifier == '' or #identifier <= 51 and identifier ~= ':count'
          and find(identifier, '^:[A-Za-z0-9_.%-]*[A-Za-z_.%-][A-Za-z0-9_.%-]*$')) and 1 or 11)
    end
    return size <= 10
  end
  local function is_list(value)
    return not find(value, ' ', 1, true) and is_lists(value)
  end
  if not (#KEYS == 2 and #ARGV >= 6 and #ARGV <= 46 and (#ARGV - 6) % 4 == 0) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 6 arguments and 0 to 10 filters of 4 arguments each; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('identifier', identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('object_id', object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  check('list', list, is_list, 'SEQUERE_ARGUMENT', 'a list, followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by, also with a kind or an identifier, such as followers@watch:user')
  check('limit', limit, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 100 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 100')
  check('budget', budget, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 1000 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 1000')
  if cursor then
    check('cursor', cursor, is_place, 'SEQUERE_CURSOR', 'one that the previous step returned')
  end
  for i = 7, reason and 0 or #ARGV, 4 do
    check('filters ' .. (i - 7) / 4 + 1 .. ' sign', ARGV[i], function(value) return value == '&' or value == '-' end, 'SEQUERE_ARGUMENT', '& or -')
    check('filters ' .. (i - 7) / 4 + 1 .. ' owner_identifier', ARGV[i + 1], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('filters ' .. (i - 7) / 4 + 1 .. ' owner_object_id', ARGV[i + 2], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
    check('filters ' .. (i - 7) / 4 + 1 .. ' owner_list', ARGV[i + 3], is_list, 'SEQUERE_ARGUMENT', 'a list, followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by, also with a kind or an identifier, such as followers@watch:user')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, identifier, object_id, list, limit, budget, cursor, filters)
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
  local _, stop = pcall(body, identifier, object_id, list, limit, budget, cursor, filters)
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
end})
redis.register_function({function_name = 'sequere_since', flags = {'no-writes'},
description = 'Replies the timestamps of up to 50 edges.', callback = function(KEYS, ARGV)
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
end})
redis.register_function({function_name = 'sequere_suggest', flags = {'no-writes'},
description = 'Suggests resources that a resource may want to follow: those that a sample of its followings follow, without itself, those that it follows, asked to follow, blocked or muted, and those that blocked it.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 suggest: generated from lua/src/suggest.lua, do not edit
--- Suggests resources that a resource may want to follow: those that a sample of its followings follow, without itself,
--- those that it follows, asked to follow, blocked or muted, and those that blocked it.
--
-- ARGV
--   resource    resource   the resource that gets the suggestions
--   sample      1..50      followings in the sample, chosen at random
--   each        1..25      newest followings of each of them
--   limit       1..50      suggestions wanted
--   kind        kind?      of the follows; empty: follows without a kind
-- REPLY tuple
--   suggestions repeated   first those that most of the sample follow; equal ones in no fixed order
--     identifier  identifier
--     object_id   object_id
--     followers   integer    how many of the sample follow it
-- COST
--   O(S (log N + E)), S the sample, E each, N entries in the longest list
-- EXAMPLE
--   redis-cli --eval lua/v1/suggest.lua sequere: sequere:global:uid , user 1 50 25 10
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_LIMIT SEQUERE_OBJECT_ID SEQUERE_WRONGTYPE
local SCRIPT = 'suggest'
--- The frame of every script. The build replaces the marks with the pieces of a source, and identifier, object_id, sample, each, limit, kind with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local identifier, object_id, sample, each, limit, kind = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if kind == '' then kind = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
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
-- @from include/_live.lua:1
--- Returns the current time, as a bound of ZCOUNT, for a list whose entries expire: their score is the time at which
--- they end. nil for other lists, in which every entry counts.
local function find_now(list)
  if not find(list, '^muted') then
    return nil
  end
  local time = call('TIME')
  return format('%s.%06d', time[1], time[2])
end

local function body(identifier, object_id, sample, each, limit, kind)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  sample = tonumber(sample)
  each = tonumber(each)
  limit = tonumber(limit)
  -- @from suggest.lua:24
  local uid = find_uid(identifier, object_id)
  if not uid then
    return {}
  end
  local tail = kind and '@' .. kind or ''
  local followings = ':followings' .. tail
  local tally = {}
  for _, known in ipairs(call('ZRANDMEMBER', uids .. uid .. followings, sample)) do
    for _, other in ipairs(call('ZREVRANGE', uids .. known .. followings, 0, each - 1)) do
      tally[other] = (tally[other] or 0) + 1
    end
  end
  tally[uid] = nil

  local ranks, highest = {}, 0 -- the candidates, by how many of the sample follow them
  for other, number in pairs(tally) do
    local rank = ranks[number]
    if not rank then
      rank = {}
      ranks[number] = rank
      highest = math.max(highest, number)
    end
    rank[#rank + 1] = other
  end

  local lists = {'followings' .. tail, 'requested' .. tail, 'blocked', 'blocked_by', 'muted', kind and 'muted' .. tail}
  local held = {} -- those of these lists that exist
  for _, list in ipairs(lists) do
    local key = uids .. uid .. ':' .. list
    if call('EXISTS', key) == 1 then
      held[#held + 1] = {key, find_now(list)}
    end
  end
  local reply, n = {}, 0
  for number = highest, 1, -1 do
    local rank = ranks[number] or {}
    for first = 1, #rank, 100 do
      local last, left_out = math.min(first + 99, #rank), {}
      for _, one in ipairs(held) do
        local scores, now = call('ZMSCORE', one[1], unpack(rank, first, last)), one[2]
        for i = 1, #scores do
          left_out[i] = left_out[i] or scores[i] and not (now and scores[i] + 0 <= now + 0)
        end
      end
      for i = first, last do
        if not left_out[i - first + 1] then
          reply[n + 1], reply[n + 2] = find_name(rank[i])
          reply[n + 3] = number
          n = n + 3
          if n == 3 * limit then
            return reply
          end
        end
      end
    end
  end
  return reply
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 5 and #ARGV <= 6
  and #identifier <= 50 and find(identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and identifier ~= 'count'
  and #object_id <= 255 and find(object_id, '^[\1-\127]+$')
  and #sample <= 15 and find(sample, '^%d+$') and sample + 0 >= 1 and sample + 0 <= 50
  and #each <= 15 and find(each, '^%d+$') and each + 0 >= 1 and each + 0 <= 25
  and #limit <= 15 and find(limit, '^%d+$') and limit + 0 >= 1 and limit + 0 <= 50
  and (not kind or #kind <= 30 and find(kind, '^%l[%l%d_]*$'))
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
  if not (#KEYS == 2 and #ARGV >= 5 and #ARGV <= 6) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 5 to 6 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('identifier', identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('object_id', object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  check('sample', sample, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 50 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 50')
  check('each', each, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 25 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 25')
  check('limit', limit, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 50 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 50')
  if kind then
    check('kind', kind, is_kind, 'SEQUERE_ARGUMENT', '1 to 30 characters of a-z 0-9 _, the first of them a letter')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, identifier, object_id, sample, each, limit, kind)
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
  local _, stop = pcall(body, identifier, object_id, sample, each, limit, kind)
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
end})
redis.register_function({function_name = 'sequere_unfollow', flags = {},
description = 'Makes one resource stop following another, or withdraws its request to follow it.', callback = function(KEYS, ARGV)
--!df flags=allow-undeclared-keys
-- sequere v1 unfollow: generated from lua/src/unfollow.lua, do not edit
--- Makes one resource stop following another, or withdraws its request to follow it.
--
-- ARGV
--   from        resource        the follower
--   to          resource~from   the followed resource
--   kind        kind?           such as watch; empty: the follow without a kind
-- REPLY outcome
--   1 removed     the edge is gone
--   2 withdrawn   there was no edge but a request, which is gone
--   0 absent      there was neither
-- COST
--   O(log N), N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/unfollow.lua sequere: sequere:global:uid , user 1 project 7
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_WRONGTYPE
local SCRIPT = 'unfollow'
--- The frame of every script. The build replaces the marks with the pieces of a source, and from_identifier, from_object_id, to_identifier, to_object_id, kind with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local from_identifier, from_object_id, to_identifier, to_object_id, kind = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]
if kind == '' then kind = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local undo = false -- how to undo the writes, newest first: {the undo of the writes before it, command, key, ...}
local journal, is_noted = prefix .. 'global:journal', false -- the key of the journal, and whether it exists
local changes = false -- a flat array: operation, relation, both resources and timestamp of each entry
local refused = false -- what the server refused: command, key, the server's error text
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

local function body(from_identifier, from_object_id, to_identifier, to_object_id, kind)
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
  local FORWARD, BACKWARD, MUTUAL = 'followings', 'followers', 'friends'
  -- @from unfollow.lua:20
  local from = find_uid(from_identifier, from_object_id)
  local to = from and find_uid(to_identifier, to_object_id)
  local forward, backward, mutual, tail = FORWARD, BACKWARD, MUTUAL, ''
  if kind then
    tail = '@' .. kind
    forward, backward, mutual = forward .. tail, backward .. tail, mutual .. tail
  end
  local since = to and remove_edge(forward, backward, mutual, from, from_identifier, to, to_identifier)
  local asked = to and not since
    and remove_edge('requested' .. tail, 'requests' .. tail, nil, from, from_identifier, to, to_identifier)
  if is_noted then
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
    -- @from unfollow.lua:32
    -- Noted even if nothing changed: a server that was restored from an older state may have replied from data that
    -- the database does not have yet.
    change('remove', 'request' .. tail, from_identifier, from_object_id, to_identifier, to_object_id, asked or '')
    change('remove', 'follow' .. tail, from_identifier, from_object_id, to_identifier, to_object_id, since or '')
  end
  return since and 1 or asked and 2 or 0
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 4 and #ARGV <= 5
  and #from_identifier <= 50 and find(from_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and from_identifier ~= 'count'
  and #from_object_id <= 255 and find(from_object_id, '^[\1-\127]+$')
  and #to_identifier <= 50 and find(to_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and to_identifier ~= 'count'
  and #to_object_id <= 255 and find(to_object_id, '^[\1-\127]+$')
  and (to_object_id ~= from_object_id or to_identifier ~= from_identifier)
  and (not kind or #kind <= 30 and find(kind, '^%l[%l%d_]*$'))
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
  if not (#KEYS == 2 and #ARGV >= 4 and #ARGV <= 5) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 4 to 5 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('from_identifier', from_identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('from_object_id', from_object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  check('to_identifier', to_identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('to_object_id', to_object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  if not reason and to_identifier == from_identifier and to_object_id == from_object_id then
    reason = {'SEQUERE_SELF', 'to must not be the same resource as from', to_identifier .. ' ' .. to_object_id}
  end
  if kind then
    check('kind', kind, is_kind, 'SEQUERE_ARGUMENT', '1 to 30 characters of a-z 0-9 _, the first of them a letter')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, from_identifier, from_object_id, to_identifier, to_object_id, kind)
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
  local _, stop = pcall(body, from_identifier, from_object_id, to_identifier, to_object_id, kind)
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
end})
