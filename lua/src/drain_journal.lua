--- Drops the journal's entries before a position and reads those from the position on. Call it with the position
--- that the database has committed; if the first entry of the reply is not the one at that position, this is not
--- the journal that was read so far.
--
-- ARGV
--   position    entry?        the last entry that the database has; empty: from the beginning, drop nothing
--   limit       1..400        entries wanted
--   keep        0|1?          1 to drop nothing
--   closed      0|1?          1 to read the journal that close_journal put away, and drop nothing
-- REPLY tuple
--   entries     repeated
--     id               entry
--     operation        text         add, remove or open; "not UTF-8" if a text that follows is not: its bytes as \255
--     relation         text?        empty, as those that follow, if the entry lacks it
--     from_identifier  text?
--     from_object_id   text?
--     to_identifier    text?
--     to_object_id     text?
--     timestamp        text?        seconds since the epoch, UTC
--     progress         text?        of open: how far the rebuild was that made the journal
-- COST
--   O(M + D), M the limit, D the entries dropped
-- EXAMPLE
--   redis-cli --eval lua/v1/drain_journal.lua sequere: sequere:global:uid , '' 100

--- @include "_utf8"

local FIELDS = {
  'operation', 'relation', 'from_identifier', 'from_object_id', 'to_identifier', 'to_object_id', 'timestamp', 'progress',
}

local function escape(byte)
  return '\\' .. string.byte(byte)
end

local journal = prefix .. 'global:journal' .. (closed == '1' and ':closed' or '')
local entries = call('XRANGE', journal, position or '-', '+', 'COUNT', limit)
if keep ~= '1' and closed ~= '1' and entries[1] and entries[1][1] == position then
  call('XTRIM', journal, 'MINID', position)
end
local reply = {}
for _, entry in ipairs(entries) do
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
return reply
