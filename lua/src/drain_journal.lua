--- Drops the journal's entries before a position and reads those from there on. Call it with
--- the position that the database has committed; if the first entry that comes back is
--- not the one at that position, this is not the journal that was read so far.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   position         entry?       the last entry that the database has; empty: from the beginning, drop nothing
--   limit            number       entries wanted, 1 to 1000
--   keep             flag?        1 to drop nothing
--   closed           flag?        1 to read the journal that close_journal put away, and drop nothing
-- REPLY flat array
--   id               of the first entry; these eight repeat for each entry
--   operation        of the first entry: follow, unfollow or open; "not UTF-8" if one of those that follow
--                    is not: then its bytes come as \255
--   from_identifier  of the first entry; like those that follow, empty if the entry lacks it
--   from_object_id   of the first entry
--   to_identifier    of the first entry
--   to_object_id     of the first entry
--   timestamp        of the first entry: seconds since the epoch, UTC
--   progress         of the first entry: of open, how far the rebuild was that made the journal
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_LIMIT SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(M + D), M the limit, D the entries dropped
-- EXAMPLE
--   redis-cli --eval lua/v1/drain_journal.lua sequere: , '' 100

--- @include "_entry_id"
--- @include "_number"
--- @include "_closed_key"
--- @include "_utf8"

local position, limit, keep, closed = ARGV[1], ARGV[2], ARGV[3], ARGV[4]

local FIELDS = {
  'operation', 'from_identifier', 'from_object_id', 'to_identifier', 'to_object_id', 'timestamp', 'progress',
}

local function escape(byte)
  return '\\' .. string.byte(byte)
end

local function check_flag(name, value)
  if value and value ~= '' and value ~= '0' and value ~= '1' then
    refuse('SEQUERE_ARGUMENT', name .. ' must be 0 or 1', value)
  end
end

return run(2, 4, function()
  if position ~= '' then
    check_entry_id('position', position)
  end
  local most = check_number('limit', limit, 1, 1000)
  check_flag('keep', keep)
  check_flag('closed', closed)
  local journal = closed == '1' and closed_key() or journal_key()
  local entries = call('XRANGE', journal, position == '' and '-' or position, '+', 'COUNT', most)
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
      if not is_utf8(text) then
        text, reply[n + 2] = string.gsub(text, '[\128-\255]', escape), 'not UTF-8'
      end
      reply[n + 1 + i] = reply[n + 1 + i] or text
    end
  end
  return reply
end)
