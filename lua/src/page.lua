--- Reads one page of a list of a resource, by offset or by cursor.
--
-- ARGV
--   resource    resource      the owner of the list
--   list        list          such as followers, or followings@watch:project with a kind and an identifier
--   order       desc|asc      newest first, or oldest first
--   limit       1..500        the most entries to reply
--   offset      0..999999999999999?   entries to skip; empty or left out: none
--   cursor      cursor?       the cursor of the previous page; not together with offset
-- REPLY tuple
--   cursor      cursor?       pass it for the next page; empty after the last one
--   entries     repeated
--     identifier  identifier
--     object_id   object_id
--     timestamp   score       of the edge; in muted, when it ends
-- COST
--   O(log N + M), N entries in the list, M the limit; the offset adds no cost
-- EXAMPLE
--   redis-cli --eval lua/v1/page.lua sequere: sequere:global:uid , project 7 followers desc 20

--- @include "_uid"
--- @include "_name"
--- @include "_rank"
--- @include "_live"

local newest_first = order == 'desc'
-- The score and the uid of the last entry shown. Oldest first, also the score at which the pages end: otherwise they
-- would show the entries that were added meanwhile.
local score, after, bound
if cursor then
  score, after, bound = string.match(cursor, '^(.-):(%d+):?(.*)$')
  if offset then
    error({'SEQUERE_ARGUMENT', 'takes offset or cursor, not both; the offset is ' .. offset, cursor})
  end
  if not tonumber(score) or (bound == '') ~= newest_first or not (newest_first or tonumber(bound)) then
    error({'SEQUERE_CURSOR', 'cursor must be one that a page in the same order returned', cursor})
  end
end

local uid = find_uid(identifier, object_id)
if not uid then
  return {''}
end
local key = uids .. uid .. ':' .. list
local start, stop = offset or 0, bound and bound ~= '' and call('ZCOUNT', key, '-inf', bound) or call('ZCARD', key)
local now = find_now(list)
local ended = now and call('ZCOUNT', key, '-inf', now) or 0 -- the lowest scores: the last ranks if the newest are first
if newest_first then
  stop = stop - ended
elseif not cursor then
  start = start + ended
end
if cursor then
  start = math.max(rank_after(key, score, after, newest_first), newest_first and 0 or ended)
end
local reply = {''}
if start >= stop then
  return reply
end

local last = math.min(start + limit, stop) - 1
local entries = call(newest_first and 'ZREVRANGE' or 'ZRANGE', key, start, last, 'WITHSCORES')
local n = 1
for i = 1, #entries, 2 do
  reply[n + 1], reply[n + 2] = find_name(entries[i])
  reply[n + 3] = format('%.6f', entries[i + 1])
  n = n + 3
end
if last + 1 < stop then
  reply[1] = format('%.17g', entries[#entries]) .. ':' .. entries[#entries - 1]
  if not newest_first then
    reply[1] = reply[1] .. ':' .. (bound or format('%.17g', call('ZREVRANGE', key, 0, 0, 'WITHSCORES')[2]))
  end
end
return reply
