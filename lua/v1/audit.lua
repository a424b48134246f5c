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
