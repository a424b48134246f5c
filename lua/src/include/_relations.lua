--- The relations. `forward` is the list of the from side, `backward` the list of the to side, and `mutual` the list of
--- the resources between which there are edges in both directions, if the relation has such a list. `moves` names the
--- relations to which its edges can move. `excludes` names the relations of which no edge may exist, in either
--- direction, between the two resources of an edge.
local RELATIONS = {
  follow = {forward = 'followings', backward = 'followers', mutual = 'friends'},
}
