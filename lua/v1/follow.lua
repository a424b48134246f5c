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
