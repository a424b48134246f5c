"""Keys of every type in the views: what the database refuses does not exist, in each database."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from uuid import UUID

import pytest
from django.urls import reverse
from hypothesis import HealthCheck, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from sequere import registry
from sequere.models import is_following
from sequere.templatetags.sequere_tags import object_id as object_id_of
from tests.support.tables import ModelRouter, tables_of
from tests.testapp.models import (
    Color,
    Country,
    Day,
    Document,
    Host,
    Hour,
    Moment,
    Peer,
    Price,
    Project,
    Seat,
    Span,
    User,
    Weight,
)

pytestmark = pytest.mark.django_db(databases="__all__")

UNREGISTERED = [Color, Day, Host, Hour, Moment, Peer, Price, Seat, Span, Weight]
MODELS = [Country, Document, Project, *UNREGISTERED]


@pytest.fixture(scope="module")
def tables(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), tables_of(MODELS):
        yield


@pytest.fixture
def post(database, tables, settings, client):
    """Posts the form as a logged-in user, where the models and the follows are in each database."""
    settings.SEQUERE_BACKEND_CLASS = "sequere.backends.database.DatabaseBackend"
    settings.DATABASE_ROUTERS = [ModelRouter(MODELS, database), *settings.DATABASE_ROUTERS]
    registry.register(UNREGISTERED)
    client.force_login(User.objects.create_user("thoas"))

    def post(name, model, object_id):
        data = {"identifier": registry.get_base(model).identifier, "object_id": object_id}
        return client.post(reverse(f"sequere:{name}"), data)

    yield post
    for model in UNREGISTERED:
        registry.unregister(model)


#: A text of each model that its field or its database refuses; the tests of keys have the others.
REFUSED = [
    (Color, "9" * 30),
    (Country, "1\0"),
    (Day, "2013-02-30"),
    (Document, "9" * 30),
    (Host, "::ffff:999.1.1.1"),
    (Hour, "24:00:00"),
    (Moment, "0001-01-01T00:00:00+14:00"),
    (Peer, "1.2.3"),
    (Price, "1e999999999"),
    (Project, "9" * 5000),
    (Seat, "-1"),
    (Span, "-999999999 00:00:00"),
    (Weight, "1e400"),
]


@pytest.mark.parametrize(("model", "object_id"), REFUSED)
def test_what_the_database_refuses_does_not_exist(post, model, object_id):
    response = post("follow", model, object_id)
    assert response.status_code == 404
    assert response.content.decode().startswith(f"There is no {registry.get_base(model).identifier} ")


@pytest.mark.parametrize(
    ("model", "key"),
    [
        (Color, 255),
        (Country, "Île de la Cité"),
        (Day, date(2013, 10, 25)),
        (Document, UUID(int=7)),
        (Host, "::ffff:10.10.10.10"),
        (Hour, time(6, 41)),
        (Moment, datetime(2013, 10, 25, 6, 41, tzinfo=UTC)),
        (Price, Decimal("1.5")),
        (Span, timedelta(days=-1)),
        (Weight, 0.5),
    ],
)
def test_the_object_id_of_an_instance_finds_it(post, model, key):
    model.objects.create(pk=key)
    response = post("follow", model, object_id_of(model.objects.get()))
    assert response.status_code == 302
    assert is_following(User.objects.get(), model.objects.get())


ODD_KEYS = st.one_of(
    st.text(max_size=20),
    st.integers().map(str),
    st.floats().map(str),
    st.decimals().map(str),
    st.dates().map(str),
    st.datetimes().map(str),
    st.times().map(str),
    st.timedeltas().map(str),
    st.uuids().map(str),
    st.ip_addresses().map(str),
    st.tuples(st.integers(), st.integers()).map("{0[0]}e{0[1]}".format),
    st.tuples(st.integers(), st.times()).map("{0[0]} {0[1]}".format),
    st.tuples(st.datetimes(), st.sampled_from(["Z", "+14:00", "-23:59", "+99:99"])).map("{0[0]}{0[1]}".format),
)


@examples(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["follow", "unfollow"]), model=st.sampled_from(MODELS), object_id=ODD_KEYS)
def test_whatever_key_a_client_names_it_gets_an_answer(post, name, model, object_id):
    assert post(name, model, object_id).status_code in {302, 400, 404}
