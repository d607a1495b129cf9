"""Credit notes without an order: every metric of money subtracts them on their own day, and no metric counts them. By pencil."""

from datetime import datetime
from math import log

import duckdb
import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest

from crmnb.core.period import Period
from crmnb.intake import import_data
from crmnb.metrics.features.purchase_history import _history, _purchases
from crmnb.workbook import Workbook, open_on
from support.importing import client_of

# Net revenue of 2024: 100 + 50 + 40 - 20 = 170. Of 2025: 200 + 80 - 30 - 10 = 240, from a (170), b (80) and c, who bought nothing (-10).
LEDGER = """No,Customer,Ordered,Total,Status,Back,When
1,a,2024-03-01,100,paid,,
2,b,2024-04-01,50,paid,,
C1,a,2024-05-01,-20,paid,,
3,c,2024-06-01,40,paid,,
4,a,2025-03-01,200,paid,,
5,b,2025-06-01,80,paid,,
C2,a,2025-07-01,-30,paid,,
C3,c,2025-08-01,-10,paid,,
6,d,2025-09-01,70,cancelled,,
C4,d,2025-09-02,-70,cancelled,,
"""
PARAMETERS = """data_from: 2024-01-01
data_until: 2025-12-31
sources: {orders: {file: orders.csv}}
tables:
  orders:
    source: orders
    columns: {order_id: No, customer_id: Customer, ordered_at: Ordered, amount: Total, status: Status,
      refunded_amount: Back, refunded_at: When}
    refunds: {stand_alone: true}
churn: {kind: inactivity, inactivity_days: 365}
worth: {margin_rate: 0.5, discount_rate: 0, books: {"2025": 240}}
privacy: {min_base: 1, suppress_below: 1}
"""


@pytest.fixture(scope="module")
def book(tmp_path_factory) -> Workbook:
    folder = tmp_path_factory.mktemp("ledger")
    client = client_of(folder, PARAMETERS, orders_csv=LEDGER)
    return open_on(client, Period.parse("2025"), import_data(client, folder / "private"))


def figures(book: Workbook, metric: str) -> dict[str, float]:
    return dict(book(metric).whole.set_index("breakdown")["value"])


@pytest.mark.parametrize(
    ("metric", "value"),
    [
        ("revenue_reconciliation", 0),
        ("revenue_per_customer", 240 / 2),
        ("sales_growth", 100 * (240 / 170 - 1)),
        ("historical_clv", 0.5 * ((100 - 20 + 200 - 30) + (50 + 80) + (40 - 10)) / 3),
    ],
)
def test_money_is_less_the_credit_notes_of_the_period(book, metric, value):
    assert figures(book, metric)[""] == pytest.approx(value)


@pytest.mark.parametrize(
    ("metric", "value"),
    [("average_order_value", 280 / 2), ("purchase_frequency", 1), ("orders_won", 2), ("refund_rate", 0)],
)
def test_a_credit_note_is_no_order(book, metric, value):
    assert figures(book, metric)[""] == pytest.approx(value)


def test_concentration_is_that_of_who_bought(book):
    assert figures(book, "revenue_concentration")["Gini coefficient"] == pytest.approx(
        2 * (2 * (80 + 2 * 170) / (2 * 250) - 3 / 2)
    )


def test_the_bridge_adds_up_and_counts_orders_alone(book):
    mean = (250 - 170) / log(250 / 170)
    assert figures(book, "revenue_bridge") == pytest.approx(
        {
            "comparison": 170,
            "customers": mean * log(2 / 3),
            "frequency": 0,
            "order value": mean * log((250 / 2) / (170 / 3)),
            "without a customer": -10,
            "current": 240,
        }
    )


def test_the_value_of_an_order_has_the_credit_notes_and_their_number_has_not(book):
    # 3 customers at the start, of whom c is lost; margin of an order x orders a buyer and year x 1 / churn.
    churn = 1 - (2 / 3) ** (365.25 / 365)
    assert figures(book, "simple_clv")[""] == pytest.approx((0.5 * 240 / 2) * (2 / 2 * 365.25 / 365) / churn)


# ---- Histories of purchases, which predicted CLV is fitted on ---------------------------------------------------------


def history_in_python(ledger: list[tuple[str, int, float]], end: int) -> dict[str, tuple]:
    """x, t_x, T, spend, margin and again of each customer, day by day, from (customer, day, margin); a second route."""
    found = {}
    for customer in {who for who, *_ in ledger}:
        own = [(day, margin) for who, day, margin in ledger if who == customer and day < end]
        days = sorted({day for day, margin in own if margin >= 0})
        if not days:
            continue
        of_day = {day: sum(margin for d, margin in own if d == day) for day, _ in own}
        later = sum(margin for day, margin in of_day.items() if day > days[0])
        until_first = sum(margin for day, margin in of_day.items() if day <= days[0])
        second = of_day[days[1]] if len(days) > 1 else 0
        found[customer] = (len(days) - 1, days[-1] - days[0], end - 1 - days[0], later, until_first, second)
    return found


def test_histories_with_credit_notes_are_those_of_a_second_route():
    """A day with credit notes alone is no purchase, and its margin is less all the same."""
    draw, first = np.random.default_rng(7), 20_000  # the first day, counted from 1970
    ledger = [
        (f"c{draw.integers(40)}", first + int(draw.integers(60)), float(draw.choice((10.0, 25.5, 40.0, -5.0, -12.5))))
        for _ in range(260)
    ]
    end = first + 50
    rows = pd.DataFrame(ledger, columns=["customer_id", "day", "amount"])
    rows["ordered_at"] = pd.to_datetime(rows["day"], unit="D")
    rows["status"] = "paid"
    with duckdb.connect() as con:
        payments = nw.from_native(con.from_df(rows.drop(columns="day")))
        days = _purchases(payments, datetime(2025, 6, 1), 1.0)
        got = _history(days, end).to_native().fetchall()
    expected = history_in_python(ledger, end)
    assert len(got) == len(expected) > 30
    for customer, *figures_ in got:
        assert [float(one) for one in figures_] == pytest.approx(list(expected[customer])), customer
