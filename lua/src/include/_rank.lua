--- The rank of the first entry after (score, uid), in the given direction, so that a later page costs no more than the
--- first. If the entry itself was removed or has another score, the rank that it would have is searched among the
--- entries of its score, which are sorted by uid as text.
local function rank_after(list, score, uid, newest_first)
  local stored = call('ZSCORE', list, uid)
  if stored and stored + 0 == score + 0 then
    return call(newest_first and 'ZREVRANK' or 'ZRANK', list, uid) + 1
  end
  local low, high
  if newest_first then
    low, high = call('ZCOUNT', list, '(' .. score, '+inf'), call('ZCOUNT', list, score, '+inf')
  else
    low, high = call('ZCOUNT', list, '-inf', '(' .. score), call('ZCOUNT', list, '-inf', score)
  end
  while low < high do
    local middle = math.floor((low + high) / 2)
    local other = call(newest_first and 'ZREVRANGE' or 'ZRANGE', list, middle, middle)[1]
    local before = other <= uid
    if newest_first then
      before = other >= uid
    end
    if before then
      low = middle + 1
    else
      high = middle
    end
  end
  return low
end
