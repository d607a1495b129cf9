"""Columns that follow from others: stages of leads and amounts of subscriptions, counted by hand."""

from datetime import datetime
from decimal import Decimal

import pytest

from crmnb.core.errors import InputError
from support.importing import counts, rows, take

LEADS = """id,company,created,closed,stage
1,551;552,2025-01-05,2025-02-01,Closed Won
2,x,2025-01-06,2025-02-02,Closed Lost
3,x,2025-01-07,2025-06-01,Sent
4,y,2025-01-08,,Sent
"""
_LEADS = """data_until: 2025-03-31
sources: {leads: {file: leads.csv}}
tables:
  leads:
    source: leads
    bad_rows_allowed: 0.5
    columns: {lead_id: id, customer_id: company, created_at: created, stage: stage, COLUMNS}
    values: {stage: {Closed Won: won, Closed Lost: lost, Sent: open}}
"""


def leads(folder, columns="closed_at: closed", text=LEADS):
    return take(folder, _LEADS.replace("COLUMNS", columns), leads_csv=text)


def test_the_stage_says_what_the_date_of_closing_is(tmp_path):
    taken = leads(tmp_path)
    assert {row["lead_id"]: (row["won_at"], row["lost_at"]) for row in rows(taken, "leads")} == {
        "1": (datetime(2025, 2, 1), None),
        "2": (None, datetime(2025, 2, 2)),
        "3": (None, None),
        "4": (None, None),
    }


def test_an_open_lead_is_not_won_though_a_date_is_mapped(tmp_path):
    won = {row["lead_id"]: row["won_at"] for row in rows(leads(tmp_path, "won_at: closed"), "leads")}
    assert won == {"1": datetime(2025, 2, 1), "2": None, "3": None, "4": None}


def test_a_won_lead_without_a_date_is_rejected(tmp_path):
    taken = leads(tmp_path, text=LEADS.replace("2025-02-01", ""))
    assert counts(taken)[0][5] == {"won_at is empty, but stage is won": 1}


def test_a_date_after_the_end_is_told_with_what_to_map(tmp_path):
    text = LEADS.replace("2025-06-01,Sent", "2025-06-01,Closed Won")
    notes = leads(tmp_path, text=text).audits[0].notes
    assert "won_at: 1 time is after the declared end of the data (2025-03-31)" in notes[0]
    assert not any(note.startswith("closed_at") for note in notes)


def test_several_keys_in_a_cell_are_told(tmp_path):
    (note,) = leads(tmp_path).audits[0].notes
    assert note.startswith("customer_id: 1 cell holds several keys, separated by a semicolon")
    assert "551" not in note


def test_a_stage_that_nobody_declared_is_rejected(tmp_path):
    taken = leads(tmp_path, text=LEADS.replace("3,x,2025-01-07,2025-06-01,Sent", "3,x,2025-01-07,2025-06-01,Lunch"))
    assert counts(taken)[0][5] == {"stage is not one of won, lost, open": 1}


PLANS = """id,who,start,end,sum,every,times,units,state
1,a,2025-01-01,,1200,year,,,active
2,b,2025-01-01,,20,month,,3,active
3,c,2025-01-01,,90,quarter,,,past_due
4,d,2025-01-01,,100,month,2,,active
5,e,2025-01-01,,7,week,1,1,active
6,f,2025-01-01,,1,day,,,active
7,g,2025-01-01,,20,month,,,trialing
8,h,2025-01-01,,20,month,,,paused
9,i,2025-01-01,2025-02-01,20,month,,,canceled
"""
_PLANS = """data_until: 2025-03-31
sources: {plans: {file: plans.csv}}
tables:
  subscriptions:
    source: plans
    bad_rows_allowed: 0.5
    columns: {subscription_id: id, customer_id: who, started_at: start, ended_at: end, status: state, COLUMNS}
"""
_AMOUNT = "amount: sum, interval: every, interval_count: times, quantity: units"


def plans(folder, columns=_AMOUNT, text=PLANS):
    return take(folder, _PLANS.replace("COLUMNS", columns), plans_csv=text)


def test_amount_interval_and_quantity_make_the_monthly_amount(tmp_path):
    taken = plans(tmp_path)
    monthly = {row["subscription_id"]: row["monthly_amount"] for row in rows(taken, "subscriptions")}
    # A year is 365.25 days: 7 a week is 365.25 a year, 1 a day too, and that is 30.4375 a month.
    assert list(monthly.values())[:9] == [
        Decimal(text) for text in ["100", "60", "30", "50", "30.4375", "30.4375", "20", "20", "20"]
    ]
    assert taken.audits[0].notes == ("status: 2 rows do not count: paused (1), trialing (1)",)


def test_an_end_that_nobody_knows_is_not_taken_as_running(tmp_path):
    taken = plans(tmp_path, text=PLANS.replace("2025-02-01,20,month,,,canceled", ",20,month,,,canceled"))
    assert counts(taken)[0][5] == {"ended_at is empty, but status says that it ended": 1}


def test_an_amount_without_an_interval_has_no_monthly_amount(tmp_path):
    taken = plans(tmp_path, text=PLANS.replace("1200,year", "1200,"))
    assert counts(taken)[0][5] == {"monthly_amount is empty": 1}


def test_what_is_missing_may_follow_from_others(tmp_path):
    with pytest.raises(
        InputError, match=r"monthly_amount: is required for subscriptions\. It follows from amount and interval"
    ):
        plans(tmp_path, "amount: sum")
