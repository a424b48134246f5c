--!df flags=allow-undeclared-keys
-- sequere v1 begin_rebuild: generated from lua/src/begin_rebuild.lua, do not edit
--- Begins to fill a Redis without a journal from the database: sets the mark, which the other scripts of the rebuild
--- update.
--
-- ARGV
--   mark        mark?         the mark that the caller has read; empty: there was none
--   epoch       entry         the id of the new copy, issued by fence
--   replace     0|1           1 to replace a graph even if it may not be a copy of the database
-- REPLY outcome
--   1 begun     the mark is now "epoch clear - epoch"
--   0 refused   there is a journal, or the mark has changed; nothing was written
--   2 unmarked  there is a graph without a mark, or one that was being adopted; nothing was written
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/begin_rebuild.lua sequere: sequere:global:uid , '' 1382676091612-7 0
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_DENIED SEQUERE_FAILED SEQUERE_WRONGTYPE
local SCRIPT = 'begin_rebuild'
--- The frame of every script. The build replaces the marks with the pieces of a source, and mark, epoch, replace with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local mark, epoch, replace = ARGV[1], ARGV[2], ARGV[3]
if mark == '' then mark = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text
-- @from include/_mark.lua:1
--- Whether the mark is still the one that the caller has read. Every script of a rebuild and of an adoption sets it, so
--- a server that loses their writes loses the mark too. If the mark has changed, another run has continued the work.
local mark_key = prefix .. 'global:mark'
local function is_marked(mark)
  return (call('GET', mark_key) or '') == (mark or '')
end

local function body(mark, epoch, replace)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from begin_rebuild.lua:19
  if call('EXISTS', prefix .. 'global:journal') == 1 or not is_marked(mark) then
    return 0
  end
  if replace == '0' and call('EXISTS', last_uid) == 1 and not (mark and not find(mark, ' adopt ', 1, true)) then
    return 2
  end
  call('SET', mark_key, epoch .. ' clear - ' .. epoch) -- the only write: nothing after it can fail
  return 1
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 3 and #ARGV <= 3
  and (not mark or #mark >= 1 and #mark <= 255)
  and #epoch <= 41 and find(epoch, '^%d+%-%d+$')
  and (replace == '0' or replace == '1')
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
  check('epoch', epoch, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
  check('replace', replace, function(value) return value == '0' or value == '1' end, 'SEQUERE_ARGUMENT', '0 or 1')
end
local done, reply
if not reason then
  done, reply = pcall(body, mark, epoch, replace)
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
  local _, stop = pcall(body, mark, epoch, replace)
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
