--- Replies which lists of a resource hold each of up to 500 other resources.
--
-- ARGV
--   resource    resource           the owner of the lists
--   lists       lists              1 to 10 lists, separated by spaces, such as 'followings followers'
--   others      resource[1..500]   the resources to look for
-- REPLY bits[others]
--   bit i is 1 if list i, counted from 0 in the order given, holds the other resource and, for a mute, it has not ended
-- COST
--   O(L M), L lists, M others
-- EXAMPLE
--   redis-cli --eval lua/v1/relationships.lua sequere: sequere:global:uid , user 1 'followings followers' user 2

--- @include "_uid"
--- @include "_live"

local uid = find_uid(identifier, object_id)
local keys, known, replies = {}, {}, {}
for i = others, #ARGV, 2 do
  keys[#keys + 1] = uids .. ARGV[i] .. ':' .. ARGV[i + 1]
  replies[#keys] = 0
end
if not uid then
  return replies
end
local found, missing = call('MGET', unpack(keys)), {}
for i = 1, #keys do
  known[i] = found[i] or '0' -- no uid is 0
  if not found[i] then
    missing[#missing + 1] = keys[i]
  end
end
if missing[1] and call('EXISTS', unpack(missing)) > 0 then
  for _, key in ipairs(missing) do
    call('GET', key) -- MGET returns nothing for a key of another type; GET is refused
  end
end
local bit = 1
for list in string.gmatch(lists, '%S+') do
  local scores, now = call('ZMSCORE', uids .. uid .. ':' .. list, unpack(known)), find_now(list)
  for i = 1, #keys do
    if scores[i] and not (now and scores[i] + 0 <= now + 0) then
      replies[i] = replies[i] + bit
    end
  end
  bit = bit * 2
end
return replies
