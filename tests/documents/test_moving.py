"""The lines of the page on importing and exporting, in a project that has what they read."""

from __future__ import annotations

import sqlite3

from tests.support.documents import PAGES, steps

FOLLOWS = (
    "from sequere.models import follow; from myapp.models import *; "
    "user, project = User.objects.create(), Project.objects.create(pk=7); follow(user, project, timestamp=1382676091); "
    "follow(User.objects.create(), project)"
)

#: The tables of the packages, with the columns that their own migrations make.
TABLES = """
CREATE TABLE friendship_block (id integer PRIMARY KEY, created datetime, blocked_id bigint, blocker_id bigint);
CREATE TABLE friendship_follow (id integer PRIMARY KEY, created datetime, followee_id bigint, follower_id bigint);
CREATE TABLE friendship_friend (id integer PRIMARY KEY, created datetime, from_user_id bigint, to_user_id bigint);
CREATE TABLE friendship_friendshiprequest (id integer PRIMARY KEY, message text, created datetime, rejected datetime,
    viewed datetime, from_user_id bigint, to_user_id bigint);
CREATE TABLE actstream_follow (id integer PRIMARY KEY, object_id varchar(255), actor_only bool, started datetime,
    content_type_id integer, user_id bigint, flag varchar(255));
INSERT INTO friendship_block VALUES (1, '2013-10-25 04:41:31', 2, 1);
INSERT INTO friendship_follow VALUES (1, '2013-10-25 04:41:31', 1, 2);
INSERT INTO friendship_friend VALUES (1, '2013-10-25 04:41:31', 1, 3), (2, '2013-10-25 04:41:31', 3, 1);
INSERT INTO friendship_friendshiprequest VALUES (1, '', '2013-10-25 04:41:31', '2013-10-25 04:41:31', NULL, 2, 3);
INSERT INTO actstream_follow
    SELECT 1, '8', 1, '2013-10-25 04:41:31', id, 1, '' FROM django_content_type
        WHERE app_label = 'myapp' AND model = 'project' UNION
    SELECT 2, '8', 0, '2013-10-25 04:41:31', id, 1, 'watch' FROM django_content_type
        WHERE app_label = 'myapp' AND model = 'project';
"""


def test_the_lines(in_root, project, valkey):
    folder = project(PAGES["moving"])
    (folder / "mysite" / "moving.py").write_text('from .settings import *\n\nAUTH_USER_MODEL = "myapp.User"\n')
    in_root(f'python manage.py shell -c "{FOLLOWS}"', folder)
    in_root("export DJANGO_SETTINGS_MODULE=mysite.moving")
    with sqlite3.connect(folder / "db.sqlite3") as connection:
        connection.executescript(TABLES)
    with valkey.client() as client:
        client.zadd("amico:following:default:4", {"5": 1382676091})
        client.zadd("amico:pending:default:4", {"6": 1382676091})
        for line, shown in steps(PAGES["moving"]):
            if line.endswith("import graph.jsonl --dry-run"):  # from here on in the other project
                client.delete(*client.keys("sequere:*"))
            (folder / "sequere-import.state").unlink(missing_ok=True)
            assert in_root(line, folder) == shown, line
