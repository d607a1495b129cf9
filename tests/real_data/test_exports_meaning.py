"""Exports as products write them: what an order, a stage, a subscription and a currency mean. The figures are those of the folder's README.

The files are small and made up, in shapes that are real; the figures in it were counted by hand.
"""

from pathlib import Path

import pytest

from crmnb.core.errors import InputError
from crmnb.core.period import Period
from crmnb.intake import import_data
from crmnb.schema.client import load_client
from crmnb.workbook import Workbook, open_on

EXPORTS = Path(__file__).parents[3] / "shared/data/exports"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not EXPORTS.is_dir(), reason="the exports are not beside the checkout (../shared/data)"),
]

_HEAD = "name: Export\nlocale: en_GB\nprivacy: {min_base: 1, suppress_below: 1}\ndata_folders: [FOLDER]\n"
_SHOP = """time_zone: Europe/Dublin
currency: EUR
data_from: 2025-01-01
data_until: 2025-12-31
churn: {kind: inactivity, inactivity_days: 180}
"""
_CURRENCIES = f"""{_SHOP}
sources: {{orders: {{file: FOLDER/orders.csv}}}}
tables:
  orders:
    source: orders
    columns: {{order_id: order, customer_id: customer, ordered_at: created, amount: total, currency: currency, status: status}}
    values: {{status: {{completed: paid}}}}
"""
_REFUNDED = f"""{_SHOP}
sources: {{orders: {{file: FOLDER/orders.csv}}}}
tables:
  orders:
    source: orders
    columns: {{order_id: order, customer_id: customer, ordered_at: created, amount: total, status: status, refunded_amount: refunded}}
    values: {{status: {{complete: paid, closed: refunded}}}}
"""
_DEALS = """currency: USD
time_zone: America/New_York
data_from: 2024-10-01
data_until: 2025-12-31
sources: {deals: {file: FOLDER/all-deals.csv, thousands: ",", signs: ["$"]}}
tables:
  leads:
    source: deals
    columns: {lead_id: Record ID, customer_id: COMPANY, created_at: Create Date, stage: Deal Stage, closed_at: Close Date, amount: Amount}
    values: {stage: {Closed Won: won, Closed Lost: lost, Contract Sent: open, Appointment Scheduled: open, Qualified To Buy: open}}
"""
_FUTURE = """currency: EUR
data_from: 2025-01-01
data_until: 2025-12-31
sources: {deals: {file: FOLDER/deals.csv}}
tables:
  leads: {source: deals, columns: {lead_id: id, created_at: created, COLUMNS}}
"""
_STRIPE = """currency: USD
time_zone: UTC
data_until: 2025-12-31
sources:
  subscriptions: {file: FOLDER/subscriptions.csv, thousands: ",", date_format: "%Y-%m-%d %H:%M"}
  payments: {file: FOLDER/unified_payments.csv, thousands: ",", date_format: "%Y-%m-%d %H:%M"}
tables:
  subscriptions:
    source: subscriptions
    columns: {subscription_id: id, customer_id: Customer ID, started_at: Start (UTC), ended_at: Ended At (UTC), amount: Amount,
      interval: Interval, quantity: Quantity, status: Status, currency: Currency}
  orders:
    source: payments
    columns: {order_id: id, customer_id: Customer ID, ordered_at: Created (UTC), amount: Amount, status: Status,
      refunded_amount: Amount Refunded, currency: Currency}
    values: {status: {Paid: paid, Refunded: refunded, Failed: cancelled}}
churn: {kind: contractual, table: subscriptions}
"""
_LEDGER = """currency: GBP
time_zone: Europe/London
data_from: 2025-01-01
data_until: 2025-12-31
sources:
  ledger: {file: FOLDER/Sales 2025.xlsx, sheets: ["*"], header: 4, where: {Invoice: {filled: true}}}
tables:
  orders:
    source: ledger
    columns: {order_id: Invoice, customer_id: Account No, ordered_at: Date, amount: Net, status: {value: paid}}
    RULE
churn: {kind: inactivity, inactivity_days: 180}
worth: {margin_rate: 0.5, books: {"2025": 390}}
"""


def book_of(folder: Path, export: str, parameters: str) -> Workbook:
    """The workbook of 2025 of an export with these parameters."""
    text = (_HEAD + parameters).replace("FOLDER", str(EXPORTS / export))
    (folder / "export.yml").write_text(text)
    client = load_client("export", folder)
    return open_on(client, Period.parse("2025"), import_data(client, folder / "private"))


def figure(book: Workbook, metric: str, breakdown: str = "") -> float:
    """A metric's value in the whole."""
    return book(metric).whole.set_index("breakdown")["value"][breakdown]


def notes(folder: Path) -> str:
    """The notes of the import, one a line."""
    audits = import_data(load_client("export", folder), folder / "private").audits
    return "\n".join(note for audit in audits for note in audit.notes)


def test_amounts_in_two_currencies_are_not_added_up(tmp_path):
    with pytest.raises(InputError, match=r"'JPY' \(1 row\).*exchange_rates: \{JPY: exclude\}"):
        book_of(tmp_path, "multi_currency", _CURRENCIES)
    left_out = book_of(tmp_path, "multi_currency", _CURRENCIES + "exchange_rates: {JPY: exclude}\n")
    assert figure(left_out, "average_order_value") == pytest.approx(250 / 3)
    converted = book_of(tmp_path, "multi_currency", _CURRENCIES + "exchange_rates: {JPY: 0.006}\n")
    assert figure(converted, "average_order_value") == pytest.approx((250 + 90) / 4)


def test_an_order_that_came_back_whole_does_not_count_whatever_its_status_says(tmp_path):
    book = book_of(tmp_path, "paid_but_refunded", _REFUNDED)
    assert figure(book, "average_order_value") == 50
    assert figure(book, "revenue_per_customer") == 50


def test_an_open_deal_is_not_won_on_the_day_it_is_expected_to_close(tmp_path):
    book = book_of(tmp_path, "hubspot", _DEALS.replace("COMPANY", "Associated Company IDs (Company)"))
    assert figure(book, "lead_conversion_rate") == pytest.approx(100 * 2 / 7)
    book_of(tmp_path, "hubspot", _DEALS.replace("COMPANY", "Associated Contact IDs (Contact)"))
    assert "customer_id: 2 cells hold several keys" in notes(tmp_path)
    assert "lost_at: 1 time is before created_at" in notes(tmp_path)


def test_dates_after_the_end_of_the_data_are_told(tmp_path):
    book = book_of(tmp_path, "won_in_future", _FUTURE.replace("COLUMNS", "won_at: closed"))
    assert figure(book, "lead_conversion_rate") == pytest.approx(100 / 3)
    assert "won_at: 2 times are after the declared end of the data" in notes(tmp_path)
    staged = book_of(tmp_path, "won_in_future", _FUTURE.replace("COLUMNS", "closed_at: closed, stage: stage"))
    assert figure(staged, "lead_conversion_rate") == pytest.approx(100 / 3)
    assert notes(tmp_path) == ""


def test_interval_quantity_and_status_make_recurring_revenue(tmp_path):
    book = book_of(tmp_path, "stripe", _STRIPE)
    # At the start 20 + 1200 / 12 + 3 * 20 + 1200 / 12, at the end 20 + 1200 / 12: the trial and what was never paid are neither.
    assert figure(book, "net_revenue_retention") == pytest.approx(100 * 120 / 280)
    assert figure(book, "new_customers") == 1
    assert figure(book, "revenue_per_customer") == pytest.approx(430)
    assert "status: 2 rows do not count: incomplete_expired (1), trialing (1)" in notes(tmp_path)


def test_a_credit_note_without_a_parent_reduces_revenue_and_is_no_order(tmp_path):
    book = book_of(tmp_path, "xlsx_totals", _LEDGER.replace("RULE", "refunds: {stand_alone: true}"))
    assert figure(book, "revenue_reconciliation") == 0
    assert figure(book, "revenue_per_customer") == 390 / 3
    assert figure(book, "historical_clv") == pytest.approx(0.5 * 390 / 3, rel=0.05)  # nearly undiscounted
    assert figure(book, "orders_won") == 5
    with pytest.raises(InputError, match=r"net revenue is overstated by 50\.50"):
        book_of(tmp_path, "xlsx_totals", _LEDGER.replace("RULE", "values: {}"))
