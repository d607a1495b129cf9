"""Service: what the corner shop's tickets do not show: tables with fewer columns, hours of the calendar, names of agents."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmnb.core.notes import from_json
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure_all
from crmnb.metrics.definition import family
from crmnb.schema.client import Client, load_client

PARAMETERS = Path(__file__).parents[3] / "parameters"
YEAR = Period.parse("2025").observe(datetime(2023, 10, 1), datetime(2026, 1, 1))
TIMES = ("Opened", "First answer", "Solved", "Put away", "Opened again", "Withdrawn")


@pytest.fixture(scope="module")
def client() -> Client:
    return load_client("corner_shop", PARAMETERS)


@pytest.fixture(scope="module")
def tickets(client) -> pd.DataFrame:
    """The corner shop's tickets under the suite's names."""
    rows = pd.read_csv(PARAMETERS / "corner_shop" / "tickets.csv", dtype={"Customer no": str})
    rows[list(TIMES)] = rows[list(TIMES)].apply(pd.to_datetime, format="mixed")
    mapped = client.tables["tickets"].columns
    named = rows[list(mapped.values())].set_axis(list(mapped), axis=1)
    return named.assign(escalated=named["escalated"].map({"yes": True, "no": False}).astype(object))


def whole(client: Client, rows: pd.DataFrame, *names: str) -> pd.DataFrame:
    """The whole client's rows of some metrics in 2025, by metric and breakdown."""
    metrics = [family("service")[name] for name in names]
    measured = pd.concat([m.rows for m in measure_all(metrics, in_memory(client, {"tickets": rows}), YEAR)])
    measured = measured[(measured["part"] == "") & (measured["segment"] == "")]
    return measured.set_index(["metric", "breakdown"])


def test_without_a_working_week_hours_are_those_of_the_calendar(client, tickets):
    """T04 took 42 hours by the clock, on the night on which it is put forward: 41. T03 took 35, T13 2, T14 1, T15 6, T06 24, T17 74, T07 473."""
    plain = client.model_copy(update={"service": client.service.model_copy(update={"working_week": {}, "closed": ()})})
    asked = whole(plain, tickets, "median_resolution_time", "resolution_curve")
    # Of 13, T12 is out of sight at once: left after 1, 2, 6, 24, 35 and 41 hours are 11, 10, 9, 8, 7 and 6 of 12.
    assert asked.loc[("median_resolution_time", ""), "value"] == 41
    assert asked.loc[("resolution_curve", "within 24 hours"), "value"] == pytest.approx(100 * 4 / 12)


def test_resolved_at_ends_a_ticket_where_nothing_is_known_of_reopenings_and_closing(client, tickets):
    fewer = tickets.drop(columns=["reopened_at", "closed_at"])
    asked = whole(client, fewer, "backlog", "median_resolution_time", "first_contact_resolution")
    assert asked.loc[("backlog", ""), "value"] == 6  # T16 instead of T05
    assert asked.loc[("median_resolution_time", ""), "n"] == 15
    # T05 and T17 are not known to have been reopened, T16 is open.
    assert asked.loc[("first_contact_resolution", "loose"), "value"] == pytest.approx(100 * 8 / 14)


def test_first_contact_needs_something_that_shows_a_return(client, tickets):
    asked = whole(client, tickets.drop(columns=["reopened_at", "topic"]), "first_contact_resolution")
    assert from_json(asked["reason"].iloc[0]).values == {"column": "tickets.reopened_at"}


def test_without_contacts_and_reassignments_there_is_no_strict_figure(client, tickets):
    asked = whole(client, tickets.drop(columns=["contacts", "reassignments"]), "first_contact_resolution")
    assert [*asked.index] == [("first_contact_resolution", "loose")]


def test_two_tickets_at_the_same_moment_are_no_return(client, tickets):
    twin = tickets[tickets["ticket_id"] == "T15"].assign(ticket_id="T20")
    asked = whole(client, pd.concat([tickets, twin]), "first_contact_resolution")
    assert asked.loc[("first_contact_resolution", "loose"), "numerator"] == 7


def test_an_empty_backlog_is_none_and_has_no_interval(client, tickets):
    solved = tickets[tickets["resolved_at"].notna() & tickets["reopened_at"].isna()]
    asked = whole(client, solved, "backlog", "backlog_by_age")
    assert (asked["value"] == 0).all()
    assert len(asked) == 4
    assert asked[["low", "high"]].isna().all(axis=None)


def test_agents_have_codes_unless_the_client_names_them(client, tickets):
    named = client.model_copy(update={"service": client.service.model_copy(update={"name_agents": True})})
    coded, shown = (whole(of, tickets, "resolved_by_agent")["value"] for of in (client, named))
    assert [code for _, code in coded.index] == ["A1", "A2", "A3"]
    assert [name for _, name in shown.index] == ["Ann", "Bea", "Cy"]
    assert sorted(coded) == sorted(shown)


def test_codes_do_not_follow_from_names(client, tickets):
    """Who knows all names knows no code: agents of other names have the codes of those whose tickets they have."""
    renamed = tickets.assign(agent=tickets["agent"].map({"Ann": "Zoe", "Bea": "Xi", "Cy": "Abe"}))
    one, other = (whole(client, rows, "resolved_by_agent")["value"] for rows in (tickets, renamed))
    pd.testing.assert_series_equal(one, other)
    fewer = tickets[tickets["agent"] != "Bea"]
    assert len(whole(client, fewer, "resolved_by_agent")) == 2


def test_a_client_column_with_a_name_that_times_need_is_refused(client, tickets):
    asked = whole(client, tickets.assign(duration="long"), "median_resolution_time")
    assert from_json(asked["reason"].iloc[0]).code == "reserved_column"
    assert np.isnan(asked["value"].iloc[0])
