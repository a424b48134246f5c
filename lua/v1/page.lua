--!df flags=allow-undeclared-keys
-- sequere v1 page: generated from lua/src/page.lua, do not edit
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
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_CURSOR SEQUERE_DENIED SEQUERE_FAILED
--   SEQUERE_IDENTIFIER SEQUERE_LIMIT SEQUERE_OBJECT_ID SEQUERE_WRONGTYPE
local SCRIPT = 'page'
--- The frame of every script. The build replaces the marks with the pieces of a source, and identifier, object_id, list, order, limit, offset, cursor with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local identifier, object_id, list, order, limit, offset, cursor = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6], ARGV[7]
if offset == '' then offset = nil end
if cursor == '' then cursor = nil end
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

local function body(identifier, object_id, list, order, limit, offset, cursor)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  limit = tonumber(limit)
  offset = tonumber(offset)
  -- @from page.lua:26
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
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 5 and #ARGV <= 7
  and #identifier <= 50 and find(identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and identifier ~= 'count'
  and #object_id <= 255 and find(object_id, '^[\1-\127]+$')
  and find(list, '^[%l_]+$') and find(' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ', ' ' .. list .. ' ', 1, true)
  and (order == 'desc' or order == 'asc')
  and #limit <= 15 and find(limit, '^%d+$') and limit + 0 >= 1 and limit + 0 <= 500
  and (not offset or #offset <= 15 and find(offset, '^%d+$') and offset + 0 >= 0 and offset + 0 <= 999999999999999)
  and (not cursor or (#cursor <= 100 and (find(cursor, '^[%d.e+-]+:%d+$') or find(cursor, '^[%d.e+-]+:%d+:[%d.e+-]+$'))))
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
  local function is_cursor(value)
    return #value <= 100 and (find(value, '^[%d.e+-]+:%d+$') or find(value, '^[%d.e+-]+:%d+:[%d.e+-]+$'))
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
  if not (#KEYS == 2 and #ARGV >= 5 and #ARGV <= 7) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 5 to 7 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('identifier', identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('object_id', object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  check('list', list, is_list, 'SEQUERE_ARGUMENT', 'a list, followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by, also with a kind or an identifier, such as followers@watch:user')
  check('order', order, function(value) return value == 'desc' or value == 'asc' end, 'SEQUERE_ARGUMENT', 'desc or asc')
  check('limit', limit, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 500 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 500')
  if offset then
    check('offset', offset, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 0 and value + 0 <= 999999999999999 end, 'SEQUERE_LIMIT', 'a whole number from 0 to 999999999999999')
  end
  if cursor then
    check('cursor', cursor, is_cursor, 'SEQUERE_CURSOR', 'one that a page in the same order returned')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, identifier, object_id, list, order, limit, offset, cursor)
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
  local _, stop = pcall(body, identifier, object_id, list, order, limit, offset, cursor)
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
