--- Takes a resource and every edge from or to it out of the graph, in bounded steps:
--- call it again until nothing is left.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   identifier       identifier
--   object_id        object_id
--   limit            number       edges to remove in this call, 1 to 500
-- REPLY array of two integers
--   removed          edges removed by this call
--   left             edges left; at 0 the resource is forgotten
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID SEQUERE_LIMIT
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_CORRUPT SEQUERE_FAILED
-- COST
--   O(M log N), M the limit, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/forget.lua sequere: , user 1 100

--- @include "_resource"
--- @include "_uid"
--- @include "_name"
--- @include "_number"
--- @include "_remove_edge"

local identifier, object_id, limit = ARGV[1], ARGV[2], ARGV[3]

--- A resource met in a list.
local function met(uid)
  local other_identifier, other_object_id = find_name(uid)
  return {identifier = other_identifier, object_id = other_object_id, uid = uid}
end

--- An edge that only one of its two halves knows would be met again in every call.
local function must_remove(from, to, list)
  if remove_edge(from, to) == 0 then
    refuse('SEQUERE_CORRUPT', list .. ' holds half an edge; run audit with repair')
  end
end

return run(3, 3, function()
  check_resource('', identifier, object_id)
  local most = check_number('limit', limit, 1, 500)
  local uid = find_uid(identifier, object_id)
  if not uid then
    return {0, 0}
  end
  local this = {identifier = identifier, object_id = object_id, uid = uid}
  local followings, followers = list_key(uid, 'followings'), list_key(uid, 'followers')
  local removed = 0
  for _, other_uid in ipairs(call('ZRANGE', followings, 0, most - 1)) do
    must_remove(this, met(other_uid), followings)
    removed = removed + 1
  end
  if removed < most then
    for _, other_uid in ipairs(call('ZRANGE', followers, 0, most - removed - 1)) do
      must_remove(met(other_uid), this, followers)
      removed = removed + 1
    end
  end
  local left = call('ZCARD', followings) + call('ZCARD', followers)
  if left == 0 then
    local name, key = name_key(uid), uid_key(identifier, object_id)
    local n = #undo
    call('DEL', key)
    undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'SET', key, uid, false
    call('DEL', name) -- the last write: nothing after it can fail
  end
  return {removed, left}
end, take_back)
