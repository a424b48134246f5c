--- The reply of an audit, and what it reports.
local report = {'', 0}
local reported = {}
local types = {} -- key -> whether it has the right type, for the keys checked so far

--- Reports a finding once in a call: two entries of one edge lead to the same finding.
local function found(kind, key, detail)
  local finding = kind .. key .. detail
  if not reported[finding] then
    local n = #report
    report[n + 1], report[n + 2], report[n + 3] = kind, key, detail
    reported[finding] = true
  end
end

--- A value as readable text.
local function show(value)
  return '"' .. string.gsub(string.sub(value, 1, 60), '[%c\128-\255]', '?') .. '"'
end

--- Whether a key has the type that it should have, or does not exist; if not, reports it once.
local function is_sound(key, wanted)
  if types[key] == nil then
    local kind = call('TYPE', key).ok
    types[key] = kind == wanted or kind == 'none'
    if not types[key] then
      found('wrongtype', key, 'holds a ' .. kind .. ', should be a ' .. wanted)
    end
  end
  return types[key]
end

local function list_of(uid, list, list_identifier)
  return uids .. uid .. ':' .. list .. (list_identifier and ':' .. list_identifier or '')
end

local function score_in(list, uid)
  return is_sound(list, 'zset') and call('ZSCORE', list, uid)
end

--- The score of an edge: of the first of its four entries that exists, beginning with the list of the from side.
local function edge_score(relation, from, to)
  return score_in(list_of(from.uid, relation.forward), to.uid)
    or score_in(list_of(to.uid, relation.backward), from.uid)
    or score_in(list_of(from.uid, relation.forward, to.identifier), to.uid)
    or score_in(list_of(to.uid, relation.backward, from.identifier), from.uid)
end
