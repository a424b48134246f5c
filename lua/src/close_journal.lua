--- Puts the journal away: from here on nothing is noted, and whoever passes the journal as
--- guard is told SEQUERE_COLD. drain_journal still reads what it held. One that was put away
--- before is replaced: read it first.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
-- REPLY integer
--   1                it was put away
--   0                there is no journal
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/close_journal.lua sequere: ,

--- @include "_closed_key"

return run(0, 0, function()
  if call('EXISTS', journal_key()) == 0 then
    return 0
  end
  call('RENAME', journal_key(), closed_key())
  return 1
end)
