--- Changes the state of up to 50 edges, each only if its state is still the one that the caller has read and no other
--- edge excludes the new one. The journal gets an entry for each change. On an error, nothing changes.
--
-- ARGV
--   edges       group[1..50]
--     relation    relation
--     from        resource
--     to          resource~from
--     seen        score?        the timestamp that the caller has read; empty: there was no edge
--     wanted      score?        the new timestamp; empty: the edge is removed
-- REPLY outcome[edges]
--   1 mended    the edge has the new state
--   0 changed   the edge had another state than the caller has read, or is excluded; it stays as it is
-- COST
--   O(M log N), M edges, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/mend_edges.lua sequere: sequere:global:uid , follow user 1 project 7 '' 1382676091

--- @include "_edge_time"
--- @include "_rivals"
--- @include "_use_kind"
--- @include "_obtain_uid"
--- @include "_add_edge"
--- @include "_remove_edge"
--- @include "_change"

local replies = {}

--- Mends an edge, given its first place in ARGV, if it is to be removed or to be added; nil otherwise.
local function mend(i, is_removal)
  local name, from_identifier, from_object_id, to_identifier, to_object_id, seen, wanted = unpack(ARGV, i, i + 6)
  if (wanted == '') ~= is_removal then
    return nil
  end
  local since, relation, from, to, tail = edge_time(i)
  if since ~= seen then
    return 0
  elseif seen == wanted then
    return 1
  elseif wanted ~= '' and from and to and find_rivals(relation, tail, from, to)[1] then
    return 0
  end
  local forward, backward, mutual = relation.forward, relation.backward, relation.mutual
  if seen ~= '' then
    remove_edge(forward, backward, mutual, from, from_identifier, to, to_identifier)
    change('remove', name, from_identifier, from_object_id, to_identifier, to_object_id, seen)
  end
  if wanted ~= '' then
    if tail ~= '' then
      use_kind(string.sub(tail, 2), true)
    end
    from, to = obtain_uid(from_identifier, from_object_id), obtain_uid(to_identifier, to_object_id)
    add_edge(forward, backward, mutual, from, from_identifier, to, to_identifier, wanted)
    change('add', name, from_identifier, from_object_id, to_identifier, to_object_id, wanted)
  end
  return 1
end

for _, is_removal in ipairs({true, false}) do -- what is removed may exclude what is added
  for i = edges, #ARGV, 7 do
    local n = (i - edges) / 7 + 1
    replies[n] = replies[n] or mend(i, is_removal)
  end
end
return replies
