"""Periods: labels, half-open days, parts without gap or overlap, comparison, and what was observed."""

from datetime import datetime
from itertools import pairwise

import narwhals.stable.v2 as nw
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crmnb.core.errors import InputError, Unavailable
from crmnb.core.period import Period


@pytest.mark.parametrize(
    ("label", "start", "end"),
    [
        ("2025", "2025-01-01", "2026-01-01"),
        ("2025Q4", "2025-10-01", "2026-01-01"),
        ("2024-02", "2024-02-01", "2024-03-01"),
        ("2025-10-01..2025-12-31", "2025-10-01", "2026-01-01"),
        ("2025-12-31..2025-12-31", "2025-12-31", "2026-01-01"),
        ("FY2025", "2024-04-01", "2025-04-01"),
        ("FY2025Q4", "2025-01-01", "2025-04-01"),
    ],
)
def test_label_means_half_open_days(label, start, end):
    period = Period.parse(label, fiscal_year_starts=4)
    assert (period.start, period.end) == (datetime.fromisoformat(start), datetime.fromisoformat(end))


@pytest.mark.parametrize(
    "label",
    [
        "",
        "25",
        "2025Q5",
        "2025-13",
        "2025-1",
        "FY2025-03",
        "2025-02-30..2025-03-01",
        "2025-03-01..2025-02-01",
        "1000",
        "../x",
    ],
)
def test_anything_else_is_refused(label):
    with pytest.raises(InputError, match="period"):
        Period.parse(label)


@pytest.mark.parametrize(
    ("label", "previous", "year_before"),
    [
        ("2025", "2024", "2024"),
        ("2025Q1", "2024Q4", "2024Q1"),
        ("2025-01", "2024-12", "2024-01"),
        ("FY2025Q1", "FY2024Q4", "FY2024Q1"),
        ("2025-03-01..2025-03-10", "2025-02-19..2025-02-28", "2024-03-01..2024-03-10"),
    ],
)
def test_comparison_periods(label, previous, year_before):
    period = Period.parse(label, fiscal_year_starts=4)
    assert (period.previous.label, period.year_before.label) == (previous, year_before)
    assert Period.parse(previous, 4) == period.previous


days = st.dates(min_value=datetime(2000, 1, 1).date(), max_value=datetime(2100, 1, 1).date())


@given(days, st.integers(1, 1000))
def test_parts_are_without_gap_or_overlap(first, length):
    last = first + pd.Timedelta(days=length - 1)
    period = Period.parse(f"{first}..{last}")
    edges = [(part.start, part.end) for part in period.parts]
    assert edges[0][0] == period.start
    assert edges[-1][1] == period.end
    assert all(a[1] == b[0] for a, b in pairwise(edges))
    assert sum(part.days for part in period.parts) == period.days == length


def test_a_year_has_months_and_a_month_has_weeks_from_monday():
    assert [part.label for part in Period.parse("2025").parts][:2] == ["2025-01", "2025-02"]
    assert [part.start.day for part in Period.parse("2025-10").parts] == [1, 6, 13, 20, 27]


def test_holds_the_first_instant_and_not_the_last():
    times = nw.from_native(
        pd.DataFrame(
            {
                "at": pd.to_datetime(
                    ["2024-12-31 23:59:59", "2025-01-01 00:00:00", "2025-12-31 23:59:59", "2026-01-01 00:00:00"]
                )
            }
        )
    )
    inside = times.filter(Period.parse("2025").holds("at"))
    assert [str(at) for at in inside["at"]] == ["2025-01-01 00:00:00", "2025-12-31 23:59:59"]


def test_knows_what_was_observed():
    period = Period.parse("2010").observe(datetime(2009, 12, 1), datetime(2010, 12, 10))
    assert period.partial
    assert period.observed_end == datetime(2010, 12, 10)
    assert [part.label for part in period.parts if part.partial] == ["2010-12"]
    assert not period.previous.observe(None, None).partial
    with pytest.raises(
        Unavailable, match=r"needs_history\(needed='2009-10-03', days=90, time='2010-01-01', begins='2009-12-01'\)"
    ):
        period.require_history(90)
    with pytest.raises(Unavailable, match=r"data_end_before_period\(ends='2010-12-09', period='2011'\)"):
        Period.parse("2011").observe(None, datetime(2010, 12, 10)).require_data()
    period.parts[2].require_history(90)
