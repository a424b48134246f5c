--- Adds edges of a relation from one resource to up to 50 others: all of them or, on an error, none.
--
-- A block removes the follows, requests and archived follows between the two, in both directions and of all kinds.
--
-- ARGV
--   relation    relation                such as follow, request@watch or block
--   from        resource                the resource that all edges start from
--   timestamp   timestamp=now           of all edges; left out: the server's clock
--   ends        timestamp?              of a mute: when it ends; empty: never
--   most        0..999999999?           the limits of follow, for follows and requests
--   new         0..999999999?
--   window      1..999999999?
--   others      resource[1..50]~from    the resource that each edge leads to; at most 8 for a block
-- REPLY outcome[others]
--   1 made      the edge is new, or a mute ends at another time
--   0 exists    the edge existed and keeps its timestamp; also a follow, where a request is to be added
--   2 requested          the request is new
--   3 requested_before   the request existed and keeps its timestamp
--   9 cut_following      the block is new and ended a follow by from
--   17 cut_follower      the block is new and ended a follow by the other
--   25 cut_both          the block is new and ended both
--   -1 blocked  nothing changed: one of the two blocks the other
--   -2 most     nothing changed: from has as many follows and requests as it may have
--   -3 new      nothing changed: from made as many within the window as it may make
-- COST
--   O(M log N), M others, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/add_edges.lua sequere: sequere:global:uid , block user 1 '' '' '' '' '' user 2

--- @include "_obtain_uid"
--- @include "_add_edge"
--- @include "_uid"
--- @include "_put_entry"
--- @include "_relation"
--- @include "_forever"
--- @include "_cut_edge"
--- @include "_make_way"
--- @include "_use_kind"
--- @include "_admit"
--- @include "_name"
--- @include "_change"

local row, base, tail = find_relation(relation)
local forward, backward, mutual = row.forward, row.backward, row.mutual
local is_admitted = base == 'follow' or base == 'request'
if new and not window then
  error({'SEQUERE_ARGUMENT', 'window must be there if new is, which is ' .. new, ''})
elseif (most or new) and not is_admitted then
  error({'SEQUERE_ARGUMENT', 'most and new must be empty unless relation is follow or request', relation})
elseif ends and not row.expires then
  error({'SEQUERE_ARGUMENT', 'ends must be empty unless relation is mute', ends})
elseif base == 'block' and #ARGV - others > 15 then
  error({'SEQUERE_LIMIT', 'others must be 1 to 8 for a block', format('%.0f', (#ARGV - others + 1) / 2)})
end
if tail ~= '' then
  use_kind(string.sub(tail, 2))
end
local from = obtain_uid(from_identifier, from_object_id)
local list = uids .. from .. ':' .. forward
local has_requests = base == 'follow' and call('EXISTS', uids .. from .. ':requested' .. tail) == 1
local score = timestamp
if row.expires then
  score = ends or format('%.6f', FOREVER + math.floor(timestamp))
end

--- Adds an edge, or sets its end; returns the outcome and the uid of the other.
local function add(to_identifier, to_object_id)
  local to = find_uid(to_identifier, to_object_id)
  local outcome = is_admitted and admit(from, to or '0', tail, base == 'request', most, new, window) -- no uid is 0
    or base == 'archive' and to and is_barred(from, to) and -1
  if outcome then
    return outcome, to
  end
  to = to or obtain_uid(to_identifier, to_object_id)
  if has_requests then
    cut_edge('request' .. tail, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
  elseif base == 'block' and not call('ZSCORE', list, to) then
    local by_from, by_to =
      make_way(row, tail, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
    outcome = 1 + (by_from and 8 or 0) + (by_to and 16 or 0)
  end
  if add_edge(forward, backward, mutual, from, from_identifier, to, to_identifier, score) then
    return outcome or base == 'request' and 2 or 1, to
  end
  local before = row.expires and call('ZSCORE', list, to) + 0
  if not before or before == score + 0 or before >= FOREVER and score + 0 >= FOREVER then
    return 0, to
  end
  put_entries(list, to_identifier, score, to)
  put_entries(uids .. to .. ':' .. backward, from_identifier, score, from)
  return 1, to
end

if row.expires then -- ended entries stay in the list until their owner's next write to it
  local time = call('TIME')
  local ended = call('ZRANGE', list, '-inf', format('%s.%06d', time[1], time[2]), 'BYSCORE', 'LIMIT', 0, 20)
  for _, other in ipairs(ended) do
    local identifier, object_id = find_name(other)
    cut_edge(relation, from, from_identifier, from_object_id, other, identifier, object_id)
  end
end
local replies = {}
for i = others, #ARGV, 2 do
  local to_identifier, to_object_id = ARGV[i], ARGV[i + 1]
  local outcome, to = add(to_identifier, to_object_id)
  if is_noted and outcome >= 0 then -- even if nothing changed; see follow.lua
    local since = call('ZSCORE', list, to)
    local name = relation
    if not since then -- a request was to be added, and the follow exists
      name, since = 'follow' .. tail, call('ZSCORE', uids .. from .. ':followings' .. tail, to)
    end
    change('add', name, from_identifier, from_object_id, to_identifier, to_object_id, format('%.6f', since))
  end
  replies[#replies + 1] = outcome
end
return replies
