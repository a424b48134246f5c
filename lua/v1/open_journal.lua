--!df flags=allow-undeclared-keys
-- sequere v1 open_journal: generated from lua/src/open_journal.lua, do not edit
--- Creates the journal. Its first entry has the operation open. From then on each change of an edge is appended to the
--- journal, and a call with the journal as guard runs.
--
-- ARGV
--   mark        mark?         the mark that the caller has read; empty: there was none
--   opened      mark          the new mark
--   entry       entry         the id of the first entry, which fence has issued to this caller
-- REPLY outcome
--   1 opened    the journal exists
--   0 refused   the journal existed, the mark has changed, or fence was called again; nothing was written
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/open_journal.lua sequere: sequere:global:uid , begun opened 1382676091612-7
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_WRONGTYPE
local SCRIPT = 'open_journal'
--- The frame of every script. The build replaces the marks with the pieces of a source, and mark, opened, entry with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local mark, opened, entry = ARGV[1], ARGV[2], ARGV[3]
if mark == '' then mark = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local undo = false -- how to undo the writes, newest first: {the undo of the writes before it, command, key, ...}
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_mark.lua:1
--- Whether the mark is still the one that the caller has read. Every script of a rebuild and of an adoption sets it, so
--- a server that loses their writes loses the mark too. If the mark has changed, another run has continued the work.
local mark_key = prefix .. 'global:mark'
local function is_marked(mark)
  return (call('GET', mark_key) or '') == (mark or '')
end

local function body(mark, opened, entry)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from open_journal.lua:18
  local journal, fence = prefix .. 'global:journal', prefix .. 'global:fence'
  if call('EXISTS', journal) == 1 or not is_marked(mark) or call('GET', fence) ~= entry then
    return 0
  end
  call('SET', mark_key, opened)
  undo = mark and {undo, 'SET', mark_key, mark} or {undo, 'DEL', mark_key}
  call('DEL', fence)
  undo = {undo, 'SET', fence, entry}
  call('XADD', journal, entry, 'operation', 'open')
  undo = {undo, 'DEL', journal} -- it did not exist before
  return 1
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 3 and #ARGV <= 3
  and (not mark or #mark >= 1 and #mark <= 255)
  and #opened >= 1 and #opened <= 255
  and #entry <= 41 and find(entry, '^%d+%-%d+$')
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
  local function is_mark(value)
    return #value >= 1 and #value <= 255
  end
  if not (#KEYS == 2 and #ARGV >= 3 and #ARGV <= 3) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 3 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  if mark then
    check('mark', mark, is_mark, 'SEQUERE_ARGUMENT', '1 to 255 bytes')
  end
  check('opened', opened, is_mark, 'SEQUERE_ARGUMENT', '1 to 255 bytes')
  check('entry', entry, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
end
local done, reply
if not reason then
  done, reply = pcall(body, mark, opened, entry)
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
  local _, stop = pcall(body, mark, opened, entry)
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
