"""A small campaign against the intake: generated tables in any dialect, with defects, held against an oracle.

`python -m benchmarks.robustness.campaign` is the whole of it.
"""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import duckdb
import pytest
from campaign_checks import Tally, check, check_table
from campaign_oracle import BAD, expect, never_was, value
from campaign_tables import Dialect, Drawn
from hypothesis import HealthCheck, given, seed, settings
from importing import counts, rows, take

from campaign import WRONG, Case, cases, suited
from crmnb.schema.tables import TABLES

PARAMETERS = {
    "sources": {"s": {"file": "s.csv"}},
    "tables": {
        "reviews": {
            "source": "s",
            "columns": {"review_id": "Id", "platform": "On", "posted_at": "At", "rating": "Stars", "scale": "Of"},
            "bad_rows_allowed": 1,
        }
    },
}
TEXT = "Id,On,At,Stars,Of\n1,a,2025-01-01,4,5\n2,a,2025-02-30,4,5\n3,a,2025-01-02,6,5\n4,a\n1,b,2025-01-01,5,5\n"


def test_a_small_campaign(tmp_path_factory):
    """The same cases each time, so that a failure is a change's doing."""
    tally = Tally()

    @seed(2)
    @settings(max_examples=40, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(cases())
    def held(case):
        few = replace(case, compare=len(case.drawn) == 2, typed=True)  # a comparison takes four times as long
        check(few, tmp_path_factory.mktemp("case"), tally)

    held()
    assert tally.tables > 105
    assert tally.quarantined > 50
    assert tally.excluded > 50
    assert {"xlsx, typed", "jsonl, typed", "parquet, typed"} <= set(tally.compared)


REFUSED = {
    "delimiter": "structure",
    "encoding": "encoding",
    "utf-16": "encoding",
    "not utf-16": "encoding",
    "header": "structure",
    "column": "structure",
    "repeated": "structure",
    "unclosed": "quote",
    "decimal": "unreadable",
    "form": "unreadable",
    "points": "points",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_each_wrong_declaration_is_refused_in_words(tmp_path, wrong):
    orders = TABLES["orders"]
    columns = tuple(column for column in orders.columns if column.required)
    dialect = replace(Dialect(delimiter=";", form="%d/%m/%Y"), **suited(wrong, Dialect()))
    drawn = Drawn(orders, columns, dialect, tuple((number, (), "") for number in range(1, 12, 2)), None, wrong)
    tally = Tally()
    check(Case("UTC", None, (drawn,), compare=False, typed=False), tmp_path, tally)
    assert dict(tally.refusals) == {REFUSED[wrong]: 1}


# ---- The checks can fail ----------------------------------------------------------------------------------


def taken(folder, text: str):
    """What the intake makes of a text of reviews, and what the oracle expects of TEXT."""
    parameters = "sources: {s: {file: s.csv}}\ntables: {reviews: {source: s, bad_rows_allowed: 1, columns: {review_id: Id, platform: On, posted_at: At, rating: Stars, scale: Of}}}\n"
    return take(folder, parameters, s_csv=text), expect(PARAMETERS, "reviews", {"s.csv": TEXT.encode()})


def test_the_checks_pass_what_is_right(tmp_path):
    found, expected = taken(tmp_path, TEXT)
    check_table(found, "reviews", expected, PARAMETERS["tables"]["reviews"])
    assert counts(found)[0][2:5] == (5, 1, 4)
    assert len(rows(found, "reviews")) == 1


@pytest.mark.parametrize(
    ("was", "other"),
    [
        ("1,a,2025-01-01,4,5", "1,a,2025-01-01,3,5"),  # another value
        ("2,a,2025-02-30,4,5", "2,a,2025-02-20,4,5"),  # accepted, and wrong
        ("1,a,2025-01-01,4,5", "1,a,2025-13-01,4,5"),  # set aside, and right
        ("3,a,2025-01-02,6,5", "3,a,2025-02-30,6,5"),  # another reason
        ("3,a,2025-01-02,6,5\n", ""),  # a row less
        ("4,a\n", "4,b\n"),  # not as it came
    ],
)
def test_the_checks_see_what_is_wrong(tmp_path, was, other):
    found, expected = taken(tmp_path, TEXT.replace(was, other))
    with pytest.raises(AssertionError):
        check_table(found, "reviews", expected, PARAMETERS["tables"]["reviews"])


def test_the_checks_see_a_row_that_vanished(tmp_path):
    found, expected = taken(tmp_path, TEXT)
    with duckdb.connect() as con:
        con.execute(f"CREATE TABLE t AS FROM '{found.tables['reviews']}' LIMIT 0")
        con.execute(f"COPY t TO '{found.tables['reviews']}' (FORMAT parquet)")
    with pytest.raises(AssertionError, match="not what lies there"):
        check_table(found, "reviews", expected, PARAMETERS["tables"]["reviews"])


@pytest.mark.parametrize(
    ("type_", "text", "source", "expected"),
    [
        ("key", "007", {}, "007"),
        ("key", "13085.0", {}, "13085"),
        ("money", "1.234,50", {"decimal": ",", "thousands": "."}, Decimal("1234.5")),
        ("money", "12.34,5", {"decimal": ",", "thousands": "."}, BAD),
        ("money", "€ 5", {"signs": ["€"]}, Decimal(5)),
        ("money", "€ 5", {}, BAD),
        ("number", "1e400", {}, BAD),
        ("integer", "7.0", {}, 7),
        ("integer", "7.5", {}, BAD),
        ("time", "2025-02-31", {}, BAD),
        ("time", "45658.5", {"date_format": "excel"}, datetime(2025, 1, 1, 12)),
        ("time", "2025-07-01 12:00Z", {}, datetime(2025, 7, 1, 13)),
        ("time", "2025-07-01 12:00 GMT+2", {}, datetime(2025, 7, 1, 11)),
        ("time", "2025-07-01 12:00", {"time_zone": "America/New_York"}, datetime(2025, 7, 1, 17)),
        ("time", "2025-07-01", {"time_zone": "America/New_York"}, datetime(2025, 7, 1)),
        ("time", "1751367600000", {"date_format": "epoch_ms"}, datetime(2025, 7, 1, 12)),
        ("time", "2025-07-01 11:00 UTC", {"date_format": "%Y-%m-%d %H:%M UTC"}, datetime(2025, 7, 1, 12)),
        ("time", "03/04/2025", {"date_format": ["%d/%m/%Y", "%m/%d/%Y"]}, BAD),
        ("time", "13/04/2025", {"date_format": ["%d/%m/%Y", "%m/%d/%Y"]}, datetime(2025, 4, 13)),
        ("money", "($ 5.50)", {"signs": ["$"]}, Decimal("-5.5")),
        ("money", "5.50-", {}, Decimal("-5.5")),
        ("money", "(-5.50)", {}, BAD),
        ("month", "2025-07-31", {}, datetime(2025, 7, 1)),
        ("flag", "No", {}, False),
        ("flag", "2", {}, BAD),
    ],
)
def test_the_oracle_itself(type_, text, source, expected):
    assert value(type_, text, source, "Europe/London") == expected
    assert never_was(datetime(2025, 3, 30, 1, 30), "Europe/London")
    assert not never_was(datetime(2025, 3, 30, 2), "Europe/London")
