--- Brings up to 100 edges into another state, each if it is in the state that the caller has
--- seen. The changes are noted in the journal. All are done or, on an error, none.
--
-- KEYS
--   prefix           text         start of every key, such as sequere:
--   guard            key?         unless this key exists the reply is SEQUERE_COLD
-- ARGV
--   edges            edge...      1 to 100 times from_ and to_ resource, seen and wanted timestamp; empty: no edge
-- REPLY array of integers, one for each edge, in order
--   1                it is as wanted
--   0                it was not as seen; nothing changed
-- ERRORS
--   SEQUERE_ARGUMENT SEQUERE_IDENTIFIER SEQUERE_OBJECT_ID SEQUERE_SELF SEQUERE_TIMESTAMP
--   SEQUERE_COLD SEQUERE_WRONGTYPE SEQUERE_DENIED SEQUERE_CORRUPT SEQUERE_FAILED
-- COST
--   O(M log N), M edges, N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/mend_edges.lua sequere: , user 1 project 7 '' 1382676091.612067

--- @include "_edges"
--- @include "_score"
--- @include "_edge_time"
--- @include "_allocate"
--- @include "_add_edge"
--- @include "_remove_edge"

local function named_time(value)
  return value == '' and '' or check_timestamp(value)
end

return run(6, nil, function()
  local edges = check_edges(1, 6, 100)
  for _, edge in ipairs(edges) do
    edge.seen, edge.wanted = named_time(edge[1]), named_time(edge[2])
  end
  local replies = {}
  for i, edge in ipairs(edges) do
    local from, to = edge.from, edge.to
    local as_seen = edge_time(edge) == edge.seen
    if as_seen and edge.seen ~= edge.wanted then
      if edge.seen ~= '' then
        remove_edge(from, to)
      end
      if edge.wanted ~= '' then
        from.uid = obtain_uid(from.identifier, from.object_id)
        to.uid = obtain_uid(to.identifier, to.object_id)
        add_edge(from, to, edge.wanted)
      end
    end
    replies[i] = as_seen and 1 or 0
  end
  return replies
end, take_back)
