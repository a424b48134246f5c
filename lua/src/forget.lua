--- Takes a resource and every edge from or to it out of the graph, in bounded steps: call it again until
--- nothing is left.
--
-- ARGV
--   resource    resource      whom to forget
--   limit       1..100        edges to remove in this call
-- REPLY tuple
--   removed     integer       edges removed by this call
--   left        integer       edges left; at 0 the resource is forgotten
-- COST
--   O(M log N), M the limit, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/forget.lua sequere: sequere:global:uid , user 1 100

--- @include "_relations"
--- @include "_uid"
--- @include "_name"
--- @include "_remove_edge"
--- @include "_note"

local uid = find_uid(identifier, object_id)
if not uid then
  return {0, 0}
end
local gone = {} -- what to note: relation, from, to, timestamp

--- Removes up to a number of the edges that a list of a relation holds.
local function empty(name, relation, list, most)
  local key = uids .. uid .. ':' .. list
  for _, other in ipairs(most > 0 and call('ZRANGE', key, 0, most - 1) or {}) do
    local other_identifier, other_object_id = find_name(other)
    local since
    if list == relation.forward then
      since = remove_edge(relation, uid, identifier, other, other_identifier)
      gone[#gone + 1] = {name, identifier, object_id, other_identifier, other_object_id, since}
    else
      since = remove_edge(relation, other, other_identifier, uid, identifier)
      gone[#gone + 1] = {name, other_identifier, other_object_id, identifier, object_id, since}
    end
    if not since then -- it would be met again in every call
      error({'SEQUERE_CORRUPT', key .. ' holds half an edge; run audit with repair'})
    end
  end
  return call('ZCARD', key)
end

local left = 0
for name, relation in pairs(RELATIONS) do
  left = left + empty(name, relation, relation.forward, limit - #gone)
  left = left + empty(name, relation, relation.backward, limit - #gone)
end
if left == 0 then
  local key, name = uids .. identifier .. ':' .. object_id, uids .. ':' .. uid
  call('DEL', key)
  undo = {undo, 'SET', key, uid}
  call('DEL', name)
  undo = {undo, 'HSET', name, 'identifier', identifier, 'object_id', object_id}
end
for _, edge in ipairs(gone) do
  note('remove', unpack(edge, 1, 6))
end
return {#gone, left}
