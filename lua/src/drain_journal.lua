--- Reads the mark, the state of the journal, and its entries from a position on. It removes the entries before the
--- position if the journal has the entry at the position and the mark has the given epoch. Give an epoch only with a
--- position that the database has committed.
--
-- ARGV
--   position    entry?        the last entry that the database has; empty: from the beginning
--   limit       1..400        the most entries to reply
--   epoch       entry?        the epoch of the graph that the database follows; empty: remove nothing
-- REPLY tuple
--   mark        text?         empty if there is none
--   last_uid    text?         the last uid given out; empty if there is no graph
--   now         text          the server's clock, milliseconds since the epoch
--   length      integer       the number of entries in the journal; 0 if there is no journal
--   oldest      entry?        the id of its oldest entry; empty if there is none
--   opening     text?         the operation of the oldest entry
--   last        entry?        the id of its last entry; empty if there is none
--   entries     repeated
--     id               entry
--     operation        text         add, remove, forget or open; "not UTF-8" if a field is not: it shows bytes as \255
--     relation         text?        this and the fields below are empty if the entry does not have them
--     from_identifier  text?
--     from_object_id   text?
--     to_identifier    text?
--     to_object_id     text?
--     timestamp        text?        seconds since the epoch, UTC
--     payload          text?
-- COST
--   O(M + D), M the limit, D the entries removed
-- EXAMPLE
--   redis-cli --eval lua/v1/drain_journal.lua sequere: sequere:global:uid , '' 100

--- @include "_utf8"

local FIELDS = {
  'operation', 'relation', 'from_identifier', 'from_object_id', 'to_identifier', 'to_object_id', 'timestamp', 'payload',
}

local function escape(byte)
  return '\\' .. string.byte(byte)
end

--- Appends an entry to the reply.
local function append(reply, entry)
  local n, texts = #reply, {}
  for i = 1, #entry[2], 2 do
    texts[entry[2][i]] = entry[2][i + 1]
  end
  reply[n + 1] = entry[1]
  for i, field in ipairs(FIELDS) do
    local text = texts[field] or ''
    if find(text, '[\128-\255]') and not is_utf8(text) then
      text, reply[n + 2] = string.gsub(text, '[\128-\255]', escape), 'not UTF-8'
    end
    reply[n + 1 + i] = reply[n + 1 + i] or text
  end
end

local journal, mark = prefix .. 'global:journal', call('GET', prefix .. 'global:mark') or ''
local entries = call('XRANGE', journal, position or '-', '+', 'COUNT', limit)
local now, length = call('TIME'), call('XLEN', journal)
local reply = {mark, call('GET', last_uid) or '', format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000))}
local first = call('XRANGE', journal, '-', '+', 'COUNT', 1)[1]
local final = call('XREVRANGE', journal, '+', '-', 'COUNT', 1)[1]
if epoch and entries[1] and entries[1][1] == position and find(mark, epoch .. ' ', 1, true) == 1 then
  first = entries[1]
  length = length - call('XTRIM', journal, 'MINID', position) -- the last command: nothing after it can fail
end
local oldest = {}
if first then
  append(oldest, first)
end
reply[4], reply[5], reply[6], reply[7] = length, oldest[1] or '', oldest[2] or '', final and final[1] or ''
for _, entry in ipairs(entries) do
  append(reply, entry)
end
return reply
