--- Ends a rebuild: makes the journal, with one entry of the operation open that says how far
--- the rebuild was. From here on changes are noted and a guard holds.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   progress         progress?    how far the caller thinks the rebuild is; empty: none is under way
--   entry            entry        the id of the first entry, younger than all that the database has seen
-- REPLY integer
--   1                the journal is there
--   0                the rebuild is not there, or there is a journal; nothing changed
-- ERRORS
--   SEQUERE_ARGUMENT
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_CORRUPT SEQUERE_FAILED
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/open_journal.lua sequere: , '' 1382676091612-0

--- @include "_entry_id"
--- @include "_undo"
--- @include "_is_at"
--- @include "_check_progress"

local progress, entry = ARGV[1], ARGV[2]

return run(2, 2, function()
  check_progress('progress', progress, 0)
  check_entry_id('entry', entry)
  if not is_at(progress) then
    return 0
  end
  if progress ~= '' then
    local n = #undo
    call('DEL', progress_key())
    undo[n + 1], undo[n + 2], undo[n + 3], undo[n + 4] = 'SET', progress_key(), progress, false
  end
  -- The last write: nothing after it can fail.
  call('XADD', journal_key(), entry, 'operation', 'open', 'progress', progress)
  return 1
end, take_back)
