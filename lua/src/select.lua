--- Walks one list of a resource, newest first, and keeps the entries that other lists hold too, or do not hold.
--
-- ARGV
--   resource    resource      the owner of the list
--   list        list          such as followers, or followings@watch:project with a kind and an identifier
--   limit       1..100        entries wanted
--   budget      1..1000       entries to look at, divided by the number of filters; at least one
--   cursor      place?        the cursor that the previous call, with the same lists, replied
--   filters     group[0..10]
--     sign        &|-         &: keep what the list holds; -: keep what it does not hold
--     owner       resource    the owner of that list
--     owner_list  list        that list
-- REPLY tuple
--   cursor      place?        pass it for the next entries; empty once the whole list was looked at
--   size        integer       entries in the list walked
--   looked      integer       entries that this call looked at
--   entries     repeated      those kept, in the order of the list walked
--     identifier  identifier
--     object_id   object_id
--     timestamp   score       of the entry in the list of resource, whichever list is walked
-- COST
--   O(log N + M), N entries in the list walked, M the budget
-- EXAMPLE
--   redis-cli --eval lua/v1/select.lua sequere: sequere:global:uid , user 1 followers 20 1000 '' '&' user 2 followers

--- @include "_uid"
--- @include "_name"
--- @include "_rank"
--- @include "_live"

-- The script walks the smallest of the lists that must hold each entry: list, and those with the sign &. A cursor has
-- the number of the list with which its walk began: 0 for list, otherwise that of the filter.
local number, score, after
if cursor then
  number, score, after = string.match(cursor, '^(%d+):([^:]+):(%d+)$')
  number = tonumber(number)
  if not (number and tonumber(score)) or number > 0 and ARGV[filters + number * 4 - 4] ~= '&' then
    error({'SEQUERE_CURSOR', 'cursor must be one that a call with the same lists returned', cursor})
  end
end
local uid = find_uid(identifier, object_id)
if not uid then
  return {'', 0, 0}
end

--- A list of a uid: its key, whether it must hold an entry, and the time up to which its entries have ended.
local function list_of(owner, name, is_wanted)
  return {key = uids .. owner .. ':' .. name, is_wanted = is_wanted, now = find_now(name)}
end
--- How many entries of a list have ended: those with the lowest scores.
local function count_ended(one)
  return one.now and call('ZCOUNT', one.key, '-inf', one.now) or 0
end

local base = list_of(uid, list, true)
local walked, at, least, others = base, 0, nil, {}
if not number then
  least = call('ZCARD', base.key) - count_ended(base)
end
for i = filters, #ARGV, 4 do
  local is_wanted = ARGV[i] == '&'
  local owner = find_uid(ARGV[i + 1], ARGV[i + 2])
  if owner then
    local other = list_of(owner, ARGV[i + 3], is_wanted)
    others[#others + 1] = other
    local place = (i - filters) / 4 + 1
    if is_wanted and number then
      walked, at = number == place and other or walked, number
    elseif is_wanted then
      local size = call('ZCARD', other.key) - count_ended(other)
      if size < least then
        walked, at, least = other, place, size
      end
    end
  elseif is_wanted then
    return {'', 0, 0}
  end
end
if walked ~= base then
  for i, other in ipairs(others) do
    others[i] = other == walked and base or other
  end
end

local size = call('ZCARD', walked.key) - count_ended(walked)
local start = cursor and rank_after(walked.key, score, after, true) or 0
local reply, n, looked, last = {'', size, 0}, 3, 0, nil
local most = 3 + limit * 3
local stop = math.max(math.floor(budget / math.max((#ARGV + 1 - filters) / 4, 1)), 1)
stop = math.min(stop, size - start)
-- The first step is small, because most calls want few entries and most lists keep many of them.
local step = math.min(2 * limit, 250)
while n < most and looked < stop do
  step = math.min(step, stop - looked)
  local entries = call('ZREVRANGE', walked.key, start + looked, start + looked + step - 1, 'WITHSCORES')
  local left, places, times = {}, {}, {} -- the uids that no list has dropped, their places and times
  for i = 1, step do
    left[i], places[i], times[i] = entries[2 * i - 1], i, entries[2 * i]
  end
  for _, other in ipairs(others) do
    if not left[1] then
      break
    end
    local scores, kept = call('ZMSCORE', other.key, unpack(left)), 0
    local now, is_wanted, is_base = other.now, other.is_wanted, other == base
    for i = 1, #scores do
      local found = scores[i]
      if now and found and found + 0 <= now + 0 then
        found = false
      end
      if (found and true or false) == is_wanted then
        kept = kept + 1
        left[kept], places[kept], times[kept] = left[i], places[i], is_base and found or times[i]
      end
    end
    for i = #scores, kept + 1, -1 do
      left[i] = nil
    end
  end
  last = step
  for i, other in ipairs(left) do
    reply[n + 1], reply[n + 2] = find_name(other)
    reply[n + 3] = format('%.6f', times[i])
    n = n + 3
    if n == most then
      last = places[i]
      break
    end
  end
  looked, step = looked + last, 250
  last = {entries[2 * last], entries[2 * last - 1]}
end
if last and start + looked < size then
  reply[1] = format('%d:%.17g:%s', at, last[1], last[2])
end
reply[3] = looked
return reply
