--- The frame of every script: its body runs inside run(), which turns
--- whatever stops it into one returned error reply.

local prefix, guard = KEYS[1], KEYS[2]
local refused -- the command that the server refused: name, key, the server's words

--- Stops the script with an error reply; its first word is a constant code.
local function refuse(code, text)
  error({reply = code .. ' ' .. SCRIPT .. ': ' .. text})
end

--- A value as an error text may show it: printable and short.
local function shown(value)
  if #value > 60 then
    return '"' .. string.gsub(string.sub(value, 1, 60), '%c', '?') .. '..." (' .. #value .. ' bytes)'
  end
  return '"' .. string.gsub(value, '%c', '?') .. '"'
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

--- The error text for what a server refused. Servers word a refusal in
--- different ways: 6.2 puts its own position or a dash in front.
local function refusal(line)
  local words = string.gsub(refused.words, '^@user_script: ?%d+: ', '')
  words = string.gsub(words, '^%-', '')
  local place = SCRIPT .. ' line ' .. line .. ': ' .. refused.command .. ' ' .. refused.key
  if string.find(words, 'WRONGTYPE', 1, true) or string.find(words, 'not an integer', 1, true) then
    return 'SEQUERE_WRONGTYPE ' .. place .. ': the key holds something that is not part of the graph; '
      .. 'move it away, then run audit (' .. words .. ')'
  end
  if string.find(words, 'ACL', 1, true) or string.find(words, 'NOPERM', 1, true)
    or string.find(words, 'The user executing the script', 1, true) then
    return 'SEQUERE_DENIED ' .. place .. ': grant this user the command and the key (' .. words .. ')'
  end
  -- READONLY, OOM, MISCONF ...: the server's own code stays first, where clients look for it
  return words .. ' (' .. place .. ')'
end

--- Runs the body and returns its reply; on_error, if given, runs before an error is returned.
local function run(body, on_error)
  local done, reply = pcall(body)
  if done then
    return reply
  end
  if on_error then
    on_error()
  end
  if type(reply) == 'table' then
    return redis.error_reply(reply.reply)
  end
  local line, words = string.match(tostring(reply), ':(%d+): ?(.*)$')
  if refused then
    return redis.error_reply(refusal(line or '?'))
  end
  return redis.error_reply('SEQUERE_FAILED ' .. SCRIPT .. ' line ' .. (line or '?') .. ': '
    .. (words or tostring(reply)) .. '; please report this')
end

--- Checks how many keys and arguments came, and the guard. Without most there may be any number more.
local function expect(least, most)
  if #KEYS < 1 or #KEYS > 2 then
    refuse('SEQUERE_ARGUMENT', 'takes the prefix and at most one guard as keys; got ' .. #KEYS .. ' keys')
  end
  if #ARGV < least or #ARGV > (most or #ARGV) then
    local range = most == least and '' or ' to ' .. (most or 'many')
    refuse('SEQUERE_ARGUMENT', 'takes ' .. least .. range .. ' arguments; got ' .. #ARGV)
  end
  if guard and call('EXISTS', guard) == 0 then
    refuse('SEQUERE_COLD', 'the guard ' .. guard .. ' does not exist: this server has lost its memory')
  end
end
