--- Removes keys of the graph during a rebuild. Whoever rebuilds finds them by SCAN; this
--- script sees to it that one who comes late removes nothing.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   progress         progress     how far the caller thinks the rebuild is
--   keys             key...       1 to 500 keys, each of a uid, or the last uid, or a journal put away
-- REPLY integer
--   1                none of them is there any more
--   0                the rebuild is not there, or there is a journal; nothing changed
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(M), M keys
-- EXAMPLE
--   redis-cli --eval lua/v1/clear_graph.lua sequere: , begun sequere:uid:user:1 sequere:global:uid

--- @include "_is_at"
--- @include "_check_progress"
--- @include "_closed_key"

local progress = ARGV[1]

return run(2, 501, function()
  check_progress('progress', progress, 1)
  local of_uids = prefix .. 'uid:'
  for i = 2, #ARGV do
    local key = ARGV[i]
    if string.sub(key, 1, #of_uids) ~= of_uids and key ~= prefix .. 'global:uid' and key ~= closed_key() then
      refuse('SEQUERE_ARGUMENT', 'keys ' .. (i - 1) .. ' must be a key of the graph', key)
    end
  end
  if not is_at(progress) then
    return 0
  end
  for i = 2, #ARGV do
    call('UNLINK', ARGV[i])
  end
  return 1
end)
