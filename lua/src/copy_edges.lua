--- Sets up to 50 edges to the given state, whatever their state was, removes the edges that they exclude, and updates
--- the mark. If there is a journal, it gets an entry for each edge. On an error, nothing changes.
--
-- ARGV
--   mark        mark?         the mark that the caller has read; empty: there was none
--   reached     mark          the new mark
--   edges       group[0..50]
--     relation    relation
--     from        resource
--     to          resource~from
--     timestamp   score?        of the edge; empty: the edge is not to exist
-- REPLY outcome
--   1 copied    the edges are in that state
--   0 refused   the mark has changed; nothing was written
-- COST
--   O(M log N), M edges, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/copy_edges.lua sequere: sequere:global:uid , begun on follow user 1 project 7 1382676091

--- @include "_mark"
--- @include "_relation"
--- @include "_use_kind"
--- @include "_uid"
--- @include "_obtain_uid"
--- @include "_put_entry"
--- @include "_remove_entry"
--- @include "_make_way"
--- @include "_change"
--- @maintenance

local known = {} -- identifier, NUL, object id -> uid, of the resources looked up so far

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
  local from_identifier, to_identifier, score = ARGV[i + 1], ARGV[i + 3], ARGV[i + 5]
  local relation, _, tail = find_relation(ARGV[i])
  local exists = score ~= ''
  if exists and tail ~= '' then
    use_kind(string.sub(tail, 2), true)
  end
  local from, to = uid_of(from_identifier, ARGV[i + 2], exists), uid_of(to_identifier, ARGV[i + 4], exists)
  local mine, theirs = from and uids .. from .. ':', to and uids .. to .. ':'
  if exists then
    make_way(relation, tail, from, from_identifier, ARGV[i + 2], to, to_identifier, ARGV[i + 4])
    put_entries(mine .. relation.forward, to_identifier, score, to)
    put_entries(theirs .. relation.backward, from_identifier, score, from)
    local answer = relation.mutual and call('ZSCORE', mine .. relation.backward, to)
    if answer then
      local later = answer + 0 > score + 0 and answer or score
      put_entries(mine .. relation.mutual, to_identifier, later, to)
      put_entries(theirs .. relation.mutual, from_identifier, later, from)
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
