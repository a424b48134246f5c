--- Makes one resource follow another or, if the follow needs approval, adds a request.
--
-- ARGV
--   from        resource        the follower
--   to          resource~from   the followed resource
--   timestamp   timestamp=now   of the edge; left out: the server's clock
--   kind        kind?           such as watch: a separate graph of follows; empty: the one without a kind
--   approval    0|1?            1: add a request, which the followed resource accepts or denies
--   most        0..999999999?   the limit for the follows and requests of this kind that from has
--   new         0..999999999?   the limit for those of all kinds that from makes within the window
--   window      1..999999999?   seconds since the first of them
-- REPLY outcome
--   1 made      the edge is new
--   0 exists    the edge existed and keeps its timestamp
--   2 requested          a request is new
--   3 requested_before   the request existed and keeps its timestamp
-- COST
--   O(log N), N entries in the longest list touched
-- EXAMPLE
--   redis-cli --eval lua/v1/follow.lua sequere: sequere:global:uid , user 1 project 7

--- @include "_obtain_uid"
--- @include "_complete_edge"
--- @relation "follow"

local from = obtain_uid(from_identifier, from_object_id)
local to = obtain_uid(to_identifier, to_object_id)
local forward, backward, mutual, tail = FORWARD, BACKWARD, MUTUAL, ''
if kind then
  --- @include "_use_kind"
  use_kind(kind)
  tail = '@' .. kind
  forward, backward, mutual = forward .. tail, backward .. tail, mutual .. tail
end
local mine, outcome = uids .. from .. ':', nil
approval = approval == '1'
if approval or most or new then -- otherwise only a new edge needs the checks for what may prevent it
  if new and not window then
    error({'SEQUERE_ARGUMENT', 'window must be there if new is, which is ' .. new, ''})
  end
  --- @include "_admit"
  outcome = admit(from, to, tail, approval, most, new, window)
  if outcome == -2 or outcome == -3 then
    error({'SEQUERE_FOLLOW_LIMIT', 'from may make no more follows: the limit, its value, the seconds until it ends',
      outcome == -2 and 'most ' .. most .. ' 0' or 'new ' .. new .. ' ' .. math.max(math.ceil(call('PTTL', mine .. 'quota') / 1000), 0)})
  elseif approval and not outcome then
    add_entry(mine .. 'requested' .. tail, timestamp, to)
    complete_edge('requested' .. tail, 'requests' .. tail, nil, from, from_identifier, to, to_identifier, timestamp)
    outcome = 2
  end
end
if not outcome then
  outcome = add_entry(mine .. forward, timestamp, to) and 1 or 0
end
if outcome == -1 or outcome == 1
  and call('EXISTS', mine .. 'blocked', mine .. 'blocked_by', mine .. 'requested' .. tail) > 0 then
  --- @include "_is_barred"
  if outcome == -1 or is_barred(from, to) then
    error({'SEQUERE_BLOCKED', 'one of from and to blocks the other'})
  end
  if call('ZSCORE', mine .. 'requested' .. tail, to) then
    --- @include "_cut_edge"
    cut_edge('request' .. tail, from, from_identifier, from_object_id, to, to_identifier, to_object_id)
  end
end
if outcome == 1 then
  complete_edge(forward, backward, mutual, from, from_identifier, to, to_identifier, timestamp)
end
if is_noted then
  --- @include "_change"
  -- Noted even if nothing changed: a server that was restored from an older state may have replied from data that
  -- the database does not have yet.
  local list = outcome > 1 and mine .. 'requested' .. tail or mine .. forward
  local since = outcome == 1 and timestamp or format('%.6f', call('ZSCORE', list, to))
  change('add', (outcome > 1 and 'request' or 'follow') .. tail, from_identifier, from_object_id, to_identifier,
    to_object_id, since)
end
return outcome
