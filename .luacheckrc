std = "lua51"
read_globals = { "redis", "KEYS", "ARGV" }
max_line_length = 120
files["lua/v1/sequere.functions.lua"] = { max_line_length = false } -- the purposes, as the manifest has them
