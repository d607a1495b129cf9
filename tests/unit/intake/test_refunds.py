"""Refunds as rows of their own: figures counted by hand."""

from datetime import datetime
from decimal import Decimal

import pytest

from crmnb.core.errors import InputError
from support.importing import counts, quarantined, rows, take, take_orders

# Net revenue 100 + 50.50 + 80 - 50.50 - 30 = 150.
LEDGER = """No,Customer,Ordered,Total,Status,Credits
1,a,2025-01-05,100,paid,
2,a,2025-02-10,50.50,paid,
3,b,2025-03-01,80,paid,
C1,a,2025-02-20,-50.50,paid,2
C2,b,2025-04-01,-30,paid,3
"""

_OTHER = """sources: {orders: {file: orders.csv}}
tables:
  orders:
    source: orders
    refunds: {parent: Credits}
"""


def money(taken):
    return {row["order_id"]: (row["amount"], row.get("refunded_amount")) for row in rows(taken, "orders")}


def test_without_a_rule_negative_rows_are_rejected_and_the_overstatement_is_told(tmp_path):
    audit = take_orders(tmp_path, LEDGER, table="bad_rows_allowed: 0.5").audits[0]
    assert (audit.accepted, audit.rejected) == (3, 2)
    (note,) = audit.notes
    assert "net revenue is overstated by 80.50" in note
    assert "refunds: {parent: COLUMN}" in note
    assert "refunds: {stand_alone: true}" in note


def test_the_refusal_of_too_many_negative_rows_shows_the_line_as_well(tmp_path):
    with pytest.raises(InputError, match=r"overstated by 80\.50.*stand_alone: true"):
        take_orders(tmp_path, LEDGER)


def test_rows_with_a_parent_are_refunds_of_it(tmp_path):
    taken = take_orders(tmp_path, LEDGER, table="refunds: {parent: Credits}")
    audit = taken.audits[0]
    assert (audit.read, audit.accepted, audit.rejected, audit.excluded_rows) == (5, 3, 0, 2)
    assert money(taken) == {
        "1": (Decimal(100), None),
        "2": (Decimal("50.5"), Decimal("50.5")),
        "3": (Decimal(80), Decimal(30)),
    }
    days = {row["order_id"]: row["refunded_at"] for row in rows(taken, "orders")}
    assert days == {"1": None, "2": datetime(2025, 2, 20), "3": datetime(2025, 4, 1)}
    assert "_parent" not in rows(taken, "orders")[0]
    assert audit.notes == ("2 rows are refunds of an order: 80.50 is subtracted from these",)


def test_a_refund_may_have_the_key_of_its_order(tmp_path):
    text = LEDGER.replace("C1,", "2,").replace("C2,", "3,")
    taken = take_orders(tmp_path, text, table="refunds: {parent: No}")
    assert money(taken)["3"] == (Decimal(80), Decimal(30))
    assert taken.audits[0].excluded_rows == 2


def test_several_refunds_of_an_order_add_up_and_have_the_first_day(tmp_path):
    text = LEDGER + "C3,b,2025-03-15,-10,paid,3\n"
    taken = take_orders(tmp_path, text, table="refunds: {parent: Credits}")
    assert money(taken)["3"] == (Decimal(80), Decimal(40))
    assert rows(taken, "orders")[-1]["refunded_at"] == datetime(2025, 3, 15)
    assert any("1 order was refunded on several days" in note for note in taken.audits[0].notes)


def test_a_refund_of_an_unknown_order_is_rejected_with_what_that_hides(tmp_path):
    text = LEDGER + "C3,b,2025-05-01,-10,paid,99\nC4,b,2025-05-01,-5,paid,\n"
    taken = take_orders(tmp_path, text, table="refunds: {parent: Credits}\n    bad_rows_allowed: 0.5")
    assert counts(taken)[0][2:] == (7, 3, 2, {"refund of an order that is not there": 2})
    assert any("overstated by 15.00" in note for note in taken.audits[0].notes)
    assert [row["No"] for row in quarantined(taken, "orders")] == ["C3", "C4"]


def test_what_has_no_parent_may_be_a_credit_note(tmp_path):
    text = LEDGER + "C3,b,2025-05-01,-10,paid,99\n"
    taken = take_orders(tmp_path, text, table="refunds: {parent: Credits, stand_alone: true}")
    assert money(taken)["C3"] == (Decimal(-10), None)
    assert (taken.audits[0].accepted, taken.audits[0].excluded_rows) == (4, 2)


def test_refunds_above_the_amount_are_rejected_with_their_order(tmp_path):
    text = LEDGER + "C3,b,2025-05-01,-60,paid,3\n"
    taken = take_orders(tmp_path, text, table="refunds: {parent: Credits}\n    bad_rows_allowed: 0.6")
    assert counts(taken)[0][5] == {"refunds are above the amount of the order": 3}
    assert {row["No"] for row in quarantined(taken, "orders")} == {"3", "C2", "C3"}


def test_stand_alone_rows_are_credit_notes(tmp_path):
    taken = take_orders(tmp_path, LEDGER, table="refunds: {stand_alone: true}")
    assert sum(amount for amount, _ in money(taken).values()) == 150
    assert taken.audits[0].notes == (
        "2 rows are credit notes: 80.50 is subtracted from revenue in the period of the date; none counts as an order",
    )


def test_a_rule_that_says_nothing_is_refused(tmp_path):
    with pytest.raises(InputError, match="declare `parent`"):
        take_orders(tmp_path, LEDGER, table="refunds: {}")


def test_refunds_are_told_once(tmp_path):
    columns = "columns: {order_id: No, ordered_at: Ordered, amount: Total, status: Status, refunded_amount: Total}"
    with pytest.raises(InputError, match="`refunds: parent` tells the same of each order"):
        take(tmp_path, f"{_OTHER}    {columns}\n", orders_csv=LEDGER)


def test_only_orders_have_refunds(tmp_path):
    costs = "costs: {source: orders, columns: {month: Ordered, category: Status, amount: Total}, refunds: {stand_alone: true}}"
    with pytest.raises(InputError, match=r"tables\.costs\.refunds: is allowed only for orders"):
        take(tmp_path, f"sources: {{orders: {{file: orders.csv}}}}\ntables:\n  {costs}\n", orders_csv=LEDGER)


def test_a_credit_note_has_no_refunded_amount_of_its_own(tmp_path):
    text = "No,Ordered,Total,Status,Back\n1,2025-01-05,100,paid,0\nC1,2025-02-20,-50.50,paid,0\n"
    table = _OTHER.replace("{parent: Credits}", "{stand_alone: true}")
    columns = "columns: {order_id: No, ordered_at: Ordered, amount: Total, status: Status, refunded_amount: Back}"
    taken = take(tmp_path, f"{table}    {columns}\n", orders_csv=text)
    assert money(taken) == {"1": (Decimal(100), Decimal(0)), "C1": (Decimal("-50.5"), None)}
