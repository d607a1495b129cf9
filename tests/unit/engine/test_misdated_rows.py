"""A row of which one later date cannot be: the row counts, the date does not, and how many there are is said."""

import pandas as pd
import pytest
from importing import rows, take
from synthetic import client
from worded import note_words

from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import Measured, measure
from crmnb.metrics.definition import catalogue

YEAR = Period.parse("2025").observe(pd.Timestamp("2024-01-01"), pd.Timestamp("2026-07-01"))
CREATED = pd.to_datetime(["2025-02-01 10:00", "2025-03-01 10:00", "2025-04-01 10:00", "2025-05-01 10:00"])
LEADS = pd.DataFrame(
    {
        "lead_id": list("abcd"),
        "created_at": CREATED,
        "proposed_at": pd.to_datetime(["2025-02-03", "2025-03-02", None, None]),
        # won after nine days; dated before the lead; by the day alone, which is the day of creation; not won
        "won_at": pd.to_datetime(["2025-02-10", "2025-01-20", "2025-04-01", None]),
        "lost_at": pd.to_datetime([None, None, None, "2025-06-01"]),
    }
)


def of_leads(metric: str) -> Measured:
    of = client(segments={}, privacy={"min_base": 1, "suppress_below": 1})
    return measure(catalogue()[metric], in_memory(of, {"leads": LEADS}), YEAR)


@pytest.mark.parametrize(
    ("metric", "figures"),
    [
        ("lead_conversion_rate", {"": (2, 4)}),
        ("stage_conversion", {"1 lead to proposed": (3, 4), "2 proposed to won": (2, 3)}),
        ("win_rate", {"": (1, 1)}),
    ],
)
def test_a_lead_won_before_it_was_created_counts_and_is_not_won(metric: str, figures: dict):
    measured = of_leads(metric)
    rows = measured.rows[measured.rows["part"] == ""].set_index("breakdown")
    told = {name: (row["numerator"], row["denominator"]) for name, row in rows.iterrows()}
    assert told == figures
    assert any("1 of 4 leads in 2025 have a date" in note for note in note_words(measured.notes))


def test_the_curve_counts_such_a_lead_as_not_won():
    rows = of_leads("cumulative_win_rate").rows
    assert rows.loc[(rows["part"] == "") & (rows["breakdown"] == "won within 90 days"), "value"].to_list() == [50.0]


def test_of_few_it_is_not_said_how_few():
    of = client(segments={}, privacy={"min_base": 1, "suppress_below": 3})
    notes = measure(catalogue()["lead_conversion_rate"], in_memory(of, {"leads": LEADS}), YEAR).notes
    notes = note_words(notes)
    assert any("fewer than 3 of 4 leads" in note for note in notes)


def test_an_order_refunded_before_it_was_placed_keeps_its_place_and_its_refund():
    times = pd.to_datetime(["2025-02-01", "2025-03-01"])
    orders = pd.DataFrame({"order_id": ["1", "2"], "ordered_at": times, "amount": 10.0, "status": ["paid", "refunded"]})
    orders = orders.assign(
        customer_id="a", refunded_amount=[0.0, 4.0], refunded_at=pd.to_datetime([None, "2025-02-20"])
    )
    of = client(segments={}, privacy={"min_base": 1, "suppress_below": 1})
    measured = measure(catalogue()["refund_rate"], in_memory(of, {"orders": orders}), YEAR)
    whole = measured.rows[measured.rows["part"] == ""].iloc[0]
    assert (whole["numerator"], whole["denominator"]) == (1, 2)
    assert any("1 of 2 orders" in note for note in note_words(measured.notes))


def test_the_intake_loses_no_lead_to_an_impossible_win(tmp_path):
    parameters = "sources: {l: {file: l.csv}}\ntables: {leads: {source: l, columns: {lead_id: No, created_at: Came, won_at: Won}}}\n"
    taken = take(tmp_path, parameters, l_csv="No,Came,Won\n1,2025-03-01,2025-01-20\n2,2025-03-02,\n")
    assert [row["lead_id"] for row in rows(taken, "leads")] == ["1", "2"]
    assert taken.audits[0].rejected == 0
