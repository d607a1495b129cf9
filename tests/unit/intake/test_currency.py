"""Amounts in several currencies: converted, left out or refused."""

from decimal import Decimal

import pytest

from crmnb.core.errors import InputError
from support.importing import counts, rows, take

TEXT = """No,Customer,Ordered,Total,Status,Cur
1,a,2025-01-05,100,paid,gbp
2,a,2025-02-10,50,paid,GBP
3,b,2025-03-01,15000,paid,jpy
4,b,2025-03-02,20,paid,USD
"""
PARAMETERS = """sources: {orders: {file: orders.csv}}
tables:
  orders:
    source: orders
    bad_rows_allowed: 0.5
    columns: {order_id: No, customer_id: Customer, ordered_at: Ordered, amount: Total, status: Status, currency: Cur}
"""


def test_amounts_in_another_currency_are_refused_with_the_line_to_add(tmp_path):
    with pytest.raises(
        InputError, match=r"which is GBP: 'JPY' \(1 row\), 'USD' \(1 row\).*`exchange_rates: \{JPY: exclude\}`"
    ):
        take(tmp_path, PARAMETERS, orders_csv=TEXT)


def test_amounts_are_converted_or_left_out_as_declared(tmp_path):
    taken = take(tmp_path, PARAMETERS + "exchange_rates: {USD: 0.8, JPY: exclude}\n", orders_csv=TEXT)
    audit = taken.audits[0]
    assert (audit.read, audit.accepted, audit.rejected, audit.excluded) == (4, 3, 0, {"currency JPY": 1})
    amounts = {row["order_id"]: row["amount"] for row in rows(taken, "orders")}
    assert amounts == {"1": Decimal(100), "2": Decimal(50), "4": Decimal(16)}
    assert audit.notes == ("currency: 1 row is converted from USD into GBP at 0.8",)


def test_an_amount_without_a_currency_is_rejected(tmp_path):
    text = TEXT.replace(",jpy", ",").replace(",USD", ",GBP")
    assert counts(take(tmp_path, PARAMETERS, orders_csv=text))[0][5] == {"currency is empty": 1}


def test_the_own_currency_has_no_rate(tmp_path):
    with pytest.raises(InputError, match=r"exchange_rates\.GBP: is the client's own currency"):
        take(tmp_path, PARAMETERS + "exchange_rates: {GBP: 1}\n", orders_csv=TEXT)


def test_a_rate_is_a_number_or_exclude(tmp_path):
    with pytest.raises(InputError, match=r"exchange_rates\.USD"):
        take(tmp_path, PARAMETERS + "exchange_rates: {USD: leave}\n", orders_csv=TEXT)
