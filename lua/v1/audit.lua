--!df flags=allow-undeclared-keys
-- sequere v1 audit: generated from lua/src/audit.lua, do not edit
--- Holds one resource's part of the graph against itself, in bounded steps, and
--- mends it on request. An edge that any of its four entries still knows is an
--- edge: repair restores, it drops only entries whose resource nobody knows and
--- friendships without their two edges. Keys of a wrong type are named and left.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   identifier       identifier
--   object_id        object_id
--   cursor           cursor?      what the call before gave; empty: begin
--   limit            number       entries to look at in this call, 1 to 500
--   repair           flag         1 mends what is found, 0 only reports
--   identifiers      identifier...  1 to 100 identifiers whose lists to look into
-- REPLY flat array
--   cursor           text: pass it for the next step; empty after the last one
--   checked          integer: entries looked at by this call
--   kind             of the first finding: count, missing, surplus, score, orphan,
--                    mapping or wrongtype; these three repeat for each finding
--   key              of the first finding: the key concerned
--   detail           of the first finding: what is wrong, in words
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID SEQUERE_LIMIT SEQUERE_CURSOR
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(M log N), M the limit, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/audit.lua sequere: , user 1 '' 100 0 user project
local SCRIPT = 'audit'
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
-- @from include/_identifier.lua:3
--- Refuses what is not an identifier. "count" would give the list of that
--- identifier and the count of the whole list one and the same key. The side is
--- what stands before the name in the arguments, such as "from_".
local function check_identifier(side, value)
  if #value < 1 or #value > 50 or string.find(value, '[^A-Za-z0-9_.%-]') or not string.find(value, '%D')
    or value == 'count' then
    refuse('SEQUERE_IDENTIFIER', side .. 'identifier must be 1 to 50 characters of A-Z a-z 0-9 _ . -, '
      .. 'not digits alone and not "count"', value)
  end
end
-- @from include/_utf8.lua:1
--- Whether a text is well-formed UTF-8.
local function is_utf8(text)
  if not string.find(text, '[\128-\255]') then
    return true
  end
  -- Each character beyond ASCII becomes a letter; what is left over is none.
  for _, pattern in ipairs({
    '[\194-\223][\128-\191]', '\224[\160-\191][\128-\191]', '[\225-\236\238\239][\128-\191][\128-\191]',
    '\237[\128-\159][\128-\191]', '\240[\144-\191][\128-\191][\128-\191]',
    '[\241-\243][\128-\191][\128-\191][\128-\191]', '\244[\128-\143][\128-\191][\128-\191]',
  }) do
    text = string.gsub(text, pattern, 'x')
  end
  return not string.find(text, '[\128-\255]')
end
-- @from include/_resource.lua:4
--- Refuses what is not a resource, the pair identifier, object_id. The side is
--- what stands before the two names in the arguments: "from_", "to_" or nothing.
local function check_resource(side, identifier, object_id)
  check_identifier(side, identifier)
  if #object_id < 1 or #object_id > 255 or string.find(object_id, '%z') or not is_utf8(object_id) then
    refuse('SEQUERE_OBJECT_ID', side .. 'object_id must be 1 to 255 bytes of UTF-8 without NUL', object_id)
  end
end
-- @from include/_uid_key.lua:3
--- The key that holds the uid of a resource.
local function uid_key(identifier, object_id)
  return prefix .. 'uid:' .. identifier .. ':' .. object_id
end
-- @from include/_uid.lua:3
--- The uid of a resource, as text; false if the graph does not know it.
local function find_uid(identifier, object_id)
  return call('GET', uid_key(identifier, object_id))
end
-- @from include/_name_key.lua:3
--- The key of the hash that says which resource a uid stands for.
local function name_key(uid)
  return prefix .. 'uid::' .. uid
end
-- @from include/_list_key.lua:3
--- The key of one list of a resource: a sorted set of uids by score. An empty or
--- missing identifier means the list of everybody.
local function list_key(uid, relation, identifier)
  local key = prefix .. 'uid:' .. uid .. ':' .. relation
  if identifier and identifier ~= '' then
    return key .. ':' .. identifier
  end
  return key
end
-- @from include/_number.lua:3
--- The whole number that an argument is.
local function check_number(name, value, least, most)
  local number = #value <= 15 and string.find(value, '^%d+$') and tonumber(value)
  if not number or number < least or number > most then
    refuse('SEQUERE_LIMIT', string.format('%s must be a whole number from %.0f to %.0f', name, least, most), value)
  end
  return number
end
-- @from include/_position.lua:2
--- Places in a list, found by rank: that makes a deep page as cheap as the first.

--- The rank of the first entry after (score, uid), in the direction of the walk.
--- The entry itself may have gone or moved since; then the rank where it would
--- stand is searched among the entries of its score, which are sorted by uid text.
local function rank_after(list, score, uid, newest_first)
  local stored = call('ZSCORE', list, uid)
  if stored and tonumber(stored) == tonumber(score) then
    return call(newest_first and 'ZREVRANK' or 'ZRANK', list, uid) + 1
  end
  local low, high
  if newest_first then
    low, high = call('ZCOUNT', list, '(' .. score, '+inf'), call('ZCOUNT', list, score, '+inf')
  else
    low, high = call('ZCOUNT', list, '-inf', '(' .. score), call('ZCOUNT', list, '-inf', score)
  end
  while low < high do
    local middle = math.floor((low + high) / 2)
    local other = call(newest_first and 'ZREVRANGE' or 'ZRANGE', list, middle, middle)[1]
    local after = other > uid
    if newest_first then
      after = other < uid
    end
    if after then
      high = middle
    else
      low = middle + 1
    end
  end
  return low
end

--- Score and uid of an entry as text that loses nothing.
local function position_of(score, uid)
  return string.format('%.17g', tonumber(score)) .. ':' .. uid
end
-- @from include/_journal_key.lua:3
--- The key of the journal: a stream of what changed, in order.
local function journal_key()
  return prefix .. 'global:journal'
end
-- @from include/_note_change.lua:3
--- Notes in the journal, if there is one, that an edge changed: the stream's existence
--- is the switch. An entry says what a database needs, and knows no uid. Returns the
--- entry's id, or false.
local function note_change(operation, from, to, timestamp)
  return call('XADD', journal_key(), 'NOMKSTREAM', '*', 'operation', operation,
    'from_identifier', from.identifier, 'from_object_id', from.object_id,
    'to_identifier', to.identifier, 'to_object_id', to.object_id, 'timestamp', timestamp)
end
-- @from audit.lua:39
local identifier, object_id, cursor, limit, repair = ARGV[1], ARGV[2], ARGV[3], ARGV[4], ARGV[5]

local mend = repair == '1'
local reply = {'', 0}
local reported = {}
local types = {} -- key -> whether its type is the right one, as far as looked at

--- Reports a finding, once a call: two entries of one edge lead to the same.
local function found(kind, key, detail)
  local finding = kind .. key .. detail
  if not reported[finding] then
    local n = #reply
    reply[n + 1], reply[n + 2], reply[n + 3] = kind, key, detail
    reported[finding] = true
  end
end

--- Whether a key can be read as what it should be; reports it once if not.
local function sound(key, wanted)
  if types[key] == nil then
    local kind = call('TYPE', key).ok
    types[key] = kind == wanted or kind == 'none'
    if not types[key] then
      found('wrongtype', key, 'holds a ' .. kind .. ', should be a ' .. wanted)
    end
  end
  return types[key]
end

local function score_in(list, uid)
  return sound(list, 'zset') and call('ZSCORE', list, uid)
end

--- Sets the count beside a list to what the list holds.
local function settle(list)
  local count = list .. ':count'
  if sound(list, 'zset') and sound(count, 'string') then
    local held = call('ZCARD', list)
    if held == 0 then
      call('DEL', count)
    else
      call('SET', count, held)
    end
  end
end

local function check_count(list)
  local count = list .. ':count'
  if not (sound(list, 'zset') and sound(count, 'string')) then
    return
  end
  local held, said = call('ZCARD', list), call('GET', count)
  if (said or '0') ~= tostring(held) or said == '0' then
    found('count', count, 'says ' .. (said or 'nothing') .. ', the list holds ' .. held)
    if mend then
      settle(list)
    end
  end
end

local function want_entry(list, uid, score)
  if not sound(list, 'zset') then
    return
  end
  local stored = call('ZSCORE', list, uid)
  if stored and tonumber(stored) == tonumber(score) then
    return
  end
  if stored then
    found('score', list, 'uid ' .. uid .. ' stands at ' .. stored .. ', should be at ' .. score)
  else
    found('missing', list, 'uid ' .. uid .. ' should be here at ' .. score)
  end
  if mend then
    call('ZADD', list, score, uid)
    settle(list)
  end
end

local function drop_entry(list, uid)
  if mend and score_in(list, uid) then
    call('ZREM', list, uid)
    settle(list)
  end
end

--- Whether an edge stands in any of its four places, and since when: the follower's
--- own list has the first word.
local function edge_score(from, to)
  return score_in(list_key(from.uid, 'followings'), to.uid)
    or score_in(list_key(to.uid, 'followers'), from.uid)
    or score_in(list_key(from.uid, 'followings', to.identifier), to.uid)
    or score_in(list_key(to.uid, 'followers', from.identifier), from.uid)
end

local function want_in_lists(uid, relation, other, score)
  want_entry(list_key(uid, relation), other.uid, score)
  want_entry(list_key(uid, relation, other.identifier), other.uid, score)
end

--- Both halves of an edge that stands somewhere, and its friendship.
local function check_edge(from, to)
  local score = edge_score(from, to)
  if not score then
    return
  end
  if mend and sound(journal_key(), 'stream') and not score_in(list_key(from.uid, 'followings'), to.uid) then
    -- Where the follower's own list lacks it, nobody saw this edge: restored, it is a change.
    note_change('follow', from, to, string.format('%.6f', tonumber(score)))
  end
  want_in_lists(from.uid, 'followings', to, score)
  want_in_lists(to.uid, 'followers', from, score)
  local answer = edge_score(to, from)
  if answer then
    local later = tonumber(answer) > tonumber(score) and answer or score
    want_in_lists(from.uid, 'friends', to, later)
    want_in_lists(to.uid, 'friends', from, later)
  end
end

--- The resource behind a uid met in a list, and whether the way back leads to it.
local function check_other(list, uid)
  local key = name_key(uid)
  if not sound(key, 'hash') then
    return nil
  end
  local name = call('HMGET', key, 'identifier', 'object_id')
  if not (name[1] and name[2]) then
    found('orphan', list, 'uid ' .. uid .. ' is here, but ' .. key .. ' does not say who that is')
    drop_entry(list, uid)
    return nil
  end
  local back = uid_key(name[1], name[2])
  if sound(back, 'string') then
    local leads = call('GET', back)
    if leads ~= uid then
      found('mapping', back, 'leads to ' .. (leads and 'uid ' .. leads or 'nothing') .. ', should lead to uid ' .. uid)
      if mend and not leads then
        call('SET', back, uid)
      end
    end
  end
  return {identifier = name[1], object_id = name[2], uid = uid}
end

local function check_entry(this, relation, list_identifier, list, uid)
  local other = check_other(list, uid)
  if not other then
    return
  end
  if list_identifier and list_identifier ~= other.identifier then
    found('surplus', list, 'uid ' .. uid .. ' is a ' .. other.identifier)
    drop_entry(list, uid)
    return
  end
  if relation == 'followings' then
    check_edge(this, other)
  elseif relation == 'followers' then
    check_edge(other, this)
  elseif edge_score(this, other) and edge_score(other, this) then
    check_edge(this, other)
  else
    found('surplus', list, 'uid ' .. uid .. ' is here, but the two do not follow each other')
    drop_entry(list, uid)
  end
end

--- The resource's own name, and the last uid given out.
local function check_this(uid)
  local name, last = name_key(uid), prefix .. 'global:uid'
  if sound(name, 'hash') then
    local says = call('HMGET', name, 'identifier', 'object_id')
    if says[1] ~= identifier or says[2] ~= object_id then
      found('mapping', name, 'should say identifier ' .. identifier .. ', object_id ' .. object_id)
      if mend and not (says[1] and says[2]) then
        call('HSET', name, 'identifier', identifier, 'object_id', object_id)
      end
    end
  end
  if sound(last, 'string') then
    local given = call('GET', last) or '0'
    if (tonumber(given) or 0) < tonumber(uid) then
      found('count', last, 'says ' .. given .. ', but uid ' .. uid .. ' is in use')
      if mend then
        call('SET', last, uid)
      end
    end
  end
end

--- A cursor is the number of a list and, within it, score:uid of the last entry looked at.
local function check_cursor(lists)
  if cursor == '' then
    return 1
  end
  local number, score, uid = string.match(cursor, '^(%d+):?([%d.e+-]*):?(%d*)$')
  local index = #cursor <= 100 and tonumber(number)
  if not index or index < 1 or index > lists or (score ~= '' and not (tonumber(score) and uid ~= '')) then
    refuse('SEQUERE_CURSOR', 'cursor must be what the step before gave', cursor)
  end
  if score == '' then
    return index
  end
  return index, score, uid
end

return run(6, 105, function()
  check_resource('', identifier, object_id)
  local budget = check_number('limit', limit, 1, 500)
  if repair ~= '0' and repair ~= '1' then
    refuse('SEQUERE_ARGUMENT', 'repair must be 0 or 1', repair)
  end
  local lists = {{'followings'}, {'followers'}, {'friends'}}
  for i = 6, #ARGV do
    check_identifier('identifiers ' .. (i - 5) .. ' ', ARGV[i])
    for relation = 1, 3 do
      lists[#lists + 1] = {lists[relation][1], ARGV[i]}
    end
  end
  local index, score, after = check_cursor(#lists)

  local own_key = uid_key(identifier, object_id)
  local uid = sound(own_key, 'string') and find_uid(identifier, object_id)
  if not uid then
    return reply
  end
  local this = {identifier = identifier, object_id = object_id, uid = uid}
  if cursor == '' then
    check_this(uid)
  end
  while index <= #lists and budget > 0 do
    local relation, list_identifier = lists[index][1], lists[index][2]
    local list = list_key(uid, relation, list_identifier)
    local entries = {}
    if sound(list, 'zset') then
      local start = score and rank_after(list, score, after, false) or 0
      entries = call('ZRANGE', list, start, start + budget - 1, 'WITHSCORES')
    end
    if not score then
      check_count(list)
    end
    for i = 1, #entries, 2 do
      check_entry(this, relation, list_identifier, list, entries[i])
    end
    reply[2] = reply[2] + #entries / 2
    budget = budget - #entries / 2
    if budget > 0 then
      index, score, after = index + 1, nil, nil
      budget = budget - 1 -- a list costs a little even when it is empty
    else
      reply[1] = index .. ':' .. position_of(entries[#entries], entries[#entries - 1])
    end
  end
  if reply[1] == '' and index <= #lists then
    reply[1] = tostring(index)
  end
  return reply
end)
