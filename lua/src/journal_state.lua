--- Reads the state of the journal, and of a rebuild if one is under way.
--
-- ARGV
--   position    entry?        the last entry that the database has; empty or left out: none
-- REPLY tuple
--   length      integer       entries in the journal; 0 if there is none
--   last        entry?        id of the journal's last entry; empty if there is none
--   waiting     entry?        id of its first entry after the position; empty if there is none
--   now         text          the server's clock, milliseconds since the epoch
--   closed      entry?        id of the last entry of a journal that was closed; empty if there is none
--   progress    text?         how far a rebuild is; empty if none is under way
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/journal_state.lua sequere: sequere:global:uid , ''

--- @include "_rebuild"

local function last_of(key)
  local entry = call('XREVRANGE', key, '+', '-', 'COUNT', 1)[1]
  return entry and entry[1] or ''
end

local journal = prefix .. 'global:journal'
local waiting = call('XRANGE', journal, position and '(' .. position or '-', '+', 'COUNT', 1)[1]
local now = call('TIME')
return {
  call('XLEN', journal), last_of(journal), waiting and waiting[1] or '',
  format('%.0f', now[1] * 1000 + math.floor(now[2] / 1000)),
  last_of(journal .. ':closed'), call('GET', progress_key) or '',
}
