--- The frame of every script. The build replaces the marks with the pieces of a source, and ARGUMENTS with the names of
--- the header. Each call creates the closures that it reaches, and an upvalue for each variable that they share. To
--- save both, the code that only a refusal needs comes after the reply, and the body takes its arguments as parameters.
local prefix, guard = KEYS[1] or '', KEYS[2] or ''
--- @unpack
local call, find, format = redis.call, string.find, string.format
local last_uid, uids = prefix .. 'global:uid', prefix .. 'uid:'
--- @if undo
local undo = false -- how to undo the writes, newest first: {the undo of the writes before it, command, key, ...}
--- @end
--- @if changes
local journal, is_noted = prefix .. 'global:journal', false -- the key of the journal, and whether it exists
local changes = false -- a flat array: operation, relation, both resources and timestamp of each entry
--- @end
--- @if noted
local noted = '' -- a script that returns this replies the id of the last entry
--- @end
local refused = false -- what the server refused: command, key, the server's error text
--- @includes

local function body(ARGUMENTS)
  if guard ~= last_uid and call('EXISTS', guard) == 0 then
    error({'SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its data, '
      .. 'or its journal was closed; ask the database instead'})
  end
  --- @if changes
  is_noted = guard == journal
  if not is_noted then
    local found = call('EXISTS', journal, prefix .. 'global:mark')
    is_noted = found == 2 or found == 1 and call('EXISTS', journal) == 1
    --- @if refuses
    if found == 1 and not is_noted then
      error({'SEQUERE_COLD', 'the key ' .. prefix .. 'global:mark exists but the journal does not: Redis is being '
        .. 'filled from the database, or write-behind was closed; ask the database instead'})
    end
    --- @end
  end
  --- @end
  --- @body
end

local reason -- why this script refuses the call: code, text, value
--- @quick
if not right then
  --- Refuses a wrong value; only the first one is reported.
  local function check(name, value, is_right, code, text)
    if not reason and not is_right(value) then
      reason = {code, name .. ' must be ' .. text, value}
    end
  end
  --- @check
end
local done, reply
if not reason then
  done, reply = pcall(body, ARGUMENTS)
  --- @if changes
  if done and changes and is_noted then
    -- An XADD cannot be undone without a trace. So it comes after all other writes, and never from a body that runs for
    -- the second time.
    local i, answer = 1
    repeat
      answer = redis.pcall('XADD', journal, '*', 'operation', changes[i], 'relation', changes[i + 1],
        'from_identifier', changes[i + 2], 'from_object_id', changes[i + 3],
        'to_identifier', changes[i + 4], 'to_object_id', changes[i + 5], 'timestamp', changes[i + 6])
      i = i + 7
    until not changes[i] or type(answer) == 'table'
    if type(answer) == 'table' then
      refused = {'XADD', journal, tostring(answer.err)}
      done, reply = pcall(error, '', 2) -- false, and the number of this line
    --- @if noted
    else
      reply = answer
    --- @end
    end
  end
  --- @end
  if done then
    return reply
  end
end

-- From here on the call is refused.
local stuck = false -- what could not be undone: a key, and the command that was to undo it
--- @if undo

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
--- @end
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
  local _, stop = pcall(body, ARGUMENTS)
  reply = refused and stop or reply
  --- @if undo
  take_back()
  --- @end
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
--- @if undo
if stuck then
  text = 'SEQUERE_CORRUPT ' .. SCRIPT .. ': stopped half-way and could not undo the write to ' .. stuck
    .. '; run audit with repair. The first error: ' .. text
end
--- @end
return redis.error_reply(text)
