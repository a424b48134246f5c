--!df flags=allow-undeclared-keys
-- sequere v1 suggest: generated from lua/src/suggest.lua, do not edit
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
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_LIMIT SEQUERE_OBJECT_ID SEQUERE_WRONGTYPE
local SCRIPT = 'suggest'
--- The frame of every script. The build replaces the marks with the pieces of a source, and identifier, object_id, sample, each, limit, kind with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local identifier, object_id, sample, each, limit, kind = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5], ARGV[6]
if kind == '' then kind = nil end
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

local function body(identifier, object_id, sample, each, limit, kind)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  sample = tonumber(sample)
  each = tonumber(each)
  limit = tonumber(limit)
  -- @from suggest.lua:24
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
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 5 and #ARGV <= 6
  and #identifier <= 50 and find(identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and identifier ~= 'count'
  and #object_id <= 255 and find(object_id, '^[\1-\127]+$')
  and #sample <= 15 and find(sample, '^%d+$') and sample + 0 >= 1 and sample + 0 <= 50
  and #each <= 15 and find(each, '^%d+$') and each + 0 >= 1 and each + 0 <= 25
  and #limit <= 15 and find(limit, '^%d+$') and limit + 0 >= 1 and limit + 0 <= 50
  and (not kind or #kind <= 30 and find(kind, '^%l[%l%d_]*$'))
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
  local function is_kind(value)
    return #value <= 30 and find(value, '^%l[%l%d_]*$')
  end
  if not (#KEYS == 2 and #ARGV >= 5 and #ARGV <= 6) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 5 to 6 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('identifier', identifier, is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
  check('object_id', object_id, is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  check('sample', sample, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 50 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 50')
  check('each', each, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 25 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 25')
  check('limit', limit, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 50 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 50')
  if kind then
    check('kind', kind, is_kind, 'SEQUERE_ARGUMENT', '1 to 30 characters of a-z 0-9 _, the first of them a letter')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, identifier, object_id, sample, each, limit, kind)
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
  local _, stop = pcall(body, identifier, object_id, sample, each, limit, kind)
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
