"""The key `service` of a parameters file: working hours, holidays and closed days."""

import pytest

from crmnb.schema.client import Client, Service
from crmnb.schema.client.service import find_service_problems

DAY = {"monday": ("09:00", "17:00")}


def problems(**declared) -> list[str]:
    return list(find_service_problems(Service(**declared)))


def test_a_working_week_with_holidays_has_no_problem():
    assert problems(working_week=DAY | {"sunday": ("00:00", "24:00")}, holidays="GB-ENG", closed=("2025-12-24",)) == []
    assert problems(working_week=DAY, holidays="CH") == []
    assert problems() == []


@pytest.mark.parametrize(
    ("declared", "key"),
    [
        ({"working_week": {"monday": ("17:00", "09:00")}}, "service.working_week.monday"),
        ({"working_week": {"monday": ("09:00", "09:00")}}, "service.working_week.monday"),
        ({"holidays": "GB"}, "service.holidays"),
        ({"closed": ("2025-12-24",)}, "service.closed"),
        ({"working_week": DAY, "holidays": "QQ"}, "service.holidays: 'QQ'"),
        ({"working_week": DAY, "holidays": "GB-XYZ"}, "service.holidays: 'XYZ'"),
    ],
)
def test_what_cannot_be_meant_is_named(declared, key):
    (message,) = problems(**declared)
    assert message.startswith(key)


@pytest.mark.parametrize(
    "declared",
    [
        {"working_week": {"funday": ("09:00", "17:00")}},
        {"working_week": {"monday": ("9:00", "17:00")}},
        {"working_week": {"monday": ("09:00", "25:00")}},
        {"working_week": {"monday": ("09:00",)}},
        {"working_week": DAY, "holidays": "England"},
        {"name_agents": "perhaps"},
    ],
)
def test_what_has_another_form_is_refused(declared):
    with pytest.raises(ValueError, match="service"):
        Client(id="a", folder=".", name="A", currency="GBP", sources={}, tables={}, service=declared)
