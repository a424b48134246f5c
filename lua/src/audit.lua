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

--- @include "_relation"
--- @include "_kinds"
--- @include "_uid_form"
--- @include "_is_name"
--- @include "_rank"
--- @include "_change"
--- @include "_findings"
--- @maintenance

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
