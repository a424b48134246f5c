"""Primary keys and object ids: one text for each row, on every database."""

from __future__ import annotations

import uuid
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from enum import Enum
from zoneinfo import ZoneInfo

import pytest
from django.db import connections, models
from django.utils import timezone as django_timezone

from sequere.exceptions import InvalidModel, InvalidObjectId
from sequere.keys import get_primary_key
from tests.support.tables import ModelRouter, tables_of
from tests.testapp.models import (
    Answer,
    Color,
    Country,
    Day,
    Document,
    Host,
    Hour,
    Invoice,
    Moment,
    Packet,
    Peer,
    Price,
    Profile,
    Project,
    Restaurant,
    Seat,
    Span,
    Weight,
)

pytestmark = pytest.mark.django_db(databases="__all__")

MODELS = [
    Answer,
    Color,
    Country,
    Day,
    Document,
    Host,
    Hour,
    Moment,
    Packet,
    Peer,
    Price,
    Project,
    Seat,
    Span,
    Weight,
]

UUID = "6ba7b810-9dad-11d1-80b4-00c04fd430c8"
EAST = timezone(timedelta(hours=5, minutes=30))


class Code(str, Enum):  # noqa: UP042 - its str() is not its value
    FRANCE = "fr"


@pytest.fixture(scope="module")
def tables(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), tables_of(MODELS):
        yield


@pytest.fixture
def alias(database, tables, settings):
    """The alias of each database, to which the routers send the models."""
    settings.DATABASE_ROUTERS = [ModelRouter(MODELS, database), *settings.DATABASE_ROUTERS]
    return database


@pytest.mark.parametrize(
    ("model", "value", "object_id"),
    [
        (Project, 7, "7"),
        (Project, "007", "7"),
        (Project, -7, "-7"),
        (Project, 7.0, "7"),
        (Seat, True, "1"),
        (Document, uuid.UUID(UUID), UUID),
        (Document, UUID.replace("-", "").upper(), UUID),
        (Country, "007", "007"),
        (Country, " É:\t", " É:\t"),
        (Country, 7, "7"),
        (Country, Code.FRANCE, "fr"),
        (Price, Decimal("1.5"), "1.50"),
        (Price, Decimal("-1.5000"), "-1.50"),
        (Price, Decimal("1E+3"), "1000.00"),
        (Price, Decimal("-0"), "0.00"),
        (Price, "1.5", "1.50"),
        (Price, 0.1, "0.10"),
        (Price, 7, "7.00"),
        (Moment, datetime(2013, 10, 25, 6, 41, 31, 612067, UTC), "2013-10-25T06:41:31.612067Z"),
        (Moment, datetime(2013, 10, 25, 6, 41, tzinfo=EAST), "2013-10-25T01:11:00.000000Z"),
        (Moment, "2013-10-25 06:41:31+05:30", "2013-10-25T01:11:31.000000Z"),
        (Day, date(2013, 10, 25), "2013-10-25"),
        (Day, datetime(2013, 10, 24, 23, 30, tzinfo=UTC), "2013-10-25"),  # in the TIME_ZONE, as Django
        (Day, date(1, 1, 1), "0001-01-01"),
        (Day, date(9999, 12, 31), "9999-12-31"),
        (Hour, time(6, 41), "06:41:00.000000"),
        (Hour, "06:41:31.5", "06:41:31.500000"),
        (Span, timedelta(days=1, hours=2, minutes=3, seconds=4, microseconds=5), "1 02:03:04.000005"),
        (Span, timedelta(microseconds=-1), "-1 23:59:59.999999"),
        (Host, "127.0.0.1", "127.0.0.1"),
        (Host, "2001:0DB8:0000::0001", "2001:db8::1"),
        (Host, "::ffff:a0a:a0a", "::ffff:10.10.10.10"),
        (Host, "::10.10.10.10", "::a0a:a0a"),
        (Peer, "::ffff:a0a:a0a", "10.10.10.10"),
        (Weight, 1.5, "1.5"),
        (Weight, -0.0, "0.0"),
        (Weight, 1e300, "1e+300"),
        (Weight, 0.1 + 0.2, "0.30000000000000004"),
        (Answer, True, "True"),
        (Answer, 0, "False"),
        (Packet, "00ff", "ff"),
        (Color, 255, "ff"),
    ],
)
def test_a_row_has_the_object_id_that_its_instance_had(alias, model, value, object_id):
    key = get_primary_key(model)
    saved = model.objects.using(alias).create(pk=value)
    (row,) = model.objects.using(alias).all()
    assert key.to_object_id(saved.pk) == key.to_object_id(row.pk) == object_id
    meant = key.from_object_id(object_id)
    assert key.to_python(object_id) == key.clean(value) == meant
    assert model.objects.using(alias).in_bulk([meant]) == {row.pk: row}


@pytest.mark.parametrize(
    ("model", "object_id", "reason"),
    [
        (Project, "01", "is not an object id of testapp.Project: the object id of that key is '1'"),
        (Project, "+1", "is '1'"),
        (Project, "1_0", "is '10'"),
        (Project, "\u0661", "is '1'"),  # an Arabic digit
        (Document, UUID.replace("-", ""), f"is '{UUID}'"),
        (Price, "1.5", r"is '1\.50'"),
        (Price, "-0.00", r"is '0\.00'"),
        (Moment, "2013-10-25T06:41:31.612067+05:30", r"is '2013-10-25T01:11:31\.612067Z'"),
        (Span, "1 day, 2:00:00", r"is '1 02:00:00\.000000'"),
        (Host, "::ffff:a0a:a0a", r"is '::ffff:10\.10\.10\.10'"),
        (Peer, "::ffff:10.10.10.10", r"is '10\.10\.10\.10'"),
        (Packet, "00ff", "is 'ff'"),
        (Color, "00ff", "is 'ff'"),
    ],
)
def test_another_spelling_is_for_users_but_not_for_the_graph(model, object_id, reason):
    key = get_primary_key(model)
    with pytest.raises(InvalidObjectId, match=reason):
        key.from_object_id(object_id)
    assert key.from_object_id(key.to_object_id(key.to_python(object_id))) == key.to_python(object_id)


REFUSED = [
    (Project, "9223372036854775808", "the database accepts -9223372036854775808 to 9223372036854775807"),
    (Project, "9" * 255, "the database accepts"),
    (Project, "1.5", "not a value of BigAutoField"),
    (Seat, "-1", "the database accepts 0 to"),
    (Document, "x", "not a value of UUIDField"),
    (Price, "nan", "not a value of DecimalField"),
    (Price, "-Infinity", "not a value of DecimalField"),
    (Price, "1e999999999", "more than 8 digits or 2 decimal places"),
    (Price, "1E-999999999", "more than 8 digits or 2 decimal places"),
    (Price, "1.005", "more than 8 digits or 2 decimal places"),
    (Price, "1000000", "more than 8 digits or 2 decimal places"),
    (Moment, "0001-01-01T00:00:00+14:00", "out of range"),
    (Moment, "2013-13-01T00:00:00Z", "not a value of DateTimeField"),
    (Day, "10000-01-01", "not a value of DateField"),
    (Hour, "25:00", "not a value of TimeField"),
    (Span, "106751992 00:00:00", "the database accepts"),
    (Span, "999999999999 00:00:00", "too large"),
    (Host, "999.1.1.1", "does not appear to be an IPv4 or IPv6 address"),
    (Host, "10.0.0.0/8", "does not appear to be an IPv4 or IPv6 address"),
    (Host, "::g", "not a value of GenericIPAddressField"),
    (Weight, "nan", "it is not finite"),
    (Weight, "1e999", "it is not finite"),
    (Answer, "maybe", "not a value of BooleanField"),
    (Packet, "f" * 17, "the database accepts"),
    (Packet, "x", "invalid literal"),
    (Country, "", "1 to 255 bytes"),
    (Country, "a\0b", "1 to 255 bytes without NUL"),
    (Country, "x" * 256, "1 to 255 bytes"),
    (Country, "\ud800", "text that can be encoded as UTF-8"),
]


@pytest.mark.parametrize(("model", "text", "reason"), REFUSED)
def test_what_no_key_can_be_is_refused(model, text, reason):
    key = get_primary_key(model)
    for read in (key.to_python, key.from_object_id):
        with pytest.raises(InvalidObjectId, match=reason):
            read(text)


def test_a_value_of_a_wrong_type_is_refused():
    for model, value in [
        (Project, object()),
        (Project, None),
        (Hour, time(1, tzinfo=UTC)),
        (Price, Decimal("NaN")),
        (Price, Decimal("1.005")),
        (Weight, float("inf")),
    ]:
        with pytest.raises(InvalidObjectId, match="cannot be a primary key of testapp"):
            get_primary_key(model).to_object_id(value)
    with pytest.raises(InvalidObjectId, match="object_id must be text; got 5"):
        get_primary_key(Project).to_python(5)


#: Texts of every type at and beyond its limits.
ODD = [
    *(text for _, text, _ in REFUSED),
    *(f"{sign}{number}" for sign in ("", "-") for number in (0, 255, 32768, 2**31, 2**63 - 1, 2**63, 2**64, 10**40)),
    *("0001-01-01", "9999-12-31", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "0999-02-29"),
    *("9999-12-31T23:59:59-14:00", "9999-12-31T23:59:60Z", "00:00", "23:59:59.999999", "24:00:00", "-00:00:01"),
    *("106751991 04:00:54.775807", "-106751992 19:59:05.224192", "P999999999D", "999999999 23:59:59.999999"),
    *("999999.99", "-999999.99", "1e5", "1e-5", "sNaN", "inf", "1e308", "1e309", "5e-324", "0x10"),
    *("::", "::1%eth0", "fe80::1%", "1.2.3", "01.2.3.4", "::ffff:999.1.1.1", "1::2::3", "f" * 16),
    *("1.2.3.4/24", "fe80::1%eth0", "9" * 5000, "1e400", "1E+1000000", "40000000000", "infinity", "2013-02-30"),
    *("9999-12-31T23:59:59-12:00", "-999999999 00:00:00", "P999999999999D", "é" * 128),
    *("True", "t", "é" * 127, "\U0001f600", "\ufffe", "'; --", "%s", "\\", "\x01", "\u200b", "{" + UUID + "}"),
]


@pytest.mark.parametrize("model", MODELS)
def test_the_database_takes_every_key_that_is_not_refused(alias, model):
    key = get_primary_key(model)
    keys = []
    for text in ODD:
        try:
            keys.append(key.to_python(text))
        except InvalidObjectId:
            continue
        assert key.from_object_id(key.to_object_id(keys[-1])) == keys[-1]
    for one in keys:
        assert not model.objects.using(alias).filter(pk=one).exists()
    assert model.objects.using(alias).in_bulk(keys) == {}


@pytest.fixture(params=[None, "Asia/Tokyo"])
def active_zone(request):
    """The time zone of the request; the one of the settings is Europe/Paris."""
    with django_timezone.override(request.param):
        yield


def test_a_naive_datetime_is_of_the_default_time_zone_whichever_is_active(alias, active_zone):
    key = get_primary_key(Moment)
    naive, object_id = datetime(2013, 10, 25, 8, 41, 31), "2013-10-25T06:41:31.000000Z"
    with pytest.warns(RuntimeWarning, match="received a naive datetime"):
        saved = Moment.objects.create(pk=naive)
    assert key.to_object_id(saved.pk) == key.to_object_id(Moment.objects.get().pk) == object_id
    assert key.to_object_id("2013-10-25 08:41:31") == object_id
    assert key.from_object_id(object_id) == Moment.objects.get().pk


def test_without_time_zones_the_text_has_none(settings, active_zone):
    settings.USE_TZ = False
    key = get_primary_key(Moment)
    naive = datetime(2013, 10, 25, 8, 41, 31)
    assert key.to_object_id(naive) == "2013-10-25T08:41:31.000000"
    assert key.to_object_id(naive.replace(tzinfo=UTC)) == "2013-10-25T10:41:31.000000"  # of Europe/Paris
    assert key.from_object_id("2013-10-25T08:41:31.000000") == naive


def test_a_moment_that_the_time_zone_of_the_database_cannot_express_is_refused(monkeypatch):
    key, first = get_primary_key(Moment), "0001-01-01T00:00:00Z"
    assert key.to_python(first) == datetime(1, 1, 1, tzinfo=UTC)
    monkeypatch.setattr(connections["default"], "timezone", ZoneInfo("America/New_York"))  # TIME_ZONE in DATABASES
    with pytest.raises(InvalidObjectId, match="out of range"):
        key.to_python(first)


def test_a_foreign_key_is_of_the_type_that_it_points_to():
    assert get_primary_key(Profile).to_object_id("07") == "7"
    assert get_primary_key(Restaurant).from_object_id("7") == 7
    assert get_primary_key(Invoice).to_object_id("1.5") == "1.50"
    assert get_primary_key(Invoice).attname == "price_id"


def make_model(field):
    """A model with this primary key."""
    options = type("Meta", (), {"app_label": f"keys_{uuid.uuid4().hex}"})
    return type("Made", (models.Model,), {"key": field, "Meta": options, "__module__": __name__})


def test_a_decimal_without_limits():
    key = get_primary_key(make_model(models.DecimalField(primary_key=True)))
    for text, object_id in [("1.50", "1.5"), ("1E+3", "1000"), ("-0.00", "0"), ("10", "10")]:
        assert key.to_object_id(Decimal(text)) == object_id
        assert key.from_object_id(object_id) == Decimal(text)
    with pytest.raises(InvalidObjectId, match="exponent is too large"):
        key.to_python("1e999999999")


def test_a_generated_key_is_of_the_type_of_its_output():
    field = models.GeneratedField(
        expression=models.F("x"), output_field=models.DecimalField(max_digits=8, decimal_places=2), db_persist=True
    )
    field.primary_key = True
    assert get_primary_key(make_model(field)).to_object_id("1.5") == "1.50"


def test_a_plain_field_of_the_project_takes_text():
    class Email(models.Field):
        def db_type(self, connection):
            return "citext"

    key = get_primary_key(make_model(Email(primary_key=True)))
    assert key.from_object_id("ada@example.org") == "ada@example.org" == key.to_object_id("ada@example.org")


def test_what_a_field_of_the_project_gives_to_the_database_is_checked():
    class Code(models.Field):
        def to_python(self, value):
            return str(value)

        def get_db_prep_value(self, value, connection, prepared=False):
            return int(value, 36)

    key = get_primary_key(make_model(Code(primary_key=True)))
    assert key.from_object_id("zz") == "zz" == key.to_object_id("zz")
    for text, reason in [("!", "invalid literal"), ("z" * 20, "the database accepts -9223372036854775808 to")]:
        with pytest.raises(InvalidObjectId, match=reason):
            key.to_python(text)


@pytest.mark.parametrize(
    "field",
    [models.BinaryField, models.JSONField, type("RangeField", (models.Field,), {"__module__": "django.contrib"})],
)
def test_a_type_without_a_text_of_its_own_is_refused(field):
    with pytest.raises(InvalidModel, match=r"Made is a \w+Field, whose values have no text .*; give|Give .*UUIDField"):
        get_primary_key(make_model(field(primary_key=True)))
