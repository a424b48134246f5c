--!df flags=allow-undeclared-keys
-- sequere v1 open_journal: generated from lua/src/open_journal.lua, do not edit
--- Ends a rebuild: makes the journal, with one entry of the operation open that says how far
--- the rebuild was. From here on changes are noted and a guard holds.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   progress         progress?    how far the caller thinks the rebuild is; empty: none is under way
--   entry            entry        the id of the first entry, younger than all that the database has seen
-- REPLY integer
--   1                the journal is there
--   0                the rebuild is not there, or there is a journal; nothing changed
-- ERRORS
--   SEQUERE_ARGUMENT
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_CORRUPT SEQUERE_FAILED
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/open_journal.lua sequere: , '' 1382676091612-0
local SCRIPT = 'open_journal'
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
-- @from include/_undo.lua:2
--- A script that fails half-way keeps what it wrote. So each write leaves its
--- inverse here: four places each for command, key and up to two arguments.

local undo = {}

--- Runs the inverses, the newest first. Returns the beginning of an error text if one was refused.
local function take_back()
  local kept
  for i = #undo - 3, 1, -4 do
    local command, key, one, other = undo[i], undo[i + 1], undo[i + 2], undo[i + 3]
    local answer
    if other then
      answer = redis.pcall(command, key, one, other)
    elseif one then
      answer = redis.pcall(command, key, one)
    else
      answer = redis.pcall(command, key)
    end
    if command == 'DECR' and type(answer) == 'number' and answer <= 0 then
      answer = redis.pcall('DEL', key)
    end
    if type(answer) == 'table' and answer.err then
      kept = kept or 'SEQUERE_CORRUPT ' .. SCRIPT .. ': stopped half-way and could not set back ' .. key
        .. '; run audit with repair. What stopped it: '
    end
  end
  return kept
end
-- @from include/_journal_key.lua:3
--- The key of the journal: a stream of what changed, in order.
local function journal_key()
  return prefix .. 'global:journal'
end
-- @from include/_progress_key.lua:3
--- The key that says how far a rebuild is. It is written by the very scripts that
--- do the work, so that a server which forgets the one forgets the other.
local function progress_key()
  return prefix .. 'global:rebuild'
end
-- @from include/_is_at.lua:4
--- Whether the rebuild is where the caller left it. Where it is not, another one went on
--- or the server has lost its memory; where there is a journal, the rebuild is over.
local function is_at(progress)
  return call('EXISTS', journal_key()) == 0 and (call('GET', progress_key()) or '') == progress
end
-- @from include/_check_progress.lua:3
local function check_progress(name, value, least)
  if #value < least or #value > 255 then
    refuse('SEQUERE_ARGUMENT', name .. ' must be ' .. least .. ' to 255 bytes', value)
  end
end
-- @from open_journal.lua:26
local progress, entry = ARGV[1], ARGV[2]

return run(2, 2, function()
  check_progress('progress', progress, 0)
  check_entry_id('entry', entry)
  if not is_at(progress) then
    return 0
  end
  if progress ~= '' then
    local n = #undo
    call('DEL', progress_key())
    undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'SET', progress_key(), progress, false
  end
  -- The last write: nothing after it can fail.
  call('XADD', journal_key(), entry, 'operation', 'open', 'progress', progress)
  return 1
end, take_back)
