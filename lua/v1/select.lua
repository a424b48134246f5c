--!df flags=allow-undeclared-keys
-- sequere v1 select: generated from lua/src/select.lua, do not edit
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
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_CURSOR SEQUERE_DENIED SEQUERE_FAILED
--   SEQUERE_IDENTIFIER SEQUERE_LIMIT SEQUERE_OBJECT_ID SEQUERE_WRONGTYPE
local SCRIPT = 'select'
--- The frame of every script. The build replaces the marks with the pieces of a source, and identifier, object_id, list, limit, budget, cursor, filters with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local identifier, object_id, list, limit, budget, cursor = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if cursor == '' then cursor = nil end
local filters = 7 -- the place of the first one in ARGV
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_uid_form.lua:1
--- The form of a uid, which has at most 15 digits, and the error texts for a key that holds something else. Versions
--- 0.3 and 0.4 had uids of 32 hexadecimal digits.
local UID, NO_UID = '^[1-9]%d*$', ' must hold a uid, a whole number from 1 to 999999999999999; run audit with repair'
local OLD_UID = ' is from django-sequere 0.x; use another prefix and import these keys'
-- @from include/_uid.lua:3
--- The uid of a resource, as text; false if the graph does not know it.
local function find_uid(identifier, object_id)
  local key = uids .. identifier .. ':' .. object_id
  local uid = call('GET', key)
  if uid and not (find(uid, UID) and #uid < 16) then
    error({'SEQUERE_CORRUPT', key .. (#uid == 32 and OLD_UID or NO_UID), uid})
  end
  return uid
end
-- @from include/_name.lua:1
--- The identifier and the object id of a uid that a list holds.
local function find_name(uid)
  local key = uids .. ':' .. uid
  local name = call('HMGET', key, 'identifier', 'object_id')
  if not (name[1] and name[2]) then
    if call('EXISTS', uids .. uid) == 1 then -- the key that versions 0.1 and 0.2 used
      error({'SEQUERE_CORRUPT', uids .. uid .. ' is from django-sequere 0.x; use another prefix and import these keys'})
    end
    error({'SEQUERE_CORRUPT', key .. ' does not name the resource of uid ' .. uid .. '; run audit with repair'})
  end
  return name[1], name[2]
end
-- @from include/_rank.lua:1
--- The rank of the first entry after (score, uid), in the given direction, so that a later page costs no more than the
--- first. If the entry itself was removed or has another score, the rank that it would have is searched among the
--- entries of its score, which are sorted by uid as text.
local function rank_after(list, score, uid, newest_first)
  local stored = call('ZSCORE', list, uid)
  if stored and stored + 0 == score + 0 then
    return call(newest_first and 'ZREVRANK' or 'ZRANK', list, uid) + 1
  end
  local low, high
  if newest_first then
    low, high = call('ZCOUNT', list, '(' .. score, '+inf'), call('ZCOUNT', list, score, '+inf')
  else
    low, high = call('ZCOUNT', list, '-inf', '(' .. score), call('ZCOUNT', list, '-inf', score)
  end
  while low < high do
    local middle = math.floor((low + high) / 2)
    local other = call(newest_first and 'ZREVRANGE' or 'ZRANGE', list, middle, middle)[1]
    local before = other <= uid
    if newest_first then
      before = other >= uid
    end
    if before then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end
-- @from include/_live.lua:1
--- Returns the current time, as a bound of ZCOUNT, for a list whose entries expire: their score is the time at which
--- they end. nil for other lists, in which every entry counts.
local function find_now(list)
  if not find(list, '^muted') then
    return nil
  end
  local time = call('TIME')
  return format('%s.%06d', time[1], time[2])
end

local function body(identifier, object_id, list, limit, budget, cursor, filters)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  limit = tonumber(limit)
  budget = tonumber(budget)
  -- @from select.lua:31
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
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 6 and #ARGV <= 46 and (#ARGV - 6) % 4 == 0
  and #identifier <= 50 and find(identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and identifier ~= 'count'
  and #object_id <= 255 and find(object_id, '^[\1-\127]+$')
  and find(list, '^[%l_]+$') and find(' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ', ' ' .. list .. ' ', 1, true)
  and #limit <= 15 and find(limit, '^%d+$') and limit + 0 >= 1 and limit + 0 <= 100
  and #budget <= 15 and find(budget, '^%d+$') and budget + 0 >= 1 and budget + 0 <= 1000
  and (not cursor or #cursor <= 100 and find(cursor, '^%d+:?[%d.e+-]*:?%d*$'))
for i = 7, right and #ARGV or 0, 4 do
  local each_sign, each_owner_identifier, each_owner_object_id, each_owner_list = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  right = right and (each_sign == '&' or each_sign == '-')
    and #each_owner_identifier <= 50 and find(each_owner_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_owner_identifier ~= 'count'
    and #each_owner_object_id <= 255 and find(each_owner_object_id, '^[\1-\127]+$')
    and find(each_owner_list, '^[%l_]+$') and find(' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ', ' ' .. each_owner_list .. ' ', 1, true)
end
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_utf8(text)
    -- Replaces each character beyond ASCII with a letter. A byte that is left over is not part of a character.
    for _, character in ipairs({
      '[\194-\223][\128-\191]', '\224[\160-\191][\128-\191]', '[\225-\236\238\239][\128-\191][\128-\191]',
      '\237[\128-\159][\128-\191]', '\240[\144-\191][\128-\191][\128-\191]',
      '[\241-\243][\128-\191][\128-\191][\128-\191]', '\244[\128-\143][\128-\191][\128-\191]',
    }) do
      text = string.gsub(text, character, 'x')
    end
    return not find(text, '[\128-\255]')
  end
  local function is_identifier(value)
    return #value <= 50 and find(value, '^[A-Za-z0-9_.%-]*[A-Za-z_.%-][A-Za-z0-9_.%-]*$') and value ~= 'count'
  end
  local function is_object_id(value)
    return #value >= 1 and #value <= 255 and not find(value, '%z') and is_utf8(value)
  end
  local function is_place(value)
    return #value <= 100 and find(value, '^%d+:?[%d.e+-]*:?%d*$')
  end
  local function is_lists(value)
    local size = 0
    for list in string.gmatch(value .. ' ', '([^ ]*) ') do
      local name, kind, identifier = string.match(list, '^(%l[%l_]*)(@?[%l%d_]*)(.*)$')
      size = size + (name and find(kind == '' and ' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ' or ' followings followers friends requested requests archived archived_by muted muted_by ', ' ' .. name .. ' ', 1, true)
        and (kind == '' or #kind <= 31 and find(kind, '^@%l[%l%d_]*$'))
        and (identifier == '' or #identifier <= 51 and identifier ~= ':count'
          and find(identifier, '^:[A-Za-z0-9_.%-]*[A-Za-z_.%-][A-Za-z0-9_.%-]*$')) and 1 or 11)
    end
    return size <= 10
  end
  local function is_list(value)
    return not find(value, ' ', 1, true) and is_lists(value)
  end
  if not (#KEYS == 2 and #ARGV >= 6 and #ARGV <= 46 and (#ARGV - 6) % 4 == 0) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 6 arguments and 0 to 10 filters of 4 arguments each; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('identifier', identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('object_id', object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  check('list', list, is_list, 'SEQUERE_ARGUMENT', 'a list, followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by, also with a kind or an identifier, such as followers@watch:user')
  check('limit', limit, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 100 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 100')
  check('budget', budget, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 1000 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 1000')
  if cursor then
    check('cursor', cursor, is_place, 'SEQUERE_CURSOR', 'one that the previous step returned')
  end
  for i = 7, reason and 0 or #ARGV, 4 do
    check('filters ' .. (i - 7) / 4 + 1 .. ' sign', ARGV[i], function(value) return value == '&' or value == '-' end, 'SEQUERE_ARGUMENT', '& or -')
    check('filters ' .. (i - 7) / 4 + 1 .. ' owner_identifier', ARGV[i + 1], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('filters ' .. (i - 7) / 4 + 1 .. ' owner_object_id', ARGV[i + 2], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
    check('filters ' .. (i - 7) / 4 + 1 .. ' owner_list', ARGV[i + 3], is_list, 'SEQUERE_ARGUMENT', 'a list, followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by, also with a kind or an identifier, such as followers@watch:user')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, identifier, object_id, list, limit, budget, cursor, filters)
  if done then
    return reply
  end
end

-- From here on the call is refused.
local stuck = false -- what could not be undone: a key, and the command that was to undo it
if type(reply) == 'table' then
  reason = reply
elseif not (reason or refused or stuck) then
  -- Runs the body again with redis.pcall, to find the command that the server refused: it stops at the same place.
  call = function(...)
    local answer = redis.pcall(...)
    if type(answer) == 'table' and answer.err then
      local command, key = ...
      refused = {command, key or '', tostring(answer.err)}
      error('', 2)
    end
    return answer
  end
  local _, stop = pcall(body, identifier, object_id, list, limit, budget, cursor, filters)
  reply = refused and stop or reply
end

local line, words = string.match(tostring(reply), ':(%d+): ?(.*)$')
local place = SCRIPT .. ' line ' .. (line or '?')
local text
if reason then
  local code, why, value = unpack(reason, 1, 3)
  text = code .. ' ' .. SCRIPT .. ': ' .. why
  if value then
    local size = #value
    value = string.gsub(string.sub(value, 1, 60), '[%c\128-\255]', '?')
    text = text .. '; got "' .. value .. (size > 60 and '..." (' .. size .. ' bytes)' or '"')
  end
elseif refused or stuck then
  -- The error text of a server depends on its version: 6.2 puts its own position or a dash in front. If the undo was
  -- refused too, the body did not run again, and only its own error is known.
  words = string.gsub(string.gsub(refused and refused[3] or tostring(reply), '^@user_script: ?%d+: ', ''), '^%-', '')
  place = refused and place .. ': ' .. refused[1] .. ' ' .. refused[2] or place
  if find(words, 'WRONGTYPE', 1, true) or find(words, 'not an integer', 1, true)
    or find(words, 'would overflow', 1, true) then
    text = 'SEQUERE_WRONGTYPE ' .. place .. ': the key holds something that is not part of the graph; '
      .. 'move it away, then run audit (' .. words .. ')'
  elseif find(words, 'ACL', 1, true) or find(words, 'NOPERM', 1, true)
    or find(words, 'The user executing the script', 1, true) then
    text = 'SEQUERE_DENIED ' .. place .. ': grant this user the command and the key (' .. words .. ')'
  else
    -- For READONLY, OOM, MISCONF ..., the server's own code stays first, where clients look for it.
    text = words .. ' (' .. place .. ')'
  end
else
  text = 'SEQUERE_FAILED ' .. place .. ': ' .. (words or tostring(reply)) .. '; please report this'
end
return redis.error_reply(text)
