--- Takes up to 50 entries out of a list of a resource: their edges become edges of another relation or, without one,
--- are removed. All of them or, on an error, none.
--
-- ARGV
--   resource    resource            whose list
--   list        list                which one: followings, or followings:project for those of one identifier
--   target      relation?           what the edges become; empty: they are removed
--   limit       1..50               entries to take where no others are named: the oldest
--   timestamp   timestamp?          of the edges in the target; empty: they keep theirs
--   others      resource[0..50]~resource   whom to take out of the list
-- REPLY tuple
--   left        integer             entries left in the list
--   moved       repeated            those taken out, in the order of others; who was not in the list is left out
--     identifier  identifier
--     object_id   object_id
--     timestamp   timestamp         of the edge in the target, or of the edge removed
-- COST
--   O(M log N), M entries, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/move_edges.lua sequere: sequere:global:uid , user 1 followings '' 50 '' project 7

--- @include "_uid"
--- @include "_name"
--- @include "_list"
--- @include "_add_edge"
--- @include "_remove_edge"
--- @include "_change"

local name, relation, is_from = find_list(list)
if target and not find(' ' .. (relation.moves or '') .. ' ', ' ' .. target .. ' ', 1, true) then
  error({'SEQUERE_ARGUMENT', 'target must be empty or a relation that edges of ' .. name .. ' may become', target})
end
local uid = find_uid(identifier, object_id)
if not uid then
  return {0}
end
local key = uids .. uid .. ':' .. list
local entries = {} -- identifier, object id and uid of each
for i = others, #ARGV, 2 do
  entries[#entries + 1] = {ARGV[i], ARGV[i + 1], find_uid(ARGV[i], ARGV[i + 1])}
end
if others > #ARGV then
  for _, other in ipairs(call('ZRANGE', key, 0, limit - 1)) do
    local other_identifier, other_object_id = find_name(other)
    entries[#entries + 1] = {other_identifier, other_object_id, other}
  end
end

--- Takes an entry that is in the list out of it; returns the timestamp of its edge.
local function move(other_identifier, other_object_id, other)
  local from_identifier, from_object_id, from = identifier, object_id, uid
  local to_identifier, to_object_id, to = other_identifier, other_object_id, other
  if not is_from then
    from_identifier, from_object_id, from, to_identifier, to_object_id, to =
      to_identifier, to_object_id, to, from_identifier, from_object_id, from
  end
  local row = relation
  local since = remove_edge(row.forward, row.backward, row.mutual, from, from_identifier, to, to_identifier)
  if not since then -- without the error it would be met again in every call
    error({'SEQUERE_CORRUPT', key .. ' holds half an edge; run audit with repair'})
  end
  change('remove', name, from_identifier, from_object_id, to_identifier, to_object_id, since)
  if target then
    row, since = RELATIONS[target], timestamp or since
    if add_edge(row.forward, row.backward, row.mutual, from, from_identifier, to, to_identifier, since) then
      change('add', target, from_identifier, from_object_id, to_identifier, to_object_id, since)
    end
  end
  return since
end

local reply = {0}
for _, entry in ipairs(entries) do
  if entry[3] and call('ZSCORE', key, entry[3]) then -- one that is named twice is gone the second time
    local n = #reply
    reply[n + 1], reply[n + 2], reply[n + 3] = entry[1], entry[2], move(unpack(entry, 1, 3))
  end
end
reply[1] = call('ZCARD', key)
return reply
