--!df flags=allow-undeclared-keys
-- sequere v1 count: generated from lua/src/count.lua, do not edit
--- Counts the entries of lists of up to 50 resources.
--
-- ARGV
--   lists       lists              1 to 10 with a space between, such as 'followers followings:project'
--   resources   resource[1..50]    the owners of the lists
-- REPLY tuple
--   counts      repeated           for each resource in turn, one for each list
--     entries     integer            the number of entries; 0 for a resource that the graph does not know
-- COST
--   O(L M), L lists, M resources
-- EXAMPLE
--   redis-cli --eval lua/v1/count.lua sequere: sequere:global:uid , 'followers followings' project 7
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_IDENTIFIER
--   SEQUERE_OBJECT_ID SEQUERE_WRONGTYPE
local SCRIPT = 'count'
--- The frame of every script. The build replaces the marks with the pieces of a source, and lists, resources with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local lists = ARGV[1]
local resources = 2 -- the place of the first one in ARGV
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

local function body(lists, resources)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from count.lua:16
  local replies, n, now = {}, 0, nil
  if find(lists, 'muted', 1, true) then
    local time = call('TIME')
    now = format('(%s.%06d', time[1], time[2])
  end
  for i = resources, #ARGV, 2 do
    local uid = find_uid(ARGV[i], ARGV[i + 1])
    for list in string.gmatch(lists, '%S+') do
      n = n + 1
      if not uid then
        replies[n] = 0
      elseif now and find(list, '^muted') then -- entries that have ended count as absent
        replies[n] = call('ZCOUNT', uids .. uid .. ':' .. list, now, '+inf')
      else
        replies[n] = call('ZCARD', uids .. uid .. ':' .. list)
      end
    end
  end
  return replies
end

local reason -- why this script refuses the call: code, text, value
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
local right = #KEYS == 2 and #ARGV >= 3 and #ARGV <= 101 and (#ARGV - 1) % 2 == 0
  and (find(lists, '^[%l_]+$') and find(' followings followers friends requested requests archived archived_by blocked blocked_by muted muted_by ', ' ' .. lists .. ' ', 1, true) or is_lists(lists))
for i = 2, right and #ARGV or 0, 2 do
  local each_identifier, each_object_id = ARGV[i], ARGV[i + 1]
  right = right and #each_identifier <= 50 and find(each_identifier, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and each_identifier ~= 'count'
    and #each_object_id <= 255 and find(each_object_id, '^[\1-\127]+$')
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
  if not (#KEYS == 2 and #ARGV >= 3 and #ARGV <= 101 and (#ARGV - 1) % 2 == 0) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 1 arguments and 1 to 50 resources of 2 arguments each; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('lists', lists, is_lists, 'SEQUERE_ARGUMENT', '1 to 10 lists, separated by one space')
  for i = 2, reason and 0 or #ARGV, 2 do
    check('resources ' .. (i - 2) / 2 + 1 .. ' identifier', ARGV[i], is_identifier, 'SEQUERE_IDENTIFIER', '1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"')
    check('resources ' .. (i - 2) / 2 + 1 .. ' object_id', ARGV[i + 1], is_object_id, 'SEQUERE_OBJECT_ID', '1 to 255 bytes of UTF-8 without NUL')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, lists, resources)
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
  local _, stop = pcall(body, lists, resources)
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
