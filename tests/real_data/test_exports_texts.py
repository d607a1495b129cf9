"""Exports as products write them: zones, epochs, accounting's minus and values within JSON. The figures are those of the folder's README.

The parameters are those that an analyst writes first (`wild_*.yml` beside the files), with the lines that the check asks for.
"""

from datetime import datetime
from pathlib import Path

import pytest
from importing import rows

from crmnb.core.errors import InputError
from crmnb.core.period import Period
from crmnb.intake import Intake, import_data
from crmnb.schema.client import load_client
from crmnb.workbook import Workbook, open_on

EXPORTS = Path(__file__).parents[3] / "shared/data/exports"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not EXPORTS.is_dir(), reason="the exports are not beside the checkout (../shared/data)"),
]


def client_of(folder: Path, export: str, *changes: tuple[str, str]):
    """The client of an export's first parameters file, with changes of its text (old, new)."""
    text = (EXPORTS / export / f"wild_{export}.yml").read_text(encoding="utf-8")
    for old, new in (("../../cases", str(EXPORTS)), *changes):
        assert old in text, old
        text = text.replace(old, new)
    (folder / "export.yml").write_text(f"{text}\ndata_folders: [{EXPORTS}]\n", encoding="utf-8")
    return load_client("export", folder)


def intake_of(folder: Path, export: str, *changes: tuple[str, str]) -> Intake:
    """The intake of such a client."""
    return import_data(client_of(folder, export, *changes), folder / "private")


def book_of(folder: Path, period: str, export: str, *changes: tuple[str, str]) -> Workbook:
    """The workbook of such a client and a period."""
    client = client_of(folder, export, *changes)
    return open_on(client, Period.parse(period), import_data(client, folder / "private"))


def figure(book: Workbook, metric: str, breakdown: str = "") -> float:
    """A metric's value in the whole."""
    return book(metric).whole.set_index("breakdown")["value"][breakdown]


def test_the_utc_of_a_format_is_a_zone(tmp_path):
    """In New York the first order was in 2024 and the third in 2025: (20 + 30) / 2."""
    assert figure(book_of(tmp_path, "2025", "bigquery_utc"), "average_order_value") == 25


@pytest.mark.parametrize(
    "changes",
    [(), (("utc_shop/orders.csv", "utc_shop/bare/orders.csv\n    time_zone: UTC"),)],
    ids=["marked", "bare"],
)
@pytest.mark.parametrize(("month", "expected"), [("2025-01", 20), ("2025-06", 30), ("2025-11", 5), ("2025-12", 40)])
def test_orders_fall_into_the_month_of_the_shop(tmp_path, changes, month, expected):
    """The order of 2025-02-01 04:59:59 UTC was in January, that of 2025-07-01 03:59:59 in June, that of 2026-01-01 04:59:59 in December."""
    assert figure(book_of(tmp_path, month, "utc_shop", *changes), "average_order_value") == expected


def test_both_offsets_of_a_form_are_read_and_the_second_of_two_questions_has_a_name(tmp_path):
    key = ("response_id: Timestamp", "response_id: {row_number: true}\n      survey: {value: relationship}")
    customer = ("      customer_id: Email Address\n", "")
    with pytest.raises(InputError, match=r"Write 'Any comments\? \(2\)' for the second one"):
        intake_of(tmp_path, "google_forms", key, customer)
    second = ("comment: Any comments?", 'comment: "Any comments? (2)"')
    answers = rows(intake_of(tmp_path, "google_forms", key, customer, second), "survey_responses")
    assert [row["responded_at"] for row in answers][1:4] == [
        datetime(2025, 3, 29, 1, 11, 3),
        datetime(2025, 3, 29, 14, 11, 3),
        datetime(2025, 3, 30, 3, 11, 3),
    ]


def test_satisfaction_with_good_and_bad_counts_the_good(tmp_path):
    """Seven of nine."""
    book = book_of(
        tmp_path, "2025-06", "zendesk", ("response_id: id", "response_id: id\n      survey: {value: ticket}")
    )
    assert figure(book, "csat") == pytest.approx(100 * 7 / 9)


def test_times_with_a_comma_and_am_or_pm(tmp_path):
    assert figure(book_of(tmp_path, "2025", "magento"), "average_order_value") == 55


def test_credits_in_costs_are_negative(tmp_path):
    """1200 - 200 + 900 - 100 - 50 + 10, without the total."""
    changes = ('signs: ["$"]', 'signs: ["$"]\n    date_format: "%b-%y"\n    where: {Month: {not: Total}}')
    costs = rows(intake_of(tmp_path, "accounting_negatives", changes), "costs")
    assert sum(row["amount"] for row in costs) == 1760
    assert sum(row["amount"] for row in costs if row["month"] == datetime(2025, 1, 1)) == 1010


def test_a_session_is_reached_by_its_key_and_its_microseconds_are_utc(tmp_path):
    """1748736000 is midnight of 1 June 2025 in UTC, two o'clock in Oslo; there are nine sessions."""
    changes = ("events_*.json", "events_*.json\n    date_format: epoch_us\n    where: {event_name: session_start}")
    intake = intake_of(tmp_path, "ga4", changes, ("      customer_id: user_id\n", ""))
    visits = rows(intake, "visits")
    assert len(visits) == 9
    assert (visits[0]["visit_id"], visits[0]["started_at"]) == ("1748736000", datetime(2025, 6, 1, 2))
