--- Tells how the journal stands, and a rebuild if one is under way.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   position         entry?       the last entry that the database has; empty: none
-- REPLY flat array
--   length           integer: entries in the journal; 0 if there is none
--   last             text: id of the journal's last entry; empty if there is none
--   waiting          text: id of its first entry after the position; empty if there is none
--   now              text: the server's clock, milliseconds since the epoch
--   closed           text: id of the last entry of a journal that was closed; empty if there is none
--   progress         text: how far a rebuild is; empty if none is under way
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/journal_state.lua sequere: , ''

--- @include "_entry_id"
--- @include "_closed_key"
--- @include "_progress_key"

local position = ARGV[1]

local function last_of(key)
  local entry = call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  return entry and entry[1] or ''
end

return run(0, 1, function()
  local from = '-'
  if position and position ~= '' then
    check_entry_id('position', position)
    from = '(' .. position
  end
  local journal = journal_key()
  local waiting = call('XRANGE', journal, from, '+', 'COUNT', 1)[1]
  local now = call('TIME')
  return {
    call('XLEN', journal), last_of(journal), waiting and waiting[1] or '',
    string.format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000)),
    last_of(closed_key()), call('GET', progress_key()) or '',
  }
end)
