--- Issues a new id if there is no journal, and revokes the right of every earlier caller to open one. A process that
--- changes the database because Redis is cold calls it first, so that a late script of a transaction that was rolled
--- back cannot open the journal.
--
-- ARGV
--   after       entry?                  an id that the new one must follow; empty: none
--   random      0..999999999999999      a random number; it distinguishes ids of the same millisecond
--   opens       0|1                     1 if open_journal may use this id
-- REPLY text?
--   the id; empty if there is a journal
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/fence.lua sequere: sequere:global:uid , '' 450359962737049 0

if call('EXISTS', prefix .. 'global:journal') == 1 then
  return ''
end
local key, now = prefix .. 'global:fence', call('TIME')
local milliseconds = now[1] * 1000 + math.floor(now[2] / 1000)
if after then -- clocks may differ or be set back
  milliseconds = math.max(milliseconds, string.match(after, '^%d+') + 1)
end
local id = format('%.0f-%.0f', milliseconds, random)
if opens == '1' then -- the only write: if it is refused, nothing has changed
  call('SET', key, id)
else
  call('DEL', key) -- a server that is out of memory accepts it too
end
return id
