--- Sets up to 50 edges to the given state, whatever their state was, and updates the mark. If there is a journal, it
--- gets an entry for each edge. On an error, nothing changes.
--
-- ARGV
--   mark        mark?         the mark that the caller has read; empty: there was none
--   reached     mark          the new mark
--   edges       group[0..50]
--     relation    relation
--     from        resource
--     to          resource~from
--     timestamp   timestamp?    since when the edge exists; empty: it does not exist
-- REPLY outcome
--   1 copied    the edges are in that state
--   0 refused   the mark has changed; nothing was written
-- COST
--   O(M log N), M edges, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/copy_edges.lua sequere: sequere:global:uid , begun on follow user 1 project 7 1382676091

--- @include "_mark"
--- @include "_relations"
--- @include "_uid"
--- @include "_obtain_uid"
--- @include "_add_entry"
--- @include "_remove_entry"
--- @include "_change"
--- @maintenance

local known = {} -- identifier, NUL, object id -> uid, of the resources looked up so far

--- Unlike the entries of a new edge, these may exist already, with another score or without the other half: edges
--- change during the copy.
local function put(list, identifier, score, uid)
  for _ = 1, 2 do
    if not add_entry(list, score, uid) then
      local before = call('ZSCORE', list, uid)
      call('ZADD', list, score, uid)
      undo = {undo, 'ZADD', list, before, uid}
    end
    list = list .. ':' .. identifier
  end
end

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
  local relation, from_identifier, to_identifier, score = RELATIONS[ARGV[i]], ARGV[i + 1], ARGV[i + 3], ARGV[i + 5]
  local exists = score ~= ''
  local from, to = uid_of(from_identifier, ARGV[i + 2], exists), uid_of(to_identifier, ARGV[i + 4], exists)
  local mine, theirs = from and uids .. from .. ':', to and uids .. to .. ':'
  if exists then
    put(mine .. relation.forward, to_identifier, score, to)
    put(theirs .. relation.backward, from_identifier, score, from)
    local answer = relation.mutual and call('ZSCORE', mine .. relation.backward, to)
    if answer then
      local later = answer + 0 > score + 0 and answer or score
      put(mine .. relation.mutual, to_identifier, later, to)
      put(theirs .. relation.mutual, from_identifier, later, from)
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
