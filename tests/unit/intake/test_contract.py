"""Casting and judging: each value against what the contract says of it, one at a time and by chance."""

import csv
import io
from datetime import datetime, timedelta
from decimal import Decimal

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from importing import quarantined, rows, take, take_orders

from crmnb.core.errors import InputError
from crmnb.intake.staging_table import Cell, quote_literal
from crmnb.intake.validation.casts import cast_cell, clean_cell, restrict_range
from crmnb.schema.client import Source

LOOSE = "bad_rows_allowed: 1"


def value(type_: str, text: str | None, zone: str = "UTC", **options):
    """The value that a text is taken for, None where it is none."""
    source = Source(file="x.csv", **options)
    given = "NULL::VARCHAR" if text is None else quote_literal(text)
    found = cast_cell(type_, Cell("t", "text"), source, zone)
    found = restrict_range(found) if type_ == "time" else found
    select = f"SELECT {found} FROM (SELECT {clean_cell(Cell('g', 'text'), source).sql} AS t FROM (SELECT {given} AS g))"
    with duckdb.connect() as con:
        return con.execute(select).fetchone()[0]


@pytest.mark.parametrize(
    ("type_", "text", "expected"),
    [
        ("key", "007", "007"),
        ("key", " 007\t", "007"),
        ("key", "\u00a0007\u202f", "007"),
        ("key", "13085.0", "13085"),
        ("key", "13085.00", "13085"),
        ("key", "13085.10", "13085.10"),
        ("key", "A.0", "A.0"),
        ("key", "0.0", "0"),
        ("key", "", None),
        ("key", "  ", None),
        ("text", "vtab fin", "vtab fin"),
        ("text", " a  b ", "a  b"),
        ("money", "10.5", Decimal("10.5")),
        ("money", "-3", Decimal(-3)),
        ("money", "+3.", Decimal(3)),
        ("money", ".5", Decimal("0.5")),
        ("money", "1e-2", Decimal("0.01")),
        ("money", "10,5", None),
        ("money", "1,000", None),
        ("money", "£5", None),
        ("money", "5 GBP", None),
        ("money", "1_000", None),
        ("money", "0x10", None),
        ("money", "nan", None),
        ("money", "Infinity", None),
        ("money", "1" * 20, None),
        ("money", "٣", None),
        ("number", "1e3", 1000.0),
        ("number", "inf", None),
        ("number", "1e999", None),
        ("number", "1 000", None),
        ("number", "--1", None),
        ("integer", "5", 5),
        ("integer", "5.0", 5),
        ("integer", "-5.00", -5),
        ("integer", "5.5", None),
        ("integer", "5e1", None),
        ("integer", "0x1F", None),
        ("integer", "9" * 19, None),
        ("integer", "five", None),
        ("flag", "Yes", True),
        ("flag", "0", False),
        ("flag", "TRUE", True),
        ("flag", "n", False),
        ("flag", "ja", None),
        ("flag", "2", None),
        ("time", "2025-01-31", datetime(2025, 1, 31)),
        ("time", "2025-01-31 12:30", datetime(2025, 1, 31, 12, 30)),
        ("time", "2025-01-31T12:30:15.25", datetime(2025, 1, 31, 12, 30, 15, 250_000)),
        ("time", "2025-02-29", None),
        ("time", "2024-02-29", datetime(2024, 2, 29)),
        ("time", "2025-1-3", None),
        ("time", "2025-01-31 24:00", None),
        ("time", "2025-01-31 9:00", None),
        ("time", "31/01/2025", None),
        ("time", "2025/01/31", None),
        ("time", "20250131", None),
        ("time", "45000", None),
        ("time", "epoch", None),
        ("time", "infinity", None),
        ("time", "now", None),
        ("time", "0025-01-31", None),
        ("time", "2999-01-31", None),
        ("time", "2025-01-31 AD", None),
    ],
)
def test_a_text_is_a_value_or_it_is_not(type_, text, expected):
    assert value(type_, text) == expected


@pytest.mark.parametrize(
    ("zone", "text", "expected"),
    [
        ("Europe/London", "2025-07-01T12:00:00Z", datetime(2025, 7, 1, 13)),
        ("Europe/London", "2025-01-01T12:00:00+00:00", datetime(2025, 1, 1, 12)),
        ("Asia/Kolkata", "2025-01-01 23:00+0100", datetime(2025, 1, 2, 3, 30)),
        ("America/New_York", "2025-01-01T02:00:00Z", datetime(2024, 12, 31, 21)),
    ],
)
def test_a_time_with_an_offset_becomes_the_clients_wall_clock(zone, text, expected):
    assert value("time", text, zone) == expected
    form = {"date_format": "%d.%m.%Y %H:%M %z"}
    assert value("time", "01.07.2025 12:00 +0000", "Europe/London", **form) == datetime(2025, 7, 1, 13)


@pytest.mark.parametrize(
    ("form", "text", "expected"),
    [
        ("%d/%m/%Y", "03/04/2025", datetime(2025, 4, 3)),
        ("%m/%d/%Y", "03/04/2025", datetime(2025, 3, 4)),
        ("%d/%m/%Y", "31/02/2025", None),
        ("%d/%m/%Y", "2025-04-03", None),
        ("%d/%m/%Y", "03/04/25", None),
        ("%d/%m/%y", "03/04/25", datetime(2025, 4, 3)),
        ("%d/%m/%Y", "03/04/2025 10:00", None),
        ("%d/%m/%Y", "epoch", None),
        ("%d/%m/%Y", "-Infinity", None),
        ("%d %b %Y %I:%M %p", "3 Apr 2025 12:30 AM", datetime(2025, 4, 3, 0, 30)),
    ],
)
def test_a_declared_form_is_the_only_one(form, text, expected):
    assert value("time", text, date_format=form) == expected


@pytest.mark.parametrize(
    ("options", "text", "expected"),
    [
        ({"decimal": ","}, "10,5", Decimal("10.5")),
        ({"decimal": ","}, "10.5", None),
        ({"decimal": ",", "thousands": "."}, "1.234.567,89", Decimal("1234567.89")),
        ({"decimal": ",", "thousands": "."}, "1.23,4", None),
        ({"decimal": ",", "thousands": "."}, "1234,5", Decimal("1234.5")),
        ({"thousands": ","}, "1,234.5", Decimal("1234.5")),
        ({"thousands": ","}, "12,34.5", None),
        ({"thousands": ","}, ",234", None),
        ({"thousands": " "}, "1\u202f234", Decimal(1234)),
        ({"thousands": "'"}, "1\u2019234.5", Decimal("1234.5")),
    ],
)
def test_marks_are_those_that_are_declared(options, text, expected):
    assert value("money", text, **options) == expected


def test_what_says_missing_is_missing():
    assert value("number", " n/a ", missing=("n/a", "?")) is None
    assert value("text", "?", missing=("n/a", "?")) is None
    assert value("text", "N/A", missing=("n/a", "?")) == "N/A"
    assert value("text", "") is None


# ---- Rules ------------------------------------------------------------------------------------------------

HEADER = "No,Customer,Ordered,Total,Status,Refunded,Refunded on\n"
COLUMNS = (
    "sources: {orders: {file: orders.csv}}\ntables:\n  orders:\n    source: orders\n    columns: {order_id: No, "
    "customer_id: Customer, ordered_at: Ordered, amount: Total, status: Status, refunded_amount: Refunded, "
    "refunded_at: Refunded on}\n    bad_rows_allowed: 1\n"
)


def reasons(folder, line: str, parameters: str = "") -> str:
    """Why a row of orders is set aside; empty where it is not."""
    taken = take(folder, parameters + COLUMNS, orders_csv=HEADER + line + "\n")
    found = quarantined(taken, "orders")
    return found[0]["reasons"] if found else ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("1,2,2025-03-01,10,paid,,", ""),
        ("1,,2025-03-01,0,refunded,0,2025-03-01", ""),
        (",2,2025-03-01,10,paid,,", "order_id is empty"),
        ("1,2,,10,paid,,", "ordered_at is empty"),
        ("1,2,2025-03-01,,paid,,", "amount is empty"),
        ("1,2,2025-03-01,10,,,", "status is empty"),
        ("1,2,2025-03-01,-1,paid,,", "amount is below 0"),
        ("1,2,2025-03-01,10,Paid,,", "status is not one of paid, cancelled, refunded"),
        ("1,2,2025-03-01,10,refunded,11,", "refunded_amount is above amount"),
        ("1,2,2025-03-01,10,refunded,-1,", "refunded_amount is below 0"),
        ("1,2,2025-03-01,10,refunded,5,2025-02-28", ""),  # the order was there: only that date cannot be
        ("1,2,2025-01-01,-1,open,,", "amount is below 0; status is not one of paid, cancelled, refunded"),
    ],
)
def test_each_rule_of_the_contract_is_held(tmp_path, line, expected):
    assert reasons(tmp_path, line) == expected


def test_no_order_lies_after_the_declared_end(tmp_path):
    declared = "data_until: 2025-03-01\n"
    assert reasons(tmp_path, "1,2,2025-03-01 23:59:59,10,paid,,", declared) == ""
    assert reasons(tmp_path, "1,2,2025-03-02,10,paid,,", declared) == (
        "ordered_at is after the declared end of the data (2025-03-01)"
    )


def test_without_a_declared_end_no_order_lies_in_the_future(tmp_path):
    """A slip of the year must not become the end of the data."""
    later = datetime.now() + timedelta(days=400)  # noqa: DTZ005 -- the day on which this runs
    assert reasons(tmp_path, f"1,2,{later:%Y-%m-%d},10,paid,,").startswith("ordered_at is after the day of the import")


def test_of_rows_with_one_key_the_first_good_one_is_kept(tmp_path):
    text = HEADER[:33].rstrip(",") + "\n"
    assert text == "No,Customer,Ordered,Total,Status\n"
    text += "1,a,2025-01-01,x,paid\n1,b,2025-01-02,1,paid\n2,c,2025-01-03,1,paid\n1,d,2025-01-01,1,paid\n1.0,e,2025-01-01,1,paid\n"
    taken = take_orders(tmp_path, text, table=LOOSE)
    assert [row["customer_id"] for row in rows(taken, "orders")] == ["b", "c"]
    assert [(row["Customer"], row["reasons"]) for row in quarantined(taken, "orders")] == [
        ("a", "amount is not an amount"),
        ("d", "duplicate order_id"),
        ("e", "duplicate order_id"),
    ]


def test_words_are_recoded_before_they_are_judged(tmp_path):
    text = "No,Customer,Ordered,Total,Status\n1,,2025-01-01,1, Bezahlt \n2,,2025-01-01,free,paid\n3,,2025-01-01,1,?\n"
    table = 'values: {status: {Bezahlt: paid, "?": ""}, amount: {free: 0}}\n    bad_rows_allowed: 1'
    taken = take_orders(tmp_path, text, table=table)
    assert [(row["status"], row["amount"]) for row in rows(taken, "orders")] == [("paid", 1), ("paid", 0)]
    assert quarantined(taken, "orders")[0]["reasons"] == "status is empty"


SURVEY = """
sources: {a: {file: a.csv, missing: ["", "n/a"]}}
tables:
  survey_responses:
    source: a
    columns: {response_id: Id, survey: S, responded_at: At, recommend: Q1, region: R}
    bad_rows_allowed: 1
items: {recommend: {scale: [0, 10]}}
"""


def test_an_answer_beyond_its_scale_is_a_wrong_row_and_an_empty_one_is_not(tmp_path):
    answers = ["0", "10", "10.0", "", "n/a", "11", "-1", "9.5", "ten"]
    text = "Id,S,At,Q1,R\n" + "".join(f"{n},x,2025-01-01,{answer},5.0\n" for n, answer in enumerate(answers))
    taken = take(tmp_path, SURVEY, a_csv=text)
    assert [row["recommend"] for row in rows(taken, "survey_responses")] == [0, 10, 10, None, None]
    assert {row["region"] for row in rows(taken, "survey_responses")} == {"5.0"}
    assert [row["reasons"] for row in quarantined(taken, "survey_responses")] == [
        "recommend is above 10",
        "recommend is below 0",
        "recommend is not a whole number",
        "recommend is not a whole number",
    ]


def test_more_rules_than_a_mask_has_bits(tmp_path):
    """Seventy items make 210 rules, more than three masks hold; the last one's must still be seen."""
    items = [f"q{n:02}" for n in range(70)]
    parameters = (
        "sources: {a: {file: a.csv}}\ntables:\n  survey_responses:\n    source: a\n    bad_rows_allowed: 1\n    columns: "
        f"{{response_id: Id, survey: S, responded_at: At, {', '.join(f'{item}: {item}' for item in items)}}}\n"
        f"items: {{{', '.join(f'{item}: {{scale: [1, 5]}}' for item in items)}}}\n"
    )
    lines = [["Id", "S", "At", *items]]
    lines += [[str(n), "x", "2025-01-01", *("6" if n == m else "5" for m in range(70))] for n in range(71)]
    lines.append(["70", "x", "2025-01-01", *["1"] * 70])
    taken = take(tmp_path, parameters, a_csv="\n".join(map(",".join, lines)))
    assert [row["response_id"] for row in rows(taken, "survey_responses")] == ["70"]
    found = [row["reasons"] for row in quarantined(taken, "survey_responses")]
    assert found == [*(f"{item} is above 5" for item in items), "duplicate response_id"]


def test_reviews_are_bounded_by_their_own_scale(tmp_path):
    parameters = (
        "sources: {r: {file: r.csv}}\ntables:\n  reviews:\n    source: r\n    bad_rows_allowed: 1\n"
        "    columns: {review_id: Id, platform: P, posted_at: At, rating: Stars, scale: Of}\n"
    )
    text = "Id,P,At,Stars,Of\n1,x,2025-01-01,5,5\n2,x,2025-01-01,6,5\n3,x,2025-01-01,6,10\n4,x,2025-01-01,1,1\n"
    taken = take(tmp_path, parameters, r_csv=text)
    assert [row["review_id"] for row in rows(taken, "reviews")] == ["1", "3"]
    assert [row["reasons"] for row in quarantined(taken, "reviews")] == ["rating is above scale", "scale is below 2"]


# ---- By chance --------------------------------------------------------------------------------------------

FIELDS = (
    st.sampled_from(["1", "2", "3", "02", "2.0", "", " 1"]),
    st.sampled_from(["a", "", "=cmd()", 'q"q', "x,y", "n\nl"]),
    st.sampled_from(["2025-01-01", "2025-13-01", "2025-01-01 10:00", "01/02/2025", "", "2031-01-01"]),
    st.sampled_from(["1", "-1", "1.5", "1,5", "abc", "", "1e400", "0"]),
    st.sampled_from(["paid", "refunded", "Paid", "", "cancelled"]),
    st.sampled_from(["", "1", "2", "-1", "x"]),
    st.sampled_from(["", "2025-01-01", "2024-01-01", "soon"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    lines=st.lists(st.one_of(st.tuples(*FIELDS), st.lists(st.text("ab,1 ", max_size=3), max_size=9)), max_size=12),
    raw=st.booleans(),
)
def test_whatever_comes_is_accepted_set_aside_or_refused(tmp_path_factory, lines, raw):
    """No row is lost, none that is accepted breaks the contract, and no error but an InputError is raised."""
    folder, written = tmp_path_factory.mktemp("chance"), io.StringIO()
    csv.writer(written, quoting=csv.QUOTE_MINIMAL if raw else csv.QUOTE_ALL).writerows(lines)
    text = HEADER + written.getvalue()
    read = sum(1 for fields in csv.reader(io.StringIO(text, newline="")) if fields) - 1
    try:
        taken = take(folder, f"data_until: 2030-12-31\n{COLUMNS}", orders_csv=text)
    except InputError:
        return
    accepted, wrong, (account,) = rows(taken, "orders"), quarantined(taken, "orders"), taken.audits
    assert (account.read, account.accepted, account.rejected) == (read, len(accepted), len(wrong))
    assert len(accepted) + len(wrong) == read
    assert all(row["reasons"] for row in wrong)
    assert len({row["order_id"] for row in accepted}) == len(accepted)
    for row in accepted:
        assert row["order_id"]
        assert row["amount"] >= 0
        assert row["status"] in ("paid", "cancelled", "refunded")
        assert datetime(2025, 1, 1) <= row["ordered_at"] <= datetime(2025, 1, 1, 10)
        assert row["refunded_amount"] is None or 0 <= row["refunded_amount"] <= row["amount"]
    assert [row["ordered_at"] for row in accepted] == sorted(row["ordered_at"] for row in accepted)
