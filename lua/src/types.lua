--- The types of arguments: name, error code, and what a value must be, in words and in Lua. The build writes the test
--- of each argument into the head of a script. "mostly" is a fast test: a value that passes it also passes the whole
--- test, which runs only if the fast one fails. "form" is an expression for the usual form of a value that only passed
--- the whole test. is_utf8 is an include. The build replaces LIST_NAMES and RELATION_NAMES with the names in the table
--- of relations, KIND_LIST_NAMES and KIND_RELATION_NAMES with those of the relations that have kinds.

--- identifier SEQUERE_IDENTIFIER: 1 to 50 characters of A-Z a-z 0-9 _ . -, not digits alone and not "count"
--- mostly: #value <= 50 and find(value, '^[a-zA-Z][a-z_A-Z0-9.%-]*$') and value ~= 'count'
local function is_identifier(value)
  return #value <= 50 and find(value, '^[A-Za-z0-9_.%-]*[A-Za-z_.%-][A-Za-z0-9_.%-]*$') and value ~= 'count'
end

--- object_id SEQUERE_OBJECT_ID: 1 to 255 bytes of UTF-8 without NUL
--- mostly: #value <= 255 and find(value, '^[\1-\127]+$')
local function is_object_id(value)
  return #value >= 1 and #value <= 255 and not find(value, '%z') and is_utf8(value)
end

--- timestamp SEQUERE_TIMESTAMP: seconds since the epoch, UTC, from 0 to below 8589934592, such as 1382676091.612067
--- mostly: #value == 17 and find(value, '^[1-7]%d+%.%d%d%d%d%d%d$')
--- form: format('%.6f', value)
local function is_timestamp(value)
  return #value <= 20 and find(value, '^%d+%.?%d*$') and value + 0 < 8589934592
end

--- cursor SEQUERE_CURSOR: one that a page in the same order returned
local function is_cursor(value)
  return #value <= 100 and (find(value, '^[%d.e+-]+:%d+$') or find(value, '^[%d.e+-]+:%d+:[%d.e+-]+$'))
end

--- place SEQUERE_CURSOR: one that the previous step returned
local function is_place(value)
  return #value <= 100 and find(value, '^%d+:?[%d.e+-]*:?%d*$')
end

--- score SEQUERE_TIMESTAMP: seconds since the epoch, UTC, from 0 to below 17179869184, such as 1382676091.612067
--- mostly: #value == 17 and find(value, '^[1-7]%d+%.%d%d%d%d%d%d$')
--- form: format('%.6f', value)
local function is_score(value)
  return #value <= 20 and find(value, '^%d+%.?%d*$') and value + 0 < 17179869184
end

--- kind SEQUERE_ARGUMENT: 1 to 30 characters of a-z 0-9 _, the first of them a letter
local function is_kind(value)
  return #value <= 30 and find(value, '^%l[%l%d_]*$')
end

--- relation SEQUERE_ARGUMENT: a relation, RELATION_NAMES, or KIND_RELATION_NAMES with a kind, such as follow@watch
--- mostly: find(value, '^[%l_]+$') and find(' RELATION_NAMES ', ' ' .. value .. ' ', 1, true)
local function is_relation(value)
  local name, kind = string.match(value, '^(%l[%l_]*)@(.*)$')
  return find(value, '^[%l_]+$') and find(' RELATION_NAMES ', ' ' .. value .. ' ', 1, true)
    or name and find(' KIND_RELATION_NAMES ', ' ' .. name .. ' ', 1, true) and is_kind(kind)
end

--- lists SEQUERE_ARGUMENT: 1 to 10 lists, separated by one space
--- mostly: find(value, '^[%l_]+$') and find(' LIST_NAMES ', ' ' .. value .. ' ', 1, true) or is_lists(value)
local function is_lists(value)
  local size = 0
  for list in string.gmatch(value .. ' ', '([^ ]*) ') do
    local name, kind, identifier = string.match(list, '^(%l[%l_]*)(@?[%l%d_]*)(.*)$')
    size = size + (name and find(kind == '' and ' LIST_NAMES ' or ' KIND_LIST_NAMES ', ' ' .. name .. ' ', 1, true)
      and (kind == '' or #kind <= 31 and find(kind, '^@%l[%l%d_]*$'))
      and (identifier == '' or #identifier <= 51 and identifier ~= ':count'
        and find(identifier, '^:[A-Za-z0-9_.%-]*[A-Za-z_.%-][A-Za-z0-9_.%-]*$')) and 1 or 11)
  end
  return size <= 10
end

--- list SEQUERE_ARGUMENT: a list, LIST_NAMES, also with a kind or an identifier, such as followers@watch:user
--- mostly: find(value, '^[%l_]+$') and find(' LIST_NAMES ', ' ' .. value .. ' ', 1, true)
local function is_list(value)
  return not find(value, ' ', 1, true) and is_lists(value)
end

--- uid SEQUERE_ARGUMENT: a positive whole number
local function is_uid(value)
  return #value <= 15 and find(value, '^[1-9]%d*$')
end

--- entry SEQUERE_ARGUMENT: the id of an entry, such as 1382676091612-0
local function is_entry(value)
  return #value <= 41 and find(value, '^%d+%-%d+$')
end

--- mark SEQUERE_ARGUMENT: 1 to 255 bytes
local function is_mark(value)
  return #value >= 1 and #value <= 255
end

--- key SEQUERE_ARGUMENT: a key of the graph
local function is_key(value)
  local of_uids = prefix .. 'uid:'
  return string.sub(value, 1, #of_uids) == of_uids or value == prefix .. 'global:uid'
    or value == prefix .. 'global:kinds'
end
