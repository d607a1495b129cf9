"""Working time: hours by the working week, holidays and clock changes, against minutes counted by themselves."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd
import pytest

from crmnb.core.period import Period
from crmnb.engine.periods import Periods, relation_in
from crmnb.engine.session import in_memory
from crmnb.metrics.features.working_time import with_hours, working_days
from crmnb.schema.client import Client, Service, TimeZone

YEAR = Period.parse("2025").observe(datetime(2024, 1, 1), datetime(2026, 1, 1))
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday")
OFFICE = Service(working_week=dict.fromkeys(DAYS, ("08:30", "17:00")), holidays="GB-ENG", closed=(date(2025, 12, 24),))
CALENDAR = Service()
NIGHTS = Service(working_week=dict.fromkeys((*DAYS, "saturday", "sunday"), ("00:00", "06:00")))


def client(**declared) -> Client:
    return Client(id="desk", name="Desk", folder=".", currency="GBP", sources={}, tables={}, **declared)


def hours(pairs: list[tuple[str, str]], service: Service, zone: str) -> list[float]:
    """By the suite."""
    names = [f"{number:05}" for number, _ in enumerate(pairs)]
    frame = pd.DataFrame({"ticket_id": names, "opened_at": [a for a, _ in pairs], "resolved_at": [b for _, b in pairs]})
    frame = frame.astype({"opened_at": "datetime64[us]", "resolved_at": "datetime64[us]"})
    tables = in_memory(client(), {"tickets": frame})
    periods = Periods({0: YEAR, 1: YEAR.previous}, relation_in(tables.derived))
    rows = with_hours(tables.frame("tickets"), "opened_at", "resolved_at", periods, service, TimeZone(zone))
    return rows.to_native().df().sort_values("ticket_id")["duration"].tolist()


def counted(opened: str, resolved: str, service: Service, zone: str) -> float:
    """Minute by minute, in universal time: those in which the clock on the wall shows working hours."""
    import holidays

    there, moment = ZoneInfo(zone), datetime.fromisoformat(opened).replace(tzinfo=ZoneInfo(zone))
    now, end = (
        time.astimezone(ZoneInfo("UTC")) for time in (moment, datetime.fromisoformat(resolved).replace(tzinfo=there))
    )
    off = {*service.closed}
    if service.holidays:
        off |= {*holidays.country_holidays("GB", subdiv="ENG", years=[2024, 2025])}
    minutes = 0
    while now < end:
        wall = now.astimezone(there)
        day = service.working_week.get(f"{wall:%A}".lower())
        works = day and wall.date() not in off and day[0] <= f"{wall:%H:%M}" < day[1]
        minutes += bool(works or not service.working_week)
        now += timedelta(minutes=1)
    return minutes / 60


def test_hours_counted_by_hand():
    pairs = [
        ("2025-04-17 16:00", "2025-04-22 09:00"),  # Maundy Thursday to Tuesday: 1 hour, then half an hour
        ("2025-12-23 16:59:59", "2025-12-29 08:31:30"),  # a minute, closed, two holidays, a weekend, a minute
        ("2025-06-07 10:00", "2025-06-08 20:00"),  # a weekend
        ("2025-06-09 10:00", "2025-06-09 10:00"),
    ]
    assert hours(pairs, OFFICE, "Europe/London") == [1.5, 2 / 60, 0, 0]


@pytest.mark.parametrize("zone", ["Europe/London", "America/New_York", "Australia/Lord_Howe", "UTC"])
@pytest.mark.parametrize("service", [CALENDAR, NIGHTS], ids=["calendar", "nights"])
def test_clock_changes_are_counted(zone, service):
    clocks = {
        "Europe/London": ("03-30", "10-26"),
        "America/New_York": ("03-09", "11-02"),
        "Australia/Lord_Howe": ("04-06", "10-05"),
    }
    pairs = [(f"2025-{day} 00:30", f"2025-{day} 05:00") for day in clocks.get(zone, ("03-30",))]
    pairs += [("2025-03-28 12:00", "2025-04-02 12:00")]
    assert hours(pairs, service, zone) == [counted(*pair, service, zone) for pair in pairs]


def test_random_times_are_counted_alike():
    rng = np.random.default_rng(3)
    opened = pd.Timestamp("2024-03-01") + pd.to_timedelta(rng.integers(0, 600 * 1440, 25), unit="min")
    pairs = [
        (f"{a:%Y-%m-%d %H:%M}", f"{a + pd.Timedelta(minutes=int(m)):%Y-%m-%d %H:%M}")
        for a, m in zip(opened, rng.integers(0, 20_000, 25), strict=True)
    ]
    assert hours(pairs, OFFICE, "Europe/London") == [counted(*pair, OFFICE, "Europe/London") for pair in pairs]


def test_a_day_without_work_has_none():
    sunday = next(working_days(date(2025, 6, 8), date(2025, 6, 8), OFFICE, "UTC"))
    assert (sunday.open_for, sunday.before, sunday.shift) == (0, 0, 0)
