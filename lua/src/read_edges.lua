--- Tells since when up to 200 edges stand, and the journal's last entry at that moment.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   edges            edge...      1 to 200 times from_ and to_ resource
-- REPLY flat array
--   last             text: id of the journal's last entry; empty if there is none
--   timestamp        of the first edge: seconds since the epoch, UTC, six decimals; empty if it does not
--                    stand; this one repeats for each edge
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID SEQUERE_SELF
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_FAILED
-- COST
--   O(M), M edges
-- EXAMPLE
--   redis-cli --eval lua/v1/read_edges.lua sequere: , user 1 project 7 user 1 project 8

--- @include "_edges"
--- @include "_journal_key"
--- @include "_edge_time"

return run(4, nil, function()
  local edges = check_edges(1, 4, 200)
  local last = call('XREVRANGE', journal_key(), '+', '-', 'COUNT', 1)[1]
  local reply = {last and last[1] or ''}
  for i, edge in ipairs(edges) do
    reply[i + 1] = edge_time(edge)
  end
  return reply
end)
