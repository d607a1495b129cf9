"""Google Analytics 4: the sessions of an export, an event a line, against plain Python on its lines.

39 events of nine sessions on nine devices, each of two pages. Six sessions take 60 seconds from the first to the last event; three with a
purchase take 80. The first three minutes of 1 June in UTC are two hours later in Oslo.
"""

import json
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest

from crmnb.core.period import Period
from crmnb.intake import Intake, import_data
from crmnb.schema.client import Client, load_client
from crmnb.workbook import Workbook, open_on

PARAMETERS = Path(__file__).parents[2] / "parameters"
FILE = PARAMETERS.parent / "../shared/data/exports/ga4/events_20250601.json"
PERIOD = "2025-06-01..2025-06-02"

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILE.exists(), reason="the export is not beside the checkout (../shared/data)"),
]


@pytest.fixture(scope="module")
def sessions() -> pd.DataFrame:
    """A session a row, by plain pandas."""
    events = []
    for line in FILE.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        values = {param["key"]: next(iter(param["value"].values())) for param in event["event_params"]}
        events.append(
            {
                "device": event["user_pseudo_id"],
                "session": values["ga_session_id"],
                "at": pd.Timestamp(int(event["event_timestamp"]), unit="us", tz="UTC"),
                "page": event["event_name"] == "page_view",
                "bought": event["event_name"] == "purchase",
                "source": event["traffic_source"]["source"],
            }
        )
    grouped = pd.DataFrame(events).groupby(["device", "session"])
    rows = grouped.agg(
        began=("at", "min"),
        ended=("at", "max"),
        pages=("page", "sum"),
        bought=("bought", "max"),
        source=("source", "first"),
    )
    return rows.reset_index().assign(seconds=(rows["ended"] - rows["began"]).dt.total_seconds().to_numpy())


@pytest.fixture(scope="module")
def client() -> Client:
    client = load_client("ga4", PARAMETERS)
    return client.model_copy(update={"privacy": client.privacy.model_copy(update={"min_base": 1, "suppress_below": 1})})


@pytest.fixture(scope="module")
def taken(client, tmp_path_factory) -> Intake:
    return import_data(client, tmp_path_factory.mktemp("private"))


@pytest.fixture(scope="module")
def book(client, taken) -> Workbook:
    return open_on(client, Period.parse(PERIOD), taken)


def test_events_become_sessions(taken, sessions):
    assert {account.table: (account.read, account.accepted) for account in taken.audits[1:]} == {
        "visits": (9, 9),
        "usage": (3, 3),
    }
    visits = duckdb.read_parquet(str(taken.tables["visits"])).df().sort_values("visitor_id", ignore_index=True)
    own = sessions.sort_values("device", ignore_index=True)
    local = own["began"].dt.tz_convert("Europe/Oslo").dt.tz_localize(None)
    assert (visits["started_at"] == local).all()
    assert visits["seconds"].tolist() == own["seconds"].tolist()
    assert visits["source"].tolist() == own["source"].tolist()


def test_every_figure_is_that_of_plain_pandas(book, sessions):
    figures = {
        "website_visits": len(sessions),
        "unique_visitors": sessions["device"].nunique(),
        "time_on_site": sessions["seconds"].median(),
        "bounce_rate": 100 * (sessions["pages"] == 1).mean(),
        "unmeasured_sessions": 100 * (sessions["pages"] == 1).mean(),
        "session_conversion_rate": 100 * sessions["bought"].mean(),
    }
    assert figures["session_conversion_rate"] == pytest.approx(100 / 3)  # as counted by hand
    for metric, value in figures.items():
        assert book(metric).whole["value"].tolist() == pytest.approx([value]), metric


def test_visits_by_source(book, sessions):
    found = book("visits_by_source").whole.set_index("breakdown")["value"]
    assert found.to_dict() == sessions["source"].value_counts().astype(float).to_dict()


def test_two_days_make_no_month(book):
    (reason,) = book("active_share").whole["reason"]
    assert "needs_whole_month" in reason
    assert np.isnan(book("active_share").whole["value"]).all()
