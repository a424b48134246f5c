--!df flags=allow-undeclared-keys
-- sequere v1 clear_graph: generated from lua/src/clear_graph.lua, do not edit
--- Removes keys of the graph during a rebuild. The caller finds them with SCAN. If another rebuild has changed the
--- mark, this script removes nothing.
--
-- ARGV
--   mark        mark          the mark that the caller has read
--   reached     mark          the new mark
--   keys        key[1..500]   keys that begin with {prefix}uid:, or {prefix}global:uid
-- REPLY outcome
--   1 cleared   none of these keys exists
--   0 refused   there is a journal, or the mark has changed; nothing was removed
-- COST
--   O(M), M keys
-- EXAMPLE
--   redis-cli --eval lua/v1/clear_graph.lua sequere: sequere:global:uid , begun on sequere:uid:user:1
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_CORRUPT SEQUERE_DENIED SEQUERE_FAILED SEQUERE_WRONGTYPE
local SCRIPT = 'clear_graph'
--- The frame of every script. The build replaces the marks with the pieces of a source, and mark, reached, keys with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local mark, reached = ARGV[1], ARGV[2]
local keys = 3 -- the place of the first one in ARGV
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

local function body(mark, reached, keys)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  -- @from clear_graph.lua:18
  if call('EXISTS', prefix .. 'global:journal') == 1 or not is_marked(mark) then
    return 0
  end
  call('SET', mark_key, reached)
  undo = {undo, 'SET', mark_key, mark}
  call('UNLINK', unpack(ARGV, keys)) -- one command: it removes all or, if refused, none
  return 1
end

local reason -- why this script refuses the call: code, text, value
local function is_key(value)
  local of_uids = prefix .. 'uid:'
  return string.sub(value, 1, #of_uids) == of_uids or value == prefix .. 'global:uid'
    or value == prefix .. 'global:kinds'
end
local right = #KEYS == 2 and #ARGV >= 3 and #ARGV <= 502
  and #mark >= 1 and #mark <= 255
  and #reached >= 1 and #reached <= 255
for i = 3, right and #ARGV or 0, 1 do
  local each_keys = ARGV[i]
  right = right and is_key(each_keys)
end
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  local function is_mark(value)
    return #value >= 1 and #value <= 255
  end
  if not (#KEYS == 2 and #ARGV >= 3 and #ARGV <= 502) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 2 arguments and 1 to 500 keys; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  check('mark', mark, is_mark, 'SEQUERE_ARGUMENT', '1 to 255 bytes')
  check('reached', reached, is_mark, 'SEQUERE_ARGUMENT', '1 to 255 bytes')
  for i = 3, reason and 0 or #ARGV, 1 do
    check('keys ' .. i - 2, ARGV[i], is_key, 'SEQUERE_ARGUMENT', 'a key of the graph')
  end
end
local done, reply
if not reason then
  done, reply = pcall(body, mark, reached, keys)
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
  local _, stop = pcall(body, mark, reached, keys)
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
