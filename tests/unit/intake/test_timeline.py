"""The time line: a single wrong date says neither when the data begin nor when they end, and switches no guard off."""

from datetime import date, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest
from importing import ORDERS, take

from crmnb.core.notes import from_json
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure
from crmnb.evaluate.settings import seen_by
from crmnb.intake.timeline import build_timeline
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client


def every(first: str, step: int, times: int, each: int = 1) -> dict[date, int]:
    begin = date.fromisoformat(first)
    return {begin + timedelta(days=step * at): each for at in range(times)}


DAILY = every("2023-01-02", 1, 1000, 5)


@pytest.mark.parametrize(
    ("rows", "first", "last"),
    [
        (DAILY, "2023-01-02", "2025-09-27"),
        ({date(1900, 1, 1): 1} | DAILY, "2023-01-02", "2025-09-27"),
        ({date(1900, 1, 1): 1, date(1970, 1, 1): 3} | DAILY, "2023-01-02", "2025-09-27"),
        (DAILY | {date(2099, 1, 1): 2}, "2023-01-02", "2025-09-27"),
        ({date(1900, 1, 1): 1} | DAILY | {date(2099, 1, 1): 2}, "2023-01-02", "2025-09-27"),
        ({date(2022, 8, 1): 1} | DAILY, "2022-08-01", "2025-09-27"),  # five months before: a slow beginning
        ({date(2015, 1, 1) + timedelta(days=at): 1 for at in range(400)} | DAILY, "2015-01-01", "2025-09-27"),  # many
        (every("2020-01-01", 365, 6, 100), "2020-01-01", "2024-12-30"),  # a survey once a year
        (every("2020-01-01", 100, 12), "2020-01-01", "2023-01-05"),  # few rows, far from each other
        ({date(1900, 1, 1): 1} | every("2020-01-01", 100, 12), "2020-01-01", "2023-01-05"),
        ({date(1900, 1, 1): 1, date(2025, 1, 1): 250}, "2025-01-01", "2025-01-01"),  # all of one day, and a slip
        ({date(1900, 1, 1): 1, date(2025, 1, 1): 1}, "1900-01-01", "2025-01-01"),  # who could tell
        ({date(2025, 1, 1): 1}, "2025-01-01", "2025-01-01"),
    ],
)
def test_the_dense_part_leaves_out_a_few_rows_that_lie_apart(rows, first, last):
    found = build_timeline(rows)
    assert (str(found.first), str(found.last)) == (first, last)
    assert (found.earliest, found.latest) == (min(rows), max(rows))


def test_a_long_gap_between_many_rows_is_told_and_cuts_nothing():
    both = every("2019-01-01", 1, 300) | every("2022-06-01", 1, 300)
    found = build_timeline(both)
    assert (found.first, found.gap) == (date(2019, 1, 1), (date(2019, 10, 27), date(2022, 6, 1)))
    assert build_timeline(DAILY).gap is None
    assert build_timeline(every("2020-01-01", 365, 6, 100)).gap is None  # as usual there
    assert build_timeline({}) is None


def csv(*more: str) -> str:
    days = [date(2023, 3, 1) + timedelta(days=3 * at) for at in range(300)]
    lines = [f"{at},c{at % 40},{day},10,paid" for at, day in enumerate(days)]
    return "\n".join(["No,Customer,Ordered,Total,Status", *lines, *more]) + "\n"


def taken_of(tmp_path, text: str, declared: str = ""):
    return take(tmp_path, f"{declared}sources: {{orders: {{file: orders.csv}}}}{ORDERS}", orders_csv=text)


def test_one_row_of_1900_does_not_begin_the_data(tmp_path):
    taken = taken_of(tmp_path, csv("900,c1,1900-01-01,10,paid"))
    assert taken.data_from == datetime(2023, 3, 1)
    (said,) = taken.gaps
    assert said.startswith("orders: nearly all rows start on 2023-03-01, a few isolated rows go back to 1900; the")
    assert "declare data_from: 2023-03-01" in said
    assert taken.audits[0].accepted == 301  # nothing is set aside


def test_one_row_long_after_all_others_does_not_end_the_data(tmp_path):
    taken = taken_of(tmp_path, csv("900,c1,2026-11-01,10,paid"))
    assert taken.cutoff == datetime(2025, 8, 15)
    assert "declare data_until: 2025-08-14" in taken.gaps[0]
    assert "a few isolated rows go on to 2026; the" in taken.gaps[0]
    assert "2026-11" not in taken.gaps[0]  # a page prints it: the day of a single row tells of one customer


def test_what_is_declared_is_believed_and_no_wish_is_told(tmp_path):
    taken = taken_of(tmp_path, csv("900,c1,1900-01-01,10,paid"), "data_from: 1900-01-01\n")
    assert taken.data_from == datetime(1900, 1, 1)
    assert "declare" not in taken.gaps[0]
    assert taken_of(tmp_path, csv()).gaps == ()


SHOP = Client(
    id="shop", folder=Path(), name="Shop", currency="EUR", sources={}, tables={"orders": {}},
    churn={"kind": "inactivity", "inactivity_days": 90},
)  # fmt: skip


def orders(*more: str) -> pd.DataFrame:
    days = [*pd.date_range("2024-12-01", "2025-12-30", freq="2D"), *map(pd.Timestamp, more)]
    rows = pd.DataFrame({"order_id": [str(at) for at in range(len(days))], "ordered_at": days})
    return rows.assign(customer_id=[f"c{at % 50}" for at in range(len(days))], amount=10.0, status="paid")


def test_a_guard_on_history_is_not_switched_off_by_one_row():
    """Retention of January 2025 needs data from 3 October 2024; these begin in December, whatever one row says."""
    tables = in_memory(SHOP, {"orders": orders("1900-01-01")})
    period = Period.parse("2025-01").observe(datetime(1900, 1, 1), tables.cutoff)
    assert seen_by(catalogue()["retention_rate"], tables, period).data_from == datetime(2024, 12, 1)
    row = measure(catalogue()["retention_rate"], tables, period).rows.iloc[0]
    reason = from_json(row["reason"])
    assert reason.values["needed"] == "2024-10-03"
    assert reason.values["begins"] == "2024-12-01"


def test_the_end_of_tables_in_memory_is_that_of_the_dense_part():
    assert in_memory(SHOP, {"orders": orders("2199-01-01")}).cutoff == datetime(2025, 12, 31)
