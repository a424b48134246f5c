--- Checks the keys of one resource, in bounded steps, and repairs them if asked to. An edge exists if any of its four
--- entries exists: the repair adds the missing ones. It removes an entry only if the resource of the entry is unknown,
--- or if the entry is in a mutual list and one of the two edges does not exist. If the key of a resource does not hold
--- a uid, the repair sets it to the uid that a list has for this resource, or removes it. A key of a wrong type is
--- reported and stays as it is.
--
-- ARGV
--   resource     resource
--   cursor       place?               the cursor that the call before replied; empty: begin
--   limit        1..50                the most entries to check in this call
--   repair       0|1                  1 to repair what is found, 0 to report it only
--   identifiers  identifier[1..100]   the identifiers whose lists to check
-- REPLY tuple
--   cursor       place?               pass it for the next step; empty after the last one
--   checked      integer              the number of entries checked by this call
--   findings     repeated
--     kind         text               count, missing, surplus, score, orphan, mapping or wrongtype
--     key          text               the key concerned
--     detail       text               what is wrong
-- COST
--   O(M log N), M the limit, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/audit.lua sequere: sequere:global:uid , user 1 '' 50 0 user project

--- @include "_relations"
--- @include "_uid_form"
--- @include "_is_name"
--- @include "_rank"
--- @include "_change"
--- @maintenance

local mend = repair == '1'
local reply = {'', 0}
local reported = {}
local types = {} -- key -> whether it has the right type, for the keys checked so far

--- Reports a finding once in a call: two entries of one edge lead to the same finding.
local function found(kind, key, detail)
  local finding = kind .. key .. detail
  if not reported[finding] then
    local n = #reply
    reply[n + 1], reply[n + 2], reply[n + 3] = kind, key, detail
    reported[finding] = true
  end
end

--- Whether a value is a uid. The last uid given out is set to nothing else: otherwise no script could allocate the
--- next.
local function is_uid(value)
  return find(value, UID) and #value < 16
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

--- The score of an edge: of the first of its four entries that exists, beginning with the list of the from side.
local function edge_score(relation, from, to)
  return score_in(list_of(from.uid, relation.forward), to.uid)
    or score_in(list_of(to.uid, relation.backward), from.uid)
    or score_in(list_of(from.uid, relation.forward, to.identifier), to.uid)
    or score_in(list_of(to.uid, relation.backward, from.identifier), from.uid)
end

local function want_in_lists(uid, list, other, score)
  want_entry(list_of(uid, list), other.uid, score)
  want_entry(list_of(uid, list, other.identifier), other.uid, score)
end

--- Checks both halves of an edge of which some entry exists, and its entries in the mutual lists.
local function check_edge(name, relation, from, to)
  local score = edge_score(relation, from, to)
  if not score then
    return
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
  for _, relation in pairs(RELATIONS) do
    keys[#keys + 1] = list_of(uid, relation.forward)
    keys[#keys + 1] = list_of(uid, relation.backward)
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
  local name, relation = one.name, RELATIONS[one.name]
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
  for name in pairs(RELATIONS) do
    names[#names + 1] = name
  end
  table.sort(names)
  for _, name in ipairs(names) do
    local relation = RELATIONS[name]
    bases[#bases + 1] = {name = name, list = relation.forward}
    bases[#bases + 1] = {name = name, list = relation.backward}
    bases[#bases + 1] = relation.mutual and {name = name, list = relation.mutual}
  end
  for _, base in ipairs(bases) do
    lists[#lists + 1] = base
  end
  for i = identifiers, #ARGV do
    for _, base in ipairs(bases) do
      lists[#lists + 1] = {name = base.name, list = base.list, identifier = ARGV[i]}
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
  return reply
end
local this = {identifier = identifier, object_id = object_id, uid = uid}
if not (cursor or check_this(uid)) then
  return reply
end
local budget = limit
while index <= #lists and budget > 0 do
  local one = lists[index]
  local list = list_of(uid, one.list, one.identifier)
  local entries = {}
  if is_sound(list, 'zset') then
    local start = score and rank_after(list, score, after, false) or 0
    entries = call('ZRANGE', list, start, start + budget - 1, 'WITHSCORES')
  end
  if not score then
    check_count(list)
  end
  for i = 1, #entries, 2 do
    check_entry(this, one, list, entries[i])
  end
  reply[2] = reply[2] + #entries / 2
  budget = budget - #entries / 2
  if budget > 0 then
    index, score, after = index + 1, nil, nil
    budget = budget - 1 -- an empty list takes time too
  else
    reply[1] = index .. ':' .. format('%.17g', entries[#entries]) .. ':' .. entries[#entries - 1]
  end
end
if reply[1] == '' and index <= #lists then
  reply[1] = tostring(index)
end
return reply
