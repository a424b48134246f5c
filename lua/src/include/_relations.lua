--- The relations. `forward` is the list of the from side, `backward` the list of the to side, and `mutual` the list of
--- the resources between which there are edges in both directions, if the relation has such a list. `kinds`: there can
--- be edges of several kinds, such as follow@watch. `expires`: the score of an edge is the time at which it ends.
--- `moves` names the relations to which its edges can move. `replaces` names the relations of which no edge of the same
--- kind may exist in the same direction. `excludes` names the relations of which no edge of any kind may exist, in
--- either direction, between the two resources of an edge.
local RELATIONS = {
  follow = {
    forward = 'followings', backward = 'followers', mutual = 'friends', kinds = true,
    moves = 'archive', replaces = 'request', excludes = 'block',
  },
  request = {
    forward = 'requested', backward = 'requests', kinds = true,
    moves = 'follow', replaces = 'follow', excludes = 'block',
  },
  archive = {
    forward = 'archived', backward = 'archived_by', kinds = true,
    moves = 'follow', excludes = 'block',
  },
  block = {
    forward = 'blocked', backward = 'blocked_by',
    excludes = 'follow request archive',
  },
  mute = {
    forward = 'muted', backward = 'muted_by', kinds = true, expires = true,
  },
}
