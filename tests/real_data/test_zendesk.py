"""Zendesk: the tickets of an export as the family service counts them, by hand.

Twelve tickets of June 2025 of five customers. Ten were solved after ten hours each, the eleventh and the twelfth are open; the fourth was reopened. First
replies came after 37, 38, ... 48 minutes. Of nine ratings seven are good.
"""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import pytest
import second_route_service as desk

from crmnb.core.period import Period
from crmnb.intake import import_data
from crmnb.schema.client import load_client
from crmnb.workbook import Workbook, open_on

PARAMETERS = Path(__file__).parents[2] / "parameters"
FILE = PARAMETERS.parent / "../shared/data/exports/zendesk/export-2025-07-01.json"
COUNTED = {
    ("ticket_volume", ""): 12,
    ("ticket_flow", "resolved"): 10,
    ("backlog", ""): 2,
    ("median_resolution_time", ""): 10,
    ("first_response_time", ""): 42 / 60,
    # The twelfth, of 24 June 6:30 in New York, is not followed for seven days; the eleventh is open, the fourth was reopened.
    ("first_contact_resolution", "loose"): 100 * 9 / 11,
    ("csat", ""): 100 * 7 / 9,
}

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILE.exists(), reason="the export is not beside the checkout (../shared/data)"),
]


def test_every_figure_is_what_was_counted(tmp_path):
    client = load_client("zendesk", PARAMETERS)
    open_to_all = client.privacy.model_copy(update={"suppress_below": 1})
    taken = import_data(client, tmp_path)
    assert {account.table: (account.read, account.accepted) for account in taken.audits[1:]} == {
        "tickets": (12, 12),
        "survey_responses": (9, 9),
    }
    book = open_on(client.model_copy(update={"privacy": open_to_all}), Period.parse("2025-06"), taken)
    for (metric, breakdown), value in COUNTED.items():
        whole = book(metric).whole.set_index("breakdown")["value"]
        assert whole[breakdown] == pytest.approx(value), metric
    tickets = duckdb.read_parquet(str(taken.tables["tickets"])).df()
    wanted = desk.all_of_service(tickets, desk.Span("2025-06-01", "2025-07-01", "2025-07-01"), desk.WorkingHours({}))
    figures = {(row.metric, row.breakdown): row.value for row in _whole(book).itertuples()}
    known = {key: value for key, value in wanted.items() if np.isfinite(value) and np.isfinite(figures[key])}
    assert {metric for metric, _ in known} >= {
        "resolution_curve",
        "first_response_time",
        "backlog_by_age",
        "arrival_pattern",
    }
    assert {key: figures[key] for key in known} == pytest.approx(known, rel=1e-9)


def _whole(book: Workbook) -> pd.DataFrame:
    """The whole client's rows of both families in the period."""
    rows = pd.concat([book.results(family) for family in ("service", "operations")])
    return rows[(rows["part"] == "") & (rows["segment"] == "")]
