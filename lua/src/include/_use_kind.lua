--- Adds a kind to those in use: at most 16, because block and forget look at the lists of each; a copy may have more.
local function use_kind(kind, is_copy)
  local kinds_key = prefix .. 'global:kinds'
  if call('SADD', kinds_key, kind) == 1 then
    undo = {undo, 'SREM', kinds_key, kind}
    if not is_copy and call('SCARD', kinds_key) > 16 then
      error({'SEQUERE_ARGUMENT', 'kind would be the 17th in ' .. kinds_key .. '; use one of those', kind})
    end
  end
end
