--- Tells whether one resource follows another.
--
-- ARGV
--   from        resource      the follower
--   to          resource      the one followed
-- REPLY outcome
--   1 yes
--   0 no
-- COST
--   O(1)
-- EXAMPLE
--   redis-cli --eval lua/v1/is_following.lua sequere: sequere:global:uid , user 1 project 7

--- @relation "follow"

-- The hottest read of all: without a function for the look-up it takes a tenth less.
local from = call('GET', uids .. from_identifier .. ':' .. from_object_id)
local to = from and call('GET', uids .. to_identifier .. ':' .. to_object_id)
return to and call('ZSCORE', uids .. from .. ':' .. FORWARD, to) and 1 or 0
