--!df flags=allow-undeclared-keys
-- sequere v1 page: generated from lua/src/page.lua, do not edit
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
local SCRIPT = 'page'
-- @from include/_run.lua:1
--- The frame of every script. What is needed only to refuse is made only then:
--- a script is compiled once, but its functions are made anew in each call.

local prefix, guard = KEYS[1], KEYS[2]
local refused -- the command that the server refused: name, key, the server's words

--- Stops the script with an error reply: a constant code, what is wrong, and the value given, shown short.
local function refuse(code, text, value)
  if value then
    local size = #value
    value = string.gsub(string.sub(value, 1, 60), '[%c\128-\255]', '?')
    text = text .. '; got "' .. value .. (size > 60 and '..." (' .. size .. ' bytes)' or '"')
  end
  error({reply = code .. ' ' .. SCRIPT .. ': ' .. text})
end

--- redis.call that remembers what was refused, and at which line.
local function call(...)
  local reply = redis.pcall(...)
  if type(reply) == 'table' and reply.err then
    local command, key = ...
    refused = {command = command, key = key or '', words = tostring(reply.err)}
    error('', 2)
  end
  return reply
end

--- Runs the body and returns its reply. Before that: how many keys and arguments
--- came (without most there may be any number more), and the guard. An error comes
--- back as one reply, after take_back, if given, has set back what was written.
local function run(least, most, body, take_back)
  local done, reply = pcall(function()
    if #KEYS < 1 or #KEYS > 2 then
      refuse('SEQUERE_ARGUMENT', 'takes the prefix and at most one guard as keys; got ' .. #KEYS .. ' keys')
    end
    if #ARGV < least or #ARGV > (most or #ARGV) then
      local range = most == least and '' or most and ' to ' .. most or ' or more'
      refuse('SEQUERE_ARGUMENT', 'takes ' .. least .. range .. ' arguments; got ' .. #ARGV)
    end
    if guard and call('EXISTS', guard) == 0 then
      refuse('SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its memory, '
        .. 'or its journal was closed; the database answers')
    end
    return body()
  end)
  if done then
    return reply
  end

  local kept = take_back and take_back() -- what to say first, if something could not be set back
  local line, words = string.match(type(reply) == 'string' and reply or '', ':(%d+): ?(.*)$')
  if type(reply) == 'table' then
    reply = reply.reply
  elseif not refused then
    reply = 'SEQUERE_FAILED ' .. SCRIPT .. ' line ' .. (line or '?') .. ': ' .. (words or tostring(reply))
      .. '; please report this'
  else
    -- Servers word a refusal in different ways: 6.2 puts its own position or a dash in front.
    words = string.gsub(string.gsub(refused.words, '^@user_script: ?%d+: ', ''), '^%-', '')
    local place = SCRIPT .. ' line ' .. (line or '?') .. ': ' .. refused.command .. ' ' .. refused.key
    if string.find(words, 'WRONGTYPE', 1, true) or string.find(words, 'not an integer', 1, true) then
      reply = 'SEQUERE_WRONGTYPE ' .. place .. ': the key holds something that is not part of the graph; '
        .. 'move it away, then run audit (' .. words .. ')'
    elseif string.find(words, 'ACL', 1, true) or string.find(words, 'NOPERM', 1, true)
      or string.find(words, 'The user executing the script', 1, true) then
      reply = 'SEQUERE_DENIED ' .. place .. ': grant this user the command and the key (' .. words .. ')'
    else
      -- READONLY, OOM, MISCONF ...: the server's own code stays first, where clients look for it
      reply = words .. ' (' .. place .. ')'
    end
  end
  return redis.error_reply(kept and kept .. reply or reply)
end
-- @from include/_identifier.lua:3
--- Refuses what is not an identifier. "count" would give the list of that
--- identifier and the count of the whole list one and the same key. The side is
--- what stands before the name in the arguments, such as "from_".
local function check_identifier(side, value)
  if #value < 1 or #value > 50 or string.find(value, '[^A-Za-z0-9_.%-]') or not string.find(value, '%D')
    or value == 'count' then
    refuse('SEQUERE_IDENTIFIER', side .. 'identifier must be 1 to 50 characters of A-Z a-z 0-9 _ . -, '
      .. 'not digits alone and not "count"', value)
  end
end
-- @from include/_utf8.lua:1
--- Whether a text is well-formed UTF-8.
local function is_utf8(text)
  if not string.find(text, '[\128-\255]') then
    return true
  end
  -- Each character beyond ASCII becomes a letter; what is left over is none.
  for _, pattern in ipairs({
    '[\194-\223][\128-\191]', '\224[\160-\191][\128-\191]', '[\225-\236\238\239][\128-\191][\128-\191]',
    '\237[\128-\159][\128-\191]', '\240[\144-\191][\128-\191][\128-\191]',
    '[\241-\243][\128-\191][\128-\191][\128-\191]', '\244[\128-\143][\128-\191][\128-\191]',
  }) do
    text = string.gsub(text, pattern, 'x')
  end
  return not string.find(text, '[\128-\255]')
end
-- @from include/_resource.lua:4
--- Refuses what is not a resource, the pair identifier, object_id. The side is
--- what stands before the two names in the arguments: "from_", "to_" or nothing.
local function check_resource(side, identifier, object_id)
  check_identifier(side, identifier)
  if #object_id < 1 or #object_id > 255 or string.find(object_id, '%z') or not is_utf8(object_id) then
    refuse('SEQUERE_OBJECT_ID', side .. 'object_id must be 1 to 255 bytes of UTF-8 without NUL', object_id)
  end
end
-- @from include/_uid_key.lua:3
--- The key that holds the uid of a resource.
local function uid_key(identifier, object_id)
  return prefix .. 'uid:' .. identifier .. ':' .. object_id
end
-- @from include/_uid.lua:3
--- The uid of a resource, as text; false if the graph does not know it.
local function find_uid(identifier, object_id)
  return call('GET', uid_key(identifier, object_id))
end
-- @from include/_name_key.lua:3
--- The key of the hash that says which resource a uid stands for.
local function name_key(uid)
  return prefix .. 'uid::' .. uid
end
-- @from include/_name.lua:3
--- The identifier and the object id of a uid met in a list.
local function find_name(uid)
  local key = name_key(uid)
  local name = call('HMGET', key, 'identifier', 'object_id')
  if not (name[1] and name[2]) then
    refuse('SEQUERE_CORRUPT', key .. ' does not say who uid ' .. uid .. ' is; run audit with repair')
  end
  return name[1], name[2]
end
-- @from include/_relation.lua:3
local function check_relation(value)
  if value ~= 'followers' and value ~= 'followings' and value ~= 'friends' then
    refuse('SEQUERE_ARGUMENT', 'relation must be followers, followings or friends', value)
  end
end
-- @from include/_list_key.lua:3
--- The key of one list of a resource: a sorted set of uids by score. An empty or
--- missing identifier means the list of everybody.
local function list_key(uid, relation, identifier)
  local key = prefix .. 'uid:' .. uid .. ':' .. relation
  if identifier and identifier ~= '' then
    return key .. ':' .. identifier
  end
  return key
end
-- @from include/_number.lua:3
--- The whole number that an argument is.
local function check_number(name, value, least, most)
  local number = #value <= 15 and string.find(value, '^%d+$') and tonumber(value)
  if not number or number < least or number > most then
    refuse('SEQUERE_LIMIT', string.format('%s must be a whole number from %.0f to %.0f', name, least, most), value)
  end
  return number
end
-- @from include/_position.lua:2
--- Places in a list, found by rank: that makes a deep page as cheap as the first.

--- The rank of the first entry after (score, uid), in the direction of the walk.
--- The entry itself may have gone or moved since; then the rank where it would
--- stand is searched among the entries of its score, which are sorted by uid text.
local function rank_after(list, score, uid, newest_first)
  local stored = call('ZSCORE', list, uid)
  if stored and tonumber(stored) == tonumber(score) then
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
    local after = other > uid
    if newest_first then
      after = other < uid
    end
    if after then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

--- Score and uid of an entry as text that loses nothing.
local function position_of(score, uid)
  return string.format('%.17g', tonumber(score)) .. ':' .. uid
end
-- @from page.lua:40
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
