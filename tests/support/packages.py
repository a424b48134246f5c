"""What django-friendship and django-activity-stream write, by their own functions, into a new SQLite file.

``python -m tests.support.packages FILE``: in a process of its own, because they add attributes to the user model.
"""

from __future__ import annotations

import os
import sys
from datetime import UTC, datetime

#: When the first edge of each package was made; each later one a second later.
BEGIN = 1382676091


def write_friendship():
    from friendship.models import Block, Follow, Friend, FriendshipRequest

    from tests.testapp.models import User

    ada, bob, cyd, dan, eve = users = [User.objects.get(pk=pk) for pk in range(1, 6)]
    for one in users[1:]:
        Follow.objects.add_follower(one, ada)
    Follow.objects.add_follower(ada, bob)
    Block.objects.add_block(ada, cyd)
    Friend.objects.add_friend(ada, dan).accept()
    Friend.objects.add_friend(bob, ada, message="Hi").mark_viewed()
    Friend.objects.add_friend(eve, ada).reject()
    for model in (Follow, Block, Friend, FriendshipRequest):
        set_times(model, "created")


def write_actstream():
    from actstream.actions import follow
    from actstream.models import Follow
    from actstream.registry import register

    from tests.testapp.models import Country, Project, Stranger, User

    register(User, Project, Country, Stranger)
    ada, bob = User.objects.get(pk=1), User.objects.get(pk=2)
    follow(ada, Project.objects.create(pk=7, name="Flight"), send_action=False)
    follow(ada, bob, flag="watching", actor_only=False, send_action=False)
    follow(ada, bob, send_action=False)
    follow(bob, Country.objects.create(code="a:é"), actor_only=False, send_action=False)
    follow(bob, ada, flag="Liking it", send_action=False)
    follow(bob, Stranger.objects.create(), send_action=False)
    set_times(Follow, "started")


def set_times(model, column):
    for number, row in enumerate(model.objects.order_by("pk")):
        setattr(row, column, datetime.fromtimestamp(BEGIN + number, UTC))
        row.save()


def main(file):
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.settings"
    from django.conf import settings

    settings.DATABASES = {"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": file}}
    settings.INSTALLED_APPS = [*settings.INSTALLED_APPS, "friendship", "actstream"]
    import django

    django.setup()
    from django.core.management import call_command

    from tests.testapp.models import User

    call_command("migrate", "--run-syncdb", verbosity=0)
    for pk in range(1, 6):
        User.objects.create(pk=pk, username=str(pk))
    write_friendship()
    write_actstream()


if __name__ == "__main__":
    main(*sys.argv[1:])
