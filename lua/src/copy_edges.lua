--- Brings up to 200 edges into the state given, whatever it was, during a rebuild, and says
--- how far that is now. Nothing is noted in a journal. All are done or, on an error,
--- none.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   progress         progress     how far the caller thinks the rebuild is
--   reached          progress     how far it is with these edges, 1 to 255 bytes
--   edges            edge...      1 to 200 times from_ and to_ resource and a timestamp; empty: no edge
-- REPLY integer
--   1                they are in that state
--   0                the rebuild is not there, or there is a journal; nothing changed
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_TIMESTAMP
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_CORRUPT SEQUERE_FAILED
-- COST
--   O(M log N), M edges, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/copy_edges.lua sequere: , begun going user 1 project 7 1382676091.612067

--- @include "_is_at"
--- @include "_check_progress"
--- @include "_edges"
--- @include "_score"
--- @include "_allocate"
--- @include "_uid"
--- @include "_forward_score"
--- @include "_remove_entry"

local progress, reached = ARGV[1], ARGV[2]

local uids = {} -- key -> uid, as far as looked for

--- Unlike those of a single follow, these entries may stand already, at another time or
--- without the other half: the copy is made while edges change.
local function put(uid, relation, other, score)
  local list = list_key(uid, relation)
  for _ = 1, 2 do
    local n, count = #undo, list .. ':count'
    if call('ZADD', list, 'NX', score, other.uid) == 1 then
      undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'ZREM', list, other.uid, false
      call('INCR', count)
      undo[n + 5], undo[n + 6], undo[n + 7], undo[n + 8] = 'DECR', count, false, false
    else
      local stood = call('ZSCORE', list, other.uid)
      call('ZADD', list, score, other.uid)
      undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'ZADD', list, stood, other.uid
    end
    list = list .. ':' .. other.identifier
  end
end

local function drop(uid, relation, other)
  remove_entry(uid, relation, other, call('ZSCORE', list_key(uid, relation), other.uid) or '0')
end

--- The uid of a resource; where an edge is to stand, a new one if it has none.
local function uid_of(resource, stands)
  local key = uid_key(resource.identifier, resource.object_id)
  if not uids[key] then
    local find = stands and obtain_uid or find_uid
    uids[key] = find(resource.identifier, resource.object_id)
  end
  return uids[key]
end

local function befriend(from, to, score)
  local answer = forward_score(to, from)
  if answer then
    local later = tonumber(answer) > tonumber(score) and answer or score
    put(from.uid, 'friends', to, later)
    put(to.uid, 'friends', from, later)
  end
end

return run(7, nil, function()
  check_progress('progress', progress, 1)
  check_progress('reached', reached, 1)
  local edges = check_edges(3, 5, 200)
  for _, edge in ipairs(edges) do
    edge.score = edge[1] ~= '' and check_timestamp(edge[1])
  end
  if not is_at(progress) then
    return 0
  end
  call('SET', progress_key(), reached)
  undo[1], undo[2], undo[3], undo[4] = 'SET', progress_key(), progress, false
  for _, edge in ipairs(edges) do
    local from, to, score = edge.from, edge.to, edge.score
    from.uid, to.uid = uid_of(from, score), uid_of(to, score)
    if score then
      put(from.uid, 'followings', to, score)
      put(to.uid, 'followers', from, score)
      befriend(from, to, score)
    elseif from.uid and to.uid then
      drop(from.uid, 'followings', to)
      drop(to.uid, 'followers', from)
      drop(from.uid, 'friends', to)
      drop(to.uid, 'friends', from)
    end
  end
  return 1
end, take_back)
