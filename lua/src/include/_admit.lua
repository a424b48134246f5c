--- @include "_is_barred"

--- Returns the outcome of a follow or a request that must not be added: 0 the follow exists; 3 it already waits for
--- approval; -1 one of the two blocks the other; -2 the from side has `most` follows and requests; -3 it made `new`
--- within the window. nil: it may be added. A request that becomes a follow was counted when it was made.
local function admit(from, to, tail, approval, most, new, window)
  local mine = uids .. from .. ':'
  local followings, requested = mine .. 'followings' .. tail, mine .. 'requested' .. tail
  if call('ZSCORE', followings, to) then
    return 0
  end
  if call('EXISTS', mine .. 'blocked', mine .. 'blocked_by', requested) > 0 then
    if is_barred(from, to) then
      return -1
    elseif call('ZSCORE', requested, to) then
      return approval and 3 or nil
    end
  end
  if most and call('ZCARD', followings) + call('ZCARD', requested) >= most then
    return -2
  elseif new then
    local quota = mine .. 'quota'
    if (tonumber(call('GET', quota) or 0) or 0) >= new then
      return -3
    end
    if call('INCR', quota) == 1 then
      undo = {undo, 'DEL', quota}
      call('EXPIRE', quota, window)
    else
      undo = {undo, 'DECR', quota}
    end
  end
  return nil
end
