--!df flags=allow-undeclared-keys
-- sequere v1 journal_state: generated from lua/src/journal_state.lua, do not edit
--- Reads the state of the journal, and of a rebuild if one is under way.
--
-- ARGV
--   position    entry?        the last entry that the database has; empty or left out: none
-- REPLY tuple
--   length      integer       entries in the journal; 0 if there is none
--   last        entry?        id of the journal's last entry; empty if there is none
--   waiting     entry?        id of its first entry after the position; empty if there is none
--   now         text          the server's clock, milliseconds since the epoch
--   closed      entry?        id of the last entry of a journal that was closed; empty if there is none
--   progress    text?         how far a rebuild is; empty if none is under way
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/journal_state.lua sequere: sequere:global:uid , ''
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_DENIED SEQUERE_FAILED SEQUERE_WRONGTYPE
local SCRIPT = 'journal_state'
--- The frame of every script; the build puts the pieces of a source in the places of the marks, and the names of the
--- header where the body takes its arguments. What is needed only to refuse a call comes after the reply, and the body
--- takes its arguments as parameters: each call creates the closures that it reaches, and an upvalue for each variable
--- that they share, so there are few of both.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local position = ARGV[1]
if position == '' then position = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's words
-- @from include/_rebuild.lua:1
--- Whether a rebuild is where the caller left it. The key is written by the very scripts that do the work, so a
--- server that forgets the one forgets the other. Where it says something else, another rebuild went on or the server
--- has lost its memory; where there is a journal, the rebuild is over.
local progress_key = prefix .. 'global:rebuild'
local function is_at(progress)
  return call('EXISTS', prefix .. 'global:journal') == 0 and (call('GET', progress_key) or '') == (progress or '')
end

local function body(position)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its memory, '
      .. 'or its journal was closed; the database answers'})
  end
  -- @from journal_state.lua:19
  local function last_of(key)
    local entry = call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
    return entry and entry[1] or ''
  end

  local journal = prefix .. 'global:journal'
  local waiting = call('XRANGE', journal, position and '(' .. position or '-', '+', 'COUNT', 1)[1]
  local now = call('TIME')
  return {
    call('XLEN', journal), last_of(journal), waiting and waiting[1] or '',
    format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000)),
    last_of(journal .. ':closed'), call('GET', progress_key) or '',
  }
end

local reason -- why this script refuses: code, text, value
local right = #KEYS == 2 and #ARGV >= 0 and #ARGV <= 1
  and (not position or #position <= 41 and find(position, '^%d+%-%d+$'))
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
  if not (#KEYS == 2 and #ARGV >= 0 and #ARGV <= 1) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 0 to 1 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  if position then
    check('position', position, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, position)
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
  local _, stop = pcall(body, position)
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
