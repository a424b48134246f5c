--- Suggests resources that a resource may want to follow: those that a sample of its followings follow, without itself,
--- those that it follows, asked to follow, blocked or muted, and those that blocked it.
--
-- ARGV
--   resource    resource   the resource that gets the suggestions
--   sample      1..50      followings in the sample, chosen at random
--   each        1..25      newest followings of each of them
--   limit       1..50      suggestions wanted
--   kind        kind?      of the follows; empty: follows without a kind
-- REPLY tuple
--   suggestions repeated   first those that most of the sample follow; equal ones in no fixed order
--     identifier  identifier
--     object_id   object_id
--     followers   integer    how many of the sample follow it
-- COST
--   O(S (log N + E)), S the sample, E each, N entries in the longest list
-- EXAMPLE
--   redis-cli --eval lua/v1/suggest.lua sequere: sequere:global:uid , user 1 50 25 10

--- @include "_uid"
--- @include "_name"
--- @include "_live"

local uid = find_uid(identifier, object_id)
if not uid then
  return {}
end
local tail = kind and '@' .. kind or ''
local followings = ':followings' .. tail
local tally = {}
for _, known in ipairs(call('ZRANDMEMBER', uids .. uid .. followings, sample)) do
  for _, other in ipairs(call('ZREVRANGE', uids .. known .. followings, 0, each - 1)) do
    tally[other] = (tally[other] or 0) + 1
  end
end
tally[uid] = nil

local ranks, highest = {}, 0 -- the candidates, by how many of the sample follow them
for other, number in pairs(tally) do
  local rank = ranks[number]
  if not rank then
    rank = {}
    ranks[number] = rank
    highest = math.max(highest, number)
  end
  rank[#rank + 1] = other
end

local lists = {'followings' .. tail, 'requested' .. tail, 'blocked', 'blocked_by', 'muted', kind and 'muted' .. tail}
local held = {} -- those of these lists that exist
for _, list in ipairs(lists) do
  local key = uids .. uid .. ':' .. list
  if call('EXISTS', key) == 1 then
    held[#held + 1] = {key, find_now(list)}
  end
end
local reply, n = {}, 0
for number = highest, 1, -1 do
  local rank = ranks[number] or {}
  for first = 1, #rank, 100 do
    local last, left_out = math.min(first + 99, #rank), {}
    for _, one in ipairs(held) do
      local scores, now = call('ZMSCORE', one[1], unpack(rank, first, last)), one[2]
      for i = 1, #scores do
        left_out[i] = left_out[i] or scores[i] and not (now and scores[i] + 0 <= now + 0)
      end
    end
    for i = first, last do
      if not left_out[i - first + 1] then
        reply[n + 1], reply[n + 2] = find_name(rank[i])
        reply[n + 3] = number
        n = n + 3
        if n == 3 * limit then
          return reply
        end
      end
    end
  end
end
return reply
