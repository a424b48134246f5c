std = "lua51"
read_globals = { "redis", "KEYS" }
globals = { "ARGV" }
-- The texts are generated: the frame offers names that not every script needs (211), parameters are called as the
-- arguments that they take (431), and a test of an argument is one line.
ignore = { "211", "431", "432" }
max_line_length = false
