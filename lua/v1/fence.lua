--!df flags=allow-undeclared-keys
-- sequere v1 fence: generated from lua/src/fence.lua, do not edit
--- Issues a new id if there is no journal, and revokes the right of every earlier caller to open one. A process that
--- changes the database because Redis is cold calls it first, so that a late script of a transaction that was rolled
--- back cannot open the journal.
--
-- ARGV
--   after       entry?                  an id that the new one must follow; empty: none
--   random      0..999999999999999      a random number; it distinguishes ids of the same millisecond
--   opens       0|1                     1 if open_journal may use this id
-- REPLY text?
--   the id; empty if there is a journal
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/fence.lua sequere: sequere:global:uid , '' 450359962737049 0
-- KEYS
--   prefix      start of every key, such as sequere:
--   guard       {prefix}global:uid; or another key: unless that one exists the reply is SEQUERE_COLD
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_DENIED SEQUERE_FAILED SEQUERE_LIMIT SEQUERE_WRONGTYPE
local SCRIPT = 'fence'
--- The frame of every script. The build replaces the marks with the pieces of a source, and after, random, opens with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
local after, random, opens = ARGV[1], ARGV[2], ARGV[3]
if after == '' then after = nil end
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
local refused = false -- what the server refused: command, key, the server's error text

local function body(after, random, opens)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  random = tonumber(random)
  -- @from fence.lua:16
  if call('EXISTS', prefix .. 'global:journal') == 1 then
    return ''
  end
  local key, now = prefix .. 'global:fence', call('TIME')
  local milliseconds = now[1] * 1000 + math.floor(now[2] / 1000)
  if after then -- clocks may differ or be set back
    milliseconds = math.max(milliseconds, string.match(after, '^%d+') + 1)
  end
  local id = format('%.0f-%.0f', milliseconds, random)
  if opens == '1' then -- the only write: if it is refused, nothing has changed
    call('SET', key, id)
  else
    call('DEL', key) -- a server that is out of memory accepts it too
  end
  return id
end

local reason -- why this script refuses the call: code, text, value
local right = #KEYS == 2 and #ARGV >= 3 and #ARGV <= 3
  and (not after or #after <= 41 and find(after, '^%d+%-%d+$'))
  and #random <= 15 and find(random, '^%d+$') and random + 0 >= 0 and random + 0 <= 999999999999999
  and (opens == '0' or opens == '1')
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
  if not (#KEYS == 2 and #ARGV >= 3 and #ARGV <= 3) then
    reason = {'SEQUERE_ARGUMENT', 'takes 2 keys and 3 arguments; got ' .. #KEYS .. ' and ' .. #ARGV}
  end
  if after then
    check('after', after, is_entry, 'SEQUERE_ARGUMENT', 'the id of an entry, such as 1382676091612-0')
  end
  check('random', random, function(value) return #value <= 15 and find(value, '^%d+$') and value + 0 >= 0 and value + 0 <= 999999999999999 end, 'SEQUERE_LIMIT', 'a whole number from 0 to 999999999999999')
  check('opens', opens, function(value) return value == '0' or value == '1' end, 'SEQUERE_ARGUMENT', '0 or 1')
end
local done, reply
if not reason then
  done, reply = pcall(body, after, random, opens)
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
  local _, stop = pcall(body, after, random, opens)
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
