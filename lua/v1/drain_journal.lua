--!df flags=allow-undeclared-keys
-- sequere v1 drain_journal: generated from lua/src/drain_journal.lua, do not edit
--- Reads the mark, the state of the journal, and its entries from a position on. It removes the entries before the
--- position if the journal has the entry at the position and the mark has the given epoch. Give an epoch only with a
--- position that the database has committed.
--
-- ARGV
--   position    entry?        the last entry that the database has; empty: from the beginning
--   limit       1..400        the most entries to reply
--   epoch       entry?        the epoch of the graph that the database follows; empty: remove nothing
-- REPLY tuple
--   mark        text?         empty if there is none
--   last_uid    text?         the last uid given out; empty if there is no graph
--   now         text          the server's clock, milliseconds since the epoch
--   length      integer       the number of entries in the journal; 0 if there is no journal
--   oldest      entry?        the id of its oldest entry; empty if there is none
--   opening     text?         the operation of the oldest entry
--   last        entry?        the id of its last entry; empty if there is none
--   entries     repeated
--     id               entry
--     operation        text         add, remove, forget or open; "not UTF-8" if a field is not: it shows bytes as \255
--     relation         text?        this and the fields below are empty if the entry does not have them
--     from_identifier  text?
--     from_object_id   text?
--     to_identifier    text?
--     to_object_id     text?
--     timestamp        text?        seconds since the epoch, UTC
--     payload          text?
-- COST
--   O(M + D), M the limit, D the entries removed
-- EXAMPLE
--   redis-cli --eval lua/v1/drain_journal.lua sequere: sequere:global:uid , '' 100
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_DENIED SEQUERE_FAILED SEQUERE_LIMIT SEQUERE_WRONGTYPE
local SCRIPT = 'drain_journal'
--- The frame of every script. The build replaces the marks with the pieces of a source, and position, limit, epoch with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local position, limit, epoch = ARGV[1], ARGV[2], ARGV[3]
if position == '' then position = nil end
if epoch == '' then epoch = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_utf8.lua:1
--- Whether a text is well-formed UTF-8.
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

local function body(position, limit, epoch)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  limit = tonumber(limit)
  -- @from drain_journal.lua:34
  local FIELDS = {
    'operation', 'relation', 'from_identifier', 'from_object_id', 'to_identifier', 'to_object_id', 'timestamp', 'payload',
  }

  local function escape(byte)
    return '\\' .. string.byte(byte)
  end

  --- Appends an entry to the reply.
  local function append(reply, entry)
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

  local journal, mark = prefix .. 'global:journal', call('GET', prefix .. 'global:mark') or ''
  local entries = call('XRANGE', journal, position or '-', '+', 'COUNT', limit)
  local now, length = call('TIME'), call('XLEN', journal)
  local reply = {mark, call('GET', last_uid) or '', format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))}
  local first = call('XRANGE', journal, '-', '+', 'COUNT', 1)[1]
  local final = call('XREVRANGE', journal, '+', '-', 'COUNT', 1)[1]
  if epoch and entries[1] and entries[1][1] == position and find(mark, epoch .. ' ', 1, true) == 1 then
    first = entries[1]
    length = length - call('XTRIM', journal, 'MINID', position) -- the last command: nothing after it can fail
  end
  local oldest = {}
  if first then
    append(oldest, first)
  end
  reply[4], reply[5], reply[6], reply[7] = length, oldest[1] or '', oldest[2] or '', final and final[1] or ''
  for _, entry in ipairs(entries) do
    append(reply, entry)
  end
  return reply
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 2 and #ARGV <= 3
  and (not position or #position <= 41 and find(position, '^%d+%-%d+$'))
  and #limit <= 15 and find(limit, '^%d+$') and limit + 0 >= 1 and limit + 0 <= 400
  and (not epoch or #epoch <= 41 and find(epoch, '^%d+%-%d+$'))
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_entry(value)
    return #value <= 41 and find(value, '^%d+%-%d+$')
  end
  if not (#KEYS == 2 and #ARGV >= 2 and #ARGV <= 3) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 2 to 3 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  if position then
    check('position', position, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
  end
  check('limit', limit, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 1 and value + 0 <= 400 end, 'SEQUERE_LIMIT', 'a whole number from 1 to 400')
  if epoch then
    check('epoch', epoch, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, position, limit, epoch)
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
  local _, stop = pcall(body, position, limit, epoch)
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
