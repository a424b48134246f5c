--!df flags=allow-undeclared-keys
-- sequere v1 journal_state: generated from lua/src/journal_state.lua, do not edit
--- Tells how the journal stands, and a rebuild if one is under way.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   position         entry?       the last entry that the database has; empty: none
-- REPLY flat array
--   length           integer: entries in the journal; 0 if there is none
--   last             text: id of the journal's last entry; empty if there is none
--   waiting          text: id of its first entry after the position; empty if there is none
--   now              text: the server's clock, milliseconds since the epoch
--   closed           text: id of the last entry of a journal that was closed; empty if there is none
--   progress         text: how far a rebuild is; empty if none is under way
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/journal_state.lua sequere: , ''
local SCRIPT = 'journal_state'
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
-- @from include/_progress_key.lua:3
--- The key that says how far a rebuild is. It is written by the very scripts that
--- do the work, so that a server which forgets the one forgets the other.
local function progress_key()
  return prefix .. 'global:rebuild'
end
-- @from journal_state.lua:26
local position = ARGV[1]

local function last_of(key)
  local entry = call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  return entry and entry[1] or ''
end

return run(0, 1, function()
  local from = '-'
  if position and position ~= '' then
    check_entry_id('position', position)
    from = '(' .. position
  end
  local journal = journal_key()
  local waiting = call('XRANGE', journal, from, '+', 'COUNT', 1)[1]
  local now = call('TIME')
  return {
    call('XLEN', journal), last_of(journal), waiting and waiting[1] or '',
    string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000)),
    last_of(closed_key()), call('GET', progress_key()) or '',
  }
end)
