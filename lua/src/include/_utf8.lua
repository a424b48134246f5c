--- Whether a text is well-formed UTF-8.
local function is_utf8(text)
  if string.find(text, '[\128-\255]') then
    -- Each character beyond ASCII becomes a letter; what is left over is none.
    for _, pattern in ipairs({
      '[\194-\223][\128-\191]', '\224[\160-\191][\128-\191]', '[\225-\236\238\239][\128-\191][\128-\191]',
      '\237[\128-\159][\128-\191]', '\240[\144-\191][\128-\191][\128-\191]',
      '[\241-\243][\128-\191][\128-\191][\128-\191]', '\244[\128-\143][\128-\191][\128-\191]',
    }) do
      text = string.gsub(text, pattern, 'x')
    end
  end
  return not string.find(text, '[\128-\255]')
end
