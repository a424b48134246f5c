--- Reads one page of the followers, followings or friends of a resource, by
--- offset or by cursor. A walk by cursor shows the list as it stood when the walk
--- began, without those who have left since: nobody skipped and nobody twice, as
--- long as nobody comes back with a timestamp from the past.
--
-- KEYS
--   prefix            text         start of every key, such as sequere:
--   guard             key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   identifier        identifier
--   object_id         object_id
--   relation          relation     followers, followings or friends
--   other_identifier  identifier?  those of this identifier only; empty: all
--   order             order        desc (newest first) or asc (oldest first)
--   limit             number       entries wanted, 1 to 1000
--   offset            number?      entries to skip; empty or left out: 0
--   cursor            cursor?      where the page before ended; not together with offset
-- REPLY flat array
--   total             integer: entries in the whole list
--   cursor            text: pass it for the next page; empty after the last one
--   identifier        of the first entry; these three repeat for each entry
--   object_id         of the first entry
--   timestamp         of the first entry: seconds since the epoch, UTC, six decimals
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID SEQUERE_LIMIT SEQUERE_CURSOR
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_CORRUPT SEQUERE_FAILED
-- COST
--   O(log N + M), N entries in the list, M the limit; the offset costs nothing more
-- EXAMPLE
--   redis-cli --eval lua/v1/page.lua sequere: , project 7 followers '' desc 20

--- @include "_resource"
--- @include "_uid"
--- @include "_name"
--- @include "_relation"
--- @include "_list_key"
--- @include "_number"
--- @include "_position"

local identifier, object_id, relation, other_identifier = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local order, limit, offset, cursor = ARGV[5], ARGV[6], ARGV[7], ARGV[8]

--- A cursor is score:uid of the last entry shown; going up, a third part says
--- up to which score the walk goes, or it would meet those who came meanwhile.
local function check_cursor(newest_first)
  local score, uid, bound = string.match(cursor, '^([%d.e+-]+):(%d+):?([%d.e+-]*)$')
  if not score or #cursor > 100 or not tonumber(score) or (bound == '') ~= newest_first
    or (not newest_first and not tonumber(bound)) then
    refuse('SEQUERE_CURSOR', 'cursor must be what the last page in this order gave', cursor)
  end
  return score, uid, bound
end

return run(6, 8, function()
  check_resource('', identifier, object_id)
  check_relation(relation)
  if other_identifier ~= '' then
    check_identifier('other_', other_identifier)
  end
  if order ~= 'desc' and order ~= 'asc' then
    refuse('SEQUERE_ARGUMENT', 'order must be desc or asc', order)
  end
  local newest_first = order == 'desc'
  local most = check_number('limit', limit, 1, 1000)
  local by_offset, by_cursor = offset and offset ~= '', cursor and cursor ~= ''
  if by_offset and by_cursor then
    refuse('SEQUERE_ARGUMENT', 'takes offset or cursor, not both; the offset is ' .. offset, cursor)
  end
  local start = by_offset and check_number('offset', offset, 0, 1e15 - 1) or 0
  local score, after, bound
  if by_cursor then
    score, after, bound = check_cursor(newest_first)
  end

  local uid = find_uid(identifier, object_id)
  if not uid then
    return {0, ''}
  end
  local list = list_key(uid, relation, other_identifier)
  local total = call('ZCARD', list)
  local stop = total
  if by_cursor then
    start = rank_after(list, score, after, newest_first)
    if not newest_first then
      stop = call('ZCOUNT', list, '-inf', bound)
    end
  end
  local reply = {total, ''}
  if start >= stop then
    return reply
  end
  local last = math.min(start + most, stop) - 1
  local entries = call(newest_first and 'ZREVRANGE' or 'ZRANGE', list, start, last, 'WITHSCORES')
  for i = 1, #entries, 2 do
    local n = #reply
    reply[n + 1], reply[n + 2] = find_name(entries[i])
    reply[n + 3] = string.format('%.6f', tonumber(entries[i + 1]))
  end
  if last + 1 < stop then
    reply[2] = position_of(entries[#entries], entries[#entries - 1])
    if not newest_first then
      local newest = bound or string.format('%.17g', tonumber(call('ZREVRANGE', list, 0, 0, 'WITHSCORES')[2]))
      reply[2] = reply[2] .. ':' .. newest
    end
  end
  return reply
end)
