"""ServiceNow incidents: tickets from an event log, and the family service, against plain pandas on the raw events."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import second_route_service as desk
from statsmodels.duration.survfunc import SurvfuncRight

from crmnb.core.notes import Count
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure
from crmnb.intake import Intake, import_data
from crmnb.metrics.definition import family
from crmnb.schema.client import Client, load_client
from crmnb.workbook import Workbook, open_on

PARAMETERS = Path(__file__).parents[2] / "parameters"
FILE = PARAMETERS.parent / "../shared/data/servicenow_incidents/incident_event_log.csv.gz"
LABEL, CUTOFF = "2016-02-29..2017-02-18", pd.Timestamp("2017-02-19")
TIME = "%d/%m/%Y %H:%M"
HORIZON, FOLLOWED = 2160, pd.Timedelta(days=30)

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(
        not FILE.exists(), reason="the ServiceNow incidents are not beside the checkout (../shared/data)"
    ),
]


@pytest.fixture(scope="module")
def incidents() -> pd.DataFrame:
    """An incident a row, by plain pandas: its last event, its times, and the most reassignments and reopenings."""
    events = pd.read_csv(FILE, dtype=str)
    assert len(events) == 141_712
    counts = events.assign(
        reassigned=events["reassignment_count"].astype(int), reopened=events["reopen_count"].astype(int)
    )
    last = events.groupby("number").tail(1).set_index("number")
    last = last.join(counts.groupby("number")[["reassigned", "reopened"]].max())
    for name in ("opened_at", "resolved_at", "closed_at"):
        last[name] = pd.to_datetime(last[name].where(last[name] != "?"), format=TIME)
    again = counts[counts["reopened"] > 0].groupby("number")["sys_updated_at"].first()
    last["reopened_at"] = pd.to_datetime(again, format=TIME).reindex(last.index)
    return last.assign(hours=(last["resolved_at"] - last["opened_at"]).dt.total_seconds() / 3600)


@pytest.fixture(scope="module")
def client() -> Client:
    return load_client("servicenow_incidents", PARAMETERS)


@pytest.fixture(scope="module")
def taken(client, tmp_path_factory) -> Intake:
    return import_data(client, tmp_path_factory.mktemp("private"))


@pytest.fixture(scope="module")
def book(client, taken) -> Workbook:
    return open_on(client, Period.parse(LABEL), taken)


@pytest.fixture(scope="module")
def figures(book) -> dict[tuple[str, str], float]:
    rows = book.results("service")
    rows = rows[(rows["part"] == "") & (rows["segment"] == "")]
    return dict(zip(zip(rows["metric"], rows["breakdown"], strict=True), rows["value"], strict=True))


def test_events_become_tickets(taken, incidents):
    source, account = taken.audits
    assert (source.read, source.accepted) == (141_712, 141_712)
    assert (account.table, account.read, account.accepted) == ("tickets", 24_918, 24_918)
    tickets = duckdb.read_parquet(str(taken.tables["tickets"])).df().set_index("ticket_id").sort_index()
    for name in ("opened_at", "resolved_at", "closed_at", "reopened_at"):
        pd.testing.assert_series_equal(
            tickets[name].astype("datetime64[s]"),
            incidents[name].astype("datetime64[s]").sort_index(),
            check_names=False,
        )
    assert (tickets["reassignments"] == incidents["reassigned"].sort_index()).all()
    assert 100 * tickets["sla_met"].mean() == pytest.approx(63.42, abs=0.005)


def test_what_the_data_are_known_for(taken):
    """1,556 closed without a time of resolution; among the resolved, median 22.1 and mean 178.2 hours, first contact 51.1% strict and 98.8% loose."""
    tickets = duckdb.read_parquet(str(taken.tables["tickets"])).df()
    resolved = tickets[tickets["resolved_at"].notna()]
    hours = (resolved["resolved_at"] - resolved["opened_at"]).dt.total_seconds() / 3600
    assert tickets["resolved_at"].isna().sum() == 1556
    assert tickets["closed_at"].notna().all()
    assert (hours.median(), hours.mean()) == pytest.approx((22.1, 178.2), abs=0.05)
    loose = resolved["reopened_at"].isna()
    strict = loose & (resolved["reassignments"] == 0)
    assert (100 * strict.mean(), 100 * loose.mean()) == pytest.approx((51.1, 98.8), abs=0.05)


def test_closed_without_a_time_is_missing_and_not_open(book, figures):
    assert figures["backlog", ""] == 0
    notes = {note.code: note.values for note in book("median_resolution_time").notes}
    assert notes["cases_without_time"] == {"cases": Count(1556), "of": Count(24_918)}
    assert "cases_still_open" not in notes


def test_times_are_those_of_all_resolved_incidents(figures, incidents):
    """Nothing is censored: the estimates are quantiles and a cut mean of the times themselves."""
    hours = incidents["hours"].dropna().sort_values()
    assert figures["median_resolution_time", ""] == pytest.approx(hours.iloc[int(np.ceil(len(hours) / 2)) - 1])
    assert figures["p90_resolution_time", ""] == pytest.approx(hours.iloc[int(np.ceil(0.9 * len(hours))) - 1])
    assert figures["mean_resolution_time", ""] == pytest.approx(hours.clip(upper=HORIZON).mean())
    for within in (4, 24, 168):
        assert figures["resolution_curve", f"within {within} hours"] == pytest.approx(100 * (hours <= within).mean())


def test_open_incidents_are_censored_as_an_independent_estimator_does(client, taken, incidents):
    """As if it were 10 May 2016."""
    now = pd.Timestamp("2016-05-11")
    april = incidents[incidents["opened_at"].between("2016-04-01", "2016-04-30 23:59")]
    came = april["resolved_at"] < now
    missing = ~came & (april["closed_at"] < now)
    known = april[~missing]
    hours = ((known["resolved_at"].where(came[~missing], now)) - known["opened_at"]).dt.total_seconds() / 3600
    peer = SurvfuncRight(hours, came[~missing].astype(int))
    early = client.model_copy(update={"data_until": (now - pd.Timedelta(days=1)).date()})
    tables = in_memory(early, {"tickets": duckdb.read_parquet(str(taken.tables["tickets"])).df()})
    period = Period.parse("2016-04").observe(pd.Timestamp("2016-02-29"), now)
    rows = measure(family("service")["median_resolution_time"], tables, period).rows
    figure = rows.loc[(rows["part"] == "") & (rows["segment"] == ""), "value"].item()
    assert figure == pytest.approx(peer.surv_times[peer.surv_prob <= 0.5 + 1e-9][0])


def test_first_contact_within_30_days(figures, incidents):
    followed = incidents[incidents["opened_at"] <= CUTOFF - FOLLOWED]
    followed = followed[followed["resolved_at"].notna()]
    deadline = followed["opened_at"] + FOLLOWED
    loose = (followed["resolved_at"] <= deadline) & ~(followed["reopened_at"] <= deadline)
    assert figures["first_contact_resolution", "loose"] == pytest.approx(100 * loose.mean())
    assert figures["first_contact_resolution", "strict"] == pytest.approx(
        100 * (loose & (followed["reassigned"] == 0)).mean()
    )


def test_volume_and_quality(figures, incidents):
    assert figures["ticket_volume", ""] == 24_918
    followed = incidents[incidents["opened_at"] <= CUTOFF - pd.Timedelta(days=14)]
    assert figures["transfer_rate", ""] == pytest.approx(100 * (followed["reassigned"] > 0).mean())
    resolved = incidents[incidents["resolved_at"] <= CUTOFF - FOLLOWED]
    assert figures["reopen_rate", ""] == pytest.approx(100 * (resolved["reopened"] > 0).mean())
    monday = (incidents["opened_at"].dt.day_of_week == 0).mean()
    assert figures["arrival_pattern", "Monday"] == pytest.approx(100 * monday)


def test_every_other_figure_is_that_of_plain_pandas(book, figures, taken):
    """Of both families: what the incidents tell, as they were taken in."""
    tickets = duckdb.read_parquet(str(taken.tables["tickets"])).df()
    span = desk.Span("2016-02-29", "2017-02-19", CUTOFF)
    tickets = tickets.drop(columns="topic", errors="ignore")
    wanted = desk.all_of_service(tickets, span, desk.WorkingHours({}), horizon=HORIZON, first_days=30)
    rows = book.results("operations")
    rows = rows[(rows["part"] == "") & (rows["segment"] == "")]
    every = figures | dict(zip(zip(rows["metric"], rows["breakdown"], strict=True), rows["value"], strict=True))
    assert {metric for metric, _ in wanted} >= {
        "sla_compliance_rate",
        "p90_resolution_time",
        "ticket_flow",
        "problems_solved",
    }
    found = {key: every[key] for key, value in wanted.items() if np.isfinite(value)}
    assert found == pytest.approx({key: value for key, value in wanted.items() if np.isfinite(value)}, rel=1e-9)


def test_agents_are_observed_over_expected(figures, incidents):
    followed = incidents[(incidents["opened_at"] <= CUTOFF - pd.Timedelta(days=7)) & incidents["resolved_at"].notna()]
    followed = followed[followed["resolved_by"] != "?"]
    done = followed["resolved_at"] <= followed["opened_at"] + pd.Timedelta(days=7)
    reopened_again = (followed["reopened_at"] > followed["resolved_at"]).any()
    assert not reopened_again
    kind = followed["priority"] + followed["contact_type"]
    expected = done.groupby(kind).transform("mean").groupby(followed["resolved_by"]).sum()
    rates = 100 * done.groupby(followed["resolved_by"]).sum() / expected * done.mean()
    shown = sorted(v for (name, _), v in figures.items() if name == "resolved_by_agent" and np.isfinite(v))
    wanted = np.minimum(rates, 100).to_numpy()
    assert len(shown) > 100
    assert all(np.isclose(wanted, value, rtol=1e-9).any() for value in shown)
