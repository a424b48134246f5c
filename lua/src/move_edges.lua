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

--- @include "_uid"
--- @include "_name"
--- @include "_list"
--- @include "_add_edge"
--- @include "_cut_edge"
--- @include "_change"

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
