--!df flags=allow-undeclared-keys
-- sequere v1 delete_journal: generated from lua/src/delete_journal.lua, do not edit
--- Removes the journal if its last entry is the last one that the caller has read. After that no entry is added, and a
--- call with the journal as guard gets SEQUERE_COLD.
--
-- ARGV
--   last        entry         the last entry that the caller has read
--   release     0|1           1 to remove the mark too: calls without a guard may then write
-- REPLY outcome
--   1 deleted   the journal is removed
--   0 refused   the last entry is another one, or there is no journal; nothing was removed
-- COST
--   O(N), N entries in the journal
-- EXAMPLE
--   redis-cli --eval lua/v1/delete_journal.lua sequere: sequere:global:uid , 1382676091612-0 0
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_WRONGTYPE
local SCRIPT = 'delete_journal'
--- The frame of every script. The build replaces the marks with the pieces of a source, and last, release with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local last, release = ARGV[1], ARGV[2]
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local undo = false -- how to undo the writes, newest first: {the undo of the writes before it, command, key, ...}
local refused = false -- what the server refused: command, key, the server's error text

local function body(last, release)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from delete_journal.lua:15
  local mark_key, journal = prefix .. 'global:mark', prefix .. 'global:journal'
  local entry = call('XREVRANGE', journal, '+', '-', 'COUNT', 1)[1]
  if not entry or entry[1] ~= last then
    return 0
  end
  local mark = release == '1' and call('GET', mark_key)
  if mark then
    call('DEL', mark_key)
    undo = {undo, 'SET', mark_key, mark}
  end
  call('DEL', journal) -- a server that is out of memory accepts it too
  return 1
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 2 and #ARGV <= 2
  and #last <= 41 and find(last, '^%d+%-%d+$')
  and (release == '0' or release == '1')
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
  if not (#KEYS == 2 and #ARGV >= 2 and #ARGV <= 2) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 2 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('last', last, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
  check('release', release, function(value) return value == '0' or value == '1' end, 'SEQUERE_ARGUMENT', '0 or 1')
end
local done, reply
if not reason then
  done, reply = pcall(body, last, release)
  if done then
    return reply
  end
end

-- From here on the call is refused.
local stuck = false -- what could not be undone: a key, and the command that was to undo it

--- Undoes the writes, newest first.
local function take_back()
  while undo do
    local answer = redis.pcall(unpack(undo, 2))
    if type(answer) == 'table' and answer.err then
      stuck = stuck or undo[3] .. ' with ' .. undo[2]
    end
    undo = undo[1]
  end
end

take_back()
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
  local _, stop = pcall(body, last, release)
  reply = refused and stop or reply
  take_back()
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
if stuck then
  text = 'SEQUERE_CORRUPT ' .. SCRIPT .. ': stopped half-way and could not undo the write to ' .. stuck
    .. '; run audit with repair. The first error: ' .. text
end
return redis.error_reply(text)
