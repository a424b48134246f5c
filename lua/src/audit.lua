--- Checks the part of the graph that belongs to one resource, in bounded steps, and repairs it on request. An edge
--- exists if any of its four entries exists: repair restores the others. It removes only entries whose resource is
--- unknown, and mutual entries without their two edges. A key that should hold a uid and does not is set to the
--- resource's uid if a list of another resource has it, and is removed otherwise. A name that no resource can have
--- counts as missing. Keys of a wrong type are reported and not changed.
--
-- ARGV
--   resource     resource
--   cursor       place?               what the call before gave; empty: begin
--   limit        1..50                entries to look at in this call
--   repair       0|1                  1 repairs what is found, 0 only reports
--   identifiers  identifier[1..100]   identifiers whose lists to look into
-- REPLY tuple
--   cursor       place?               pass it for the next step; empty after the last one
--   checked      integer              entries looked at by this call
--   findings     repeated
--     kind         text               count, missing, surplus, score, orphan, mapping or wrongtype
--     key          text               the key concerned
--     detail       text               what is wrong, in words
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

--- Whether a value is a uid: no other value may become the last uid given out, or no follow could get the next.
local function is_uid(value)
  return find(value, UID) and #value < 16
end

--- A value as text that a person can read.
local function show(value)
  return '"' .. string.gsub(string.sub(value, 1, 60), '[%c\128-\255]', '?') .. '"'
end

--- Whether a key can be read as what it should be; reports it once if not.
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

--- Since when an edge exists by any of its four entries: the list of the from side has the first word.
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

--- Both halves of an edge that exists by some entry, and its entries in the mutual lists.
local function check_edge(name, relation, from, to)
  local score = edge_score(relation, from, to)
  if not score then
    return
  end
  if mend and is_sound(journal, 'stream') and not score_in(list_of(from.uid, relation.forward), to.uid) then
    -- The list of the from side decides whether an edge exists: where it lacks the edge, the repair is a change.
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

--- Whether anything but its own key says that there is a uid: its name, or one of its lists.
local function is_known(uid)
  local keys = {uids .. ':' .. uid}
  for _, relation in pairs(RELATIONS) do
    keys[#keys + 1] = list_of(uid, relation.forward)
    keys[#keys + 1] = list_of(uid, relation.backward)
  end
  return call('EXISTS', unpack(keys)) > 0
end

--- What is wrong with a uid in the key of a resource, and whether to leave it alone because it belongs to another
--- graph; false if nothing is wrong.
local function fault_of(uid)
  if #uid == 32 and not find(uid, '%X') then
    return 'holds ' .. show(uid) .. ', a uid of django-sequere 0.x', true
  elseif not is_uid(uid) then
    return 'holds ' .. show(uid) .. ', which is no uid'
  end
  local given = is_sound(last_uid, 'string') and (call('GET', last_uid) or '0')
  local is_new = given and (not is_uid(given) or given + 0 < uid + 0)
  -- No uid could follow one that already uses all its digits.
  return is_new and (#uid == 15 or not is_known(uid)) and 'leads to uid ' .. uid .. ', which was not given out'
end

--- The resource of a uid that a list holds; also checks that the resource's own key leads to this uid.
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

--- The resource's uid, by its own key; false if it has none. A key at fault is removed: an audit of those who know the
--- resource sets it, or the next write allocates a uid.
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

--- The resource's own name, and the last uid given out. False if the name is another resource's: then nobody knows whose
--- lists these are, and nothing may be written into them.
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
      found('count', last_uid, (is_number and 'says ' .. number or 'holds ' .. show(number) .. ', which is no uid')
        .. ', but uid ' .. uid .. ' is in use')
      if mend then
        call('SET', last_uid, uid)
        undo = given and {undo, 'SET', last_uid, given} or {undo, 'DEL', last_uid}
      end
    end
  end
  return is_own
end

--- All lists to look into: those of everybody, then those of each identifier.
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
-- A cursor is the number of a list and, within it, score:uid of the last entry looked at.
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
    budget = budget - 1 -- a list costs a little even when it is empty
  else
    reply[1] = index .. ':' .. format('%.17g', entries[#entries]) .. ':' .. entries[#entries - 1]
  end
end
if reply[1] == '' and index <= #lists then
  reply[1] = tostring(index)
end
return reply
