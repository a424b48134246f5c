--- The relations. A row names the list of an edge's from side, that of its to side and, where edges of the
--- relation have counterparts, the list of those that do; `moves`: the relations into which its edges may be moved;
--- `excludes`: the relations of which no edge may exist, in either direction, between the two resources of its edges.
local RELATIONS = {
  follow = {forward = 'followings', backward = 'followers', mutual = 'friends'},
}
