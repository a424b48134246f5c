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

--- @include "_relation"
--- @include "_kinds"
--- @include "_uid"
--- @include "_name"
--- @include "_cut_edge"
--- @include "_change"

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
