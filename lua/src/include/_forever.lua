--- In a relation that expires, the score of an edge that never ends is this plus the whole seconds of the time when it
--- was made. Timestamps are below it, and whole numbers stay exact.
local FOREVER = 8589934592
