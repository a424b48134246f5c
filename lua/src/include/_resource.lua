--- @include "_identifier"

--- Refuses what is not a resource, the pair identifier, object_id. The side is
--- what stands before the two names in the arguments: "from_", "to_" or nothing.
local function check_resource(side, identifier, object_id)
  check_identifier(side, identifier)
  local text = object_id
  if #text <= 255 and string.find(text, '[\128-\255]') then
    -- Each character of well-formed UTF-8 beyond ASCII becomes a letter; what is left over is none.
    for _, pattern in ipairs({
      '[\194-\223][\128-\191]', '\224[\160-\191][\128-\191]', '[\225-\236\238\239][\128-\191][\128-\191]',
      '\237[\128-\159][\128-\191]', '\240[\144-\191][\128-\191][\128-\191]',
      '[\241-\243][\128-\191][\128-\191][\128-\191]', '\244[\128-\143][\128-\191][\128-\191]',
    }) do
      text = string.gsub(text, pattern, 'x')
    end
  end
  if #text < 1 or #object_id > 255 or string.find(text, '[%z\128-\255]') then
    refuse('SEQUERE_OBJECT_ID', side .. 'object_id must be 1 to 255 bytes of UTF-8 without NUL', object_id)
  end
end
