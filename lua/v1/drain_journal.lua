--!df flags=allow-undeclared-keys
-- sequere v1 drain_journal: generated from lua/src/drain_journal.lua, do not edit
--- Drops the journal's entries before a position and reads those from the position on. Call it with the position
--- that the database has committed; if the first entry of the reply is not the one at that position, this is not
--- the journal that was read so far.
--
-- ARGV
--   position    entry?        the last entry that the database has; empty: from the beginning, drop nothing
--   limit       1..400        entries wanted
--   keep        0|1?          1 to drop nothing
--   closed      0|1?          1 to read the journal that close_journal put away, and drop nothing
-- REPLY tuple
--   entries     repeated
--     id               entry
--     operation        text         add, remove or open; "not UTF-8" if a text that follows is not: its bytes as \255
--     relation         text?        empty, as those that follow, if the entry lacks it
--     from_identifier  text?
--     from_object_id   text?
--     to_identifier    text?
--     to_object_id     text?
--     timestamp        text?        seconds since the epoch, UTC
--     progress         text?        of open: how far the rebuild was that made the journal
-- COST
--   O(M + D), M the limit, D the entries dropped
-- EXAMPLE
--   redis-cli --eval lua/v1/drain_journal.lua sequere: sequere:global:uid , '' 100
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_DENIED SEQUERE_FAILED SEQUERE_LIMIT SEQUERE_WRONGTYPE
local SCRIPT = 'drain_journal'
--- The frame of every script; the build puts the pieces of a source in the places of the marks, and the names of the
--- header where the body takes its arguments. What is needed only to refuse a call comes after the reply, and the body
--- takes its arguments as parameters: each call creates the closures that it reaches, and an upvalue for each variable
--- that they share, so there are few of both.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local position, limit, keep, closed = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
if position == '' then position = nil end
if keep == '' then keep = nil end
if closed == '' then closed = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's words
-- @from include/_utf8.lua:1
--- Whether a text is well-formed UTF-8.
local function is_utf8(text)
  -- Each character beyond ASCII becomes a letter; a byte that is left over belongs to no character.
  for _, character in ipairs({
    '[\194-\223][\128-\191]', '\224[\160-\191][\128-\191]', '[\225-\236\238\239][\128-\191][\128-\191]',
    '\237[\128-\159][\128-\191]', '\240[\144-\191][\128-\191][\128-\191]',
    '[\241-\243][\128-\191][\128-\191][\128-\191]', '\244[\128-\143][\128-\191][\128-\191]',
  }) do
    text = string.gsub(text, character, 'x')
  end
  return not find(text, '[\128-\255]')
end

local function body(position, limit, keep, closed)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its memory, '
      .. 'or its journal was closed; the database answers'})
  end
  limit = tonumber(limit)
  -- @from drain_journal.lua:28
  local FIELDS = {
    'operation', 'relation', 'from_identifier', 'from_object_id', 'to_identifier', 'to_object_id', 'timestamp', 'progress',
  }

  local function escape(byte)
    return '\\' .. string.byte(byte)
  end

  local journal = prefix .. 'global:journal' .. (closed == '1' and ':closed' or '')
  local entries = call('XRANGE', journal, position or '-', '+', 'COUNT', limit)
  if keep ~= '1' and closed ~= '1' and entries[1] and entries[1][1] == position then
    call('XTRIM', journal, 'MINID', position)
  end
  local reply = {}
  for _, entry in ipairs(entries) do
    local n, texts = #reply, {}
    for i = 1, #entry[2], 2 do
      texts[entry[2][i]] = entry[2][i + 1]
    end
    reply[n + 1] = entry[1]
    for i, field in ipairs(FIELDS) do
      local text = texts[field] or ''
      if find(text, '[\128-\255]') and not is_utf8(text) then
        text, reply[n + 2] = string.gsub(text, '[\128-\255]', escape), 'not UTF-8'
      end
      reply[n + 1 + i] = reply[n + 1 + i] or text
    end
  end
  return reply
end

local reason -- why this script refuses: code, text, value
local right = #KEYS == 2 and #ARGV >= 2 and #ARGV <= 4
  and (not position or #position <= 41 and find(position, '^%d+%-%d+$'))
  and #limit <= 15 and find(limit, '^%d+$') and limit + 0 >= 1 and limit + 0 <= 400
  and (not keep or (keep == '0' or keep == '1'))
  and (not closed or (closed == '0' or closed == '1'))
if not right then
  --- Refuses a value that is not what it must be; the first one counts.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_entry(value)
    return #value <= 41 and find(value, '^%d+%-%d+$')
  end
  if not (#KEYS == 2 and #ARGV >= 2 and #ARGV <= 4) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 2 to 4 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  if position then
    check('position', position, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
  end
  check('limit', limit, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 400 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 400')
  if keep then
    check('keep', keep, function(value) return value == '0' or value == '1' end, 'SEQUERE_ARGUMENT', '0 or 1')
  end
  if closed then
    check('closed', closed, function(value) return value == '0' or value == '1' end, 'SEQUERE_ARGUMENT', '0 or 1')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, position, limit, keep, closed)
  if done then
    return reply
  end
end

-- Only a refusal comes this far.
local stuck = false -- what could not be set back: a key, and by which command
if type(reply) == 'table' then
  reason = reply
elseif not (reason or refused or stuck) then
  -- Runs the body again by redis.pcall, to find the command that the server refused: it stops at the same place.
  call = function(...)
    local answer = redis.pcall(...)
    if type(answer) == 'table' and answer.err then
      local command, key = ...
      refused = {command, key or '', tostring(answer.err)}
      error('', 2)
    end
    return answer
  end
  local _, stop = pcall(body, position, limit, keep, closed)
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
  -- Servers word a refusal in different ways: 6.2 puts its own position or a dash in front. Where the way back was
  -- refused too, the body did not run again: then its error is all that is known.
  words = string.gsub(string.gsub(refused and refused[3] or tostring(reply), '^@user_script: ?%d+: ', ''), '^%-', '')
  place = refused and place .. ': ' .. refused[1] .. ' ' .. refused[2] or place
  if find(words, 'WRONGTYPE', 1, true) or find(words, 'not an integer', 1, true) then
    text = 'SEQUERE_WRONGTYPE ' .. place .. ': the key holds something that is not part of the graph; '
      .. 'move it away, then run audit (' .. words .. ')'
  elseif find(words, 'ACL', 1, true) or find(words, 'NOPERM', 1, true)
    or find(words, 'The user executing the script', 1, true) then
    text = 'SEQUERE_DENIED ' .. place .. ': grant this user the command and the key (' .. words .. ')'
  else
    -- READONLY, OOM, MISCONF ...: the server's own code stays first, where clients look for it.
    text = words .. ' (' .. place .. ')'
  end
else
  text = 'SEQUERE_FAILED ' .. place .. ': ' .. (words or tostring(reply)) .. '; please report this'
end
return redis.error_reply(text)
