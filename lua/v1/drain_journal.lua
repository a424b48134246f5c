--!df flags=allow-undeclared-keys
-- sequere v1 drain_journal: generated from lua/src/drain_journal.lua, do not edit
--- Drops the journal's entries before a position and reads those from there on. Call it with
--- the position that the database has committed; if the first entry that comes back is
--- not the one at that position, this is not the journal that was read so far.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   position         entry?       the last entry that the database has; empty: from the beginning, drop nothing
--   limit            number       entries wanted, 1 to 1000
--   keep             flag?        1 to drop nothing
--   closed           flag?        1 to read the journal that close_journal put away, and drop nothing
-- REPLY flat array
--   id               of the first entry; these eight repeat for each entry
--   operation        of the first entry: follow, unfollow or open; "not UTF-8" if one of those that follow
--                    is not: then its bytes come as \255
--   from_identifier  of the first entry; like those that follow, empty if the entry lacks it
--   from_object_id   of the first entry
--   to_identifier    of the first entry
--   to_object_id     of the first entry
--   timestamp        of the first entry: seconds since the epoch, UTC
--   progress         of the first entry: of open, how far the rebuild was that made the journal
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_LIMIT SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(M + D), M the limit, D the entries dropped
-- EXAMPLE
--   redis-cli --eval lua/v1/drain_journal.lua sequere: , '' 100
local SCRIPT = 'drain_journal'
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
-- @from include/_entry_id.lua:3
--- Refuses what is not the id of a journal's entry.
local function check_entry_id(name, value)
  if #value > 41 or not string.find(value, '^%d+%-%d+$') then
    refuse('SEQUERE_ARGUMENT', name .. ' must be the id of an entry, such as 1382676091612-0', value)
  end
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
-- @from include/_journal_key.lua:3
--- The key of the journal: a stream of what changed, in order.
local function journal_key()
  return prefix .. 'global:journal'
end
-- @from include/_closed_key.lua:3
--- The key of a journal that takes no more entries.
local function closed_key()
  return journal_key() .. ':closed'
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
-- @from drain_journal.lua:35
local position, limit, keep, closed = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local FIELDS = {
  'operation', 'from_identifier', 'from_object_id', 'to_identifier', 'to_object_id', 'timestamp', 'progress',
}

local function escape(byte)
  return '\\' .. string.byte(byte)
end

local function check_flag(name, value)
  if value and value ~= '' and value ~= '0' and value ~= '1' then
    refuse('SEQUERE_ARGUMENT', name .. ' must be 0 or 1', value)
  end
end

return run(2, 4, function()
  if position ~= '' then
    check_entry_id('position', position)
  end
  local most = check_number('limit', limit, 1, 1000)
  check_flag('keep', keep)
  check_flag('closed', closed)
  local journal = closed == '1' and closed_key() or journal_key()
  local entries = call('XRANGE', journal, position == '' and '-' or position, '+', 'COUNT', most)
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
      if not is_utf8(text) then
        text, reply[n + 2] = string.gsub(text, '[\128-\255]', escape), 'not UTF-8'
      end
      reply[n + 1 + i] = reply[n + 1 + i] or text
    end
  end
  return reply
end)
