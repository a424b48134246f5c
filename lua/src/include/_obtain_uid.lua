--- @include "_uid_form"

--- The uid of a resource, as text. A resource that has none gets a new one.
local function obtain_uid(identifier, object_id)
  local key = uids .. identifier .. ':' .. object_id
  local uid = call('GET', key)
  if uid then
    if not (find(uid, UID) and #uid < 16) then
      error({'SEQUERE_CORRUPT', key .. (#uid == 32 and OLD_UID or NO_UID), uid})
    end
    return uid
  end
  uid = format('%.0f', call('INCR', last_uid))
  undo = {undo, uid == '1' and 'DEL' or 'DECR', last_uid}
  if #uid > 15 then
    error({'SEQUERE_CORRUPT', last_uid .. NO_UID, uid})
  end
  local name = uids .. ':' .. uid
  if call('EXISTS', name) == 1 then
    error({'SEQUERE_CORRUPT', last_uid .. ' is too low: ' .. name .. ' exists; set it to the highest n of the keys '
      .. uids .. ':n'})
  end
  call('HSET', name, 'identifier', identifier, 'object_id', object_id)
  undo = {undo, 'DEL', name}
  call('SET', key, uid)
  undo = {undo, 'DEL', key}
  return uid
end
