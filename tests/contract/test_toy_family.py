"""A family of ten kinds of metrics, in one file, goes from file to page without a change to any other file."""

import sys
from collections.abc import Iterator
from datetime import datetime
from importlib import import_module
from pathlib import Path

import matplotlib.pyplot as plt
import narwhals.stable.v2 as nw
import numpy as np
import pandas as pd
import pytest

from crmnb.core.errors import Unavailable
from crmnb.core.period import Period
from crmnb.engine.session import Tables, in_memory
from crmnb.evaluate import store
from crmnb.evaluate.evaluation import Evaluation, evaluate
from crmnb.evaluate.results_frame import COLUMNS, tuples
from crmnb.metrics.definition import catalogue, families, family
from crmnb.metrics.measures import survival_median
from crmnb.report.pages.catalogue import catalogue_page
from crmnb.report.text.changes import change_words
from crmnb.report.text.values import value_words
from crmnb.report.view import ResultView
from crmnb.schema.client import Client

YEAR = Period.parse("2025").observe(datetime(2023, 1, 1), datetime(2026, 4, 1))
IDS = (
    *("reopened_share", "contacts_per_ticket", "ticket_score", "tickets_per_100", "open_tickets"),
    *("median_days_to_resolve", "median_days_to_win", "won_in_time", "solved_by_cohort"),
    *("reopened_to_score", "contacts_model"),
)
each = pytest.mark.parametrize("id_", IDS)


def after(times: pd.Series, days: np.ndarray, there: np.ndarray) -> pd.Series:
    return (times + pd.to_timedelta(days, unit="D")).where(there)


@pytest.fixture(scope="module")
def tables() -> Tables:
    """Tickets, leads and contracts of 300 customers in three years, some of the tickets and leads still open."""
    rng = np.random.default_rng(4)
    many = 1500
    customers = [f"c{at:03}" for at in range(300)]
    opened = pd.Series(pd.Timestamp("2023-01-02") + pd.to_timedelta(rng.integers(0, 1180, many), unit="D"))
    days = rng.integers(1, 90, many)
    tickets = pd.DataFrame(
        {
            "ticket_id": [f"t{at}" for at in range(many)],
            "customer_id": rng.choice(customers, many),
            "opened_at": opened,
            "resolved_at": after(opened, days, rng.random(many) < 0.9),
            "reopened_at": after(opened, days + 3, rng.random(many) < 0.3),
            "cancelled_at": pd.Series(pd.NaT, range(many), dtype="datetime64[ns]"),
            "contacts": rng.integers(1, 6, many),
            "csat": rng.integers(1, 6, many).astype(float),
            "channel": rng.choice(["phone", "mail"], many),
        }
    )
    fate = rng.random(many)
    leads = pd.DataFrame(
        {
            "lead_id": [f"l{at}" for at in range(many)],
            "created_at": opened,
            "source": rng.choice(["web", "fair"], many),
            "won_at": after(opened, days, fate < 0.6),
            "lost_at": after(opened, days, fate > 0.8),
        }
    )
    plans = pd.DataFrame({"subscription_id": customers, "customer_id": customers, "monthly_amount": 10.0})
    plans = plans.assign(started_at=pd.Timestamp("2022-05-01"), ended_at=pd.Series(pd.NaT, plans.index))
    regions = pd.DataFrame({"customer_id": customers, "region": ["North", "South", "East"] * 100})
    regions.loc[:3, "region"] = "Isle"  # few customers, whose figures are not shown
    of = Client(
        id="harbour",
        folder=Path(),
        name="Harbour",
        currency="GBP",
        sources={},
        tables={},
        segments={"region": {"column": "customers.region"}, "channel": {"column": "tickets.channel"}},
        privacy={"min_base": 30, "suppress_below": 10},
    )
    frames = {"tickets": tickets, "leads": leads, "subscriptions": plans, "customers": regions}
    return in_memory(of, frames)


def forget() -> None:
    for cached in (families, family, catalogue):
        cached.cache_clear()
    sys.modules.pop("crmnb.metrics.families.toy", None)


@pytest.fixture(scope="module")
def evaluation(tables: Tables) -> Iterator[Evaluation]:
    """The evaluation of the family, whose one file lies in a folder of its own."""
    package = import_module("crmnb.metrics.families")
    package.__path__.append(str(Path(__file__).parent / "toy"))
    forget()
    yield evaluate(["toy"], tables, YEAR)
    package.__path__.pop()
    forget()


@pytest.fixture
def view(evaluation: Evaluation, id_: str) -> ResultView:
    return ResultView.of(evaluation.results["toy"][id_])


def test_the_family_is_found_and_evaluated(evaluation):
    assert evaluation.failures == {}
    assert tuple(evaluation.results["toy"]) == tuple(family("toy")) == IDS
    assert {*IDS} <= {*catalogue()}


@each
def test_it_has_a_figure_with_an_interval_and_a_comparison(view, id_):
    shown = view.whole[view.whole["value"].notna()]
    assert list(view.rows.columns) == list(COLUMNS)
    assert len(shown)
    if id_ == "open_tickets":  # a census has no interval
        assert shown[["low", "high"]].isna().all(axis=None)
    else:
        assert (shown["low"] <= shown["value"]).all()
        assert (shown["value"] <= shown["high"]).all()
    if id_ != "solved_by_cohort":  # whose cohorts are others in each period
        assert shown["previous"].notna().any()
        assert shown["change"].notna().any()


@each
def test_it_has_a_trend_unless_it_has_none(view, id_):
    parts = set(view.parts["part"])
    assert parts == (set() if id_ == "solved_by_cohort" else {part.label for part in YEAR.parts})


@each
def test_small_groups_are_hidden_and_others_are_not(view, id_):
    levels = view.rows[view.rows["segment"] == "region"]
    if id_ in ("median_days_to_win", "won_in_time"):  # leads name no customer
        assert levels.empty
        return
    small = levels[levels["level"] == "Isle"]
    assert len(small)
    assert (small["value"].isna() | (small["value"] == 0)).all()
    assert levels["value"].notna().any()


@each
def test_it_has_a_page_a_chart_and_a_definition(view, evaluation, id_):
    html = view._repr_html_()
    assert view.metric.title in html
    assert view.metric.title in catalogue_page(list(family("toy").values()))
    assert len(view.table())
    assert view.plot() is not None
    plt.close("all")


def test_a_backlog_is_what_pandas_counts(evaluation, tables):
    tickets = tables.frame("tickets").to_native().df()
    end = pd.Timestamp("2026-01-01")
    still = tickets[(tickets["opened_at"] < end) & ~(tickets["resolved_at"] < end)]
    days = (end - still["opened_at"]).dt.days
    bands = {
        "1 under 7 days": days < 7,
        "2 from 7 to under 30 days": (days >= 7) & (days < 30),
        "3 from 30 days": days >= 30,
    }
    whole = evaluation.results["toy"]["open_tickets"].whole.set_index("breakdown")["value"]
    assert whole.to_dict() == {name: band.sum() for name, band in bands.items()}


def test_the_median_of_tickets_is_that_of_an_independent_estimator(evaluation, tables):
    from statsmodels.duration.survfunc import SurvfuncRight

    tickets = tables.frame("tickets").to_native().df()
    tickets = tickets[tickets["opened_at"].dt.year == 2025]
    until = tickets["resolved_at"].where(tickets["resolved_at"] < YEAR.cutoff, pd.NaT)
    days = (until.fillna(YEAR.cutoff) - tickets["opened_at"]).dt.days
    expected = SurvfuncRight(days, until.notna().astype(int)).quantile(0.5)
    assert evaluation.results["toy"]["median_days_to_resolve"].whole["value"].item() == expected


def test_cases_have_the_levels_of_their_customers_and_of_their_own_columns(evaluation, tables):
    from statsmodels.duration.survfunc import SurvfuncRight

    rows = evaluation.results["toy"]["median_days_to_resolve"].rows
    assert {*rows["segment"]} == {"", "region", "channel"}
    tickets = tables.frame("tickets").to_native().df()
    tickets = tickets[(tickets["opened_at"].dt.year == 2025) & (tickets["channel"] == "phone")]
    until = tickets["resolved_at"].where(tickets["resolved_at"] < YEAR.cutoff, pd.NaT)
    days = (until.fillna(YEAR.cutoff) - tickets["opened_at"]).dt.days
    phone = rows[(rows["segment"] == "channel") & (rows["level"] == "phone")]
    assert phone["value"].item() == SurvfuncRight(days, until.notna().astype(int)).quantile(0.5)
    assert phone["clusters"].item() == tickets["customer_id"].nunique()


def test_a_median_without_a_counterpart_says_why_there_is_no_change(evaluation, tables):
    """In 2024 hardly a ticket was resolved, in 2025 each of them after three days."""
    months = pd.date_range("2024-01-01", periods=24, freq="MS")
    opened = pd.Series(months.repeat(20))
    resolved = after(opened, np.full(len(opened), 3), (opened.dt.year == 2025).to_numpy())
    names = [f"t{at}" for at in range(len(opened))]
    tickets = pd.DataFrame({"ticket_id": names, "opened_at": opened, "resolved_at": resolved})
    tickets = tickets.assign(cancelled_at=pd.Series(pd.NaT, tickets.index, dtype="datetime64[ns]"))
    result = evaluate(["toy"], in_memory(tables.client, {"tickets": tickets}), YEAR).results["toy"][
        "median_days_to_resolve"
    ]
    (row,) = tuples(result.whole)
    assert value_words(result, row) == "3 days"
    assert change_words(result, row).text == "no comparison: not reached in 2024"


def test_a_column_of_the_client_with_a_name_that_cases_need_is_refused(tables):
    tickets = tables.frame("tickets").to_native().df().assign(duration="long", period_end=YEAR.end)
    named = nw.from_native(tables.con.from_df(tickets))
    with pytest.raises(Unavailable) as refused:
        survival_median(named, "opened_at", "resolved_at", until=None)
    assert refused.value.reason.values == {"column": "duration"}


def test_a_derived_figure_is_made_of_its_inputs_and_of_their_uncertainty(evaluation):
    results = evaluation.results["toy"]
    top, bottom, made = (results[id_].whole.iloc[0] for id_ in ("reopened_share", "ticket_score", "reopened_to_score"))
    assert results["reopened_to_score"].metric.measure.inputs == ("reopened_share", "ticket_score")
    assert made["value"] == pytest.approx(top["value"] / bottom["value"])
    arms = (top["high"] - top["value"]) / bottom["value"], top["value"] / bottom["low"] - made["value"]
    assert made["high"] == pytest.approx(made["value"] + np.hypot(*arms))


def test_an_immature_period_is_marked(tables, evaluation):
    late = Period.parse("2026Q1").observe(datetime(2023, 1, 1), datetime(2026, 4, 1))
    rows = evaluate(["toy"], tables, late).results["toy"]["reopened_share"].whole
    assert "immature" in rows["flags"].item()


def test_a_stored_result_is_restored_with_its_points_and_what_it_measures(evaluation, tables, tmp_path):
    store.save(evaluation, tmp_path, "key", tables.client, YEAR, tables.con)
    restored = store.restore(tmp_path, "toy", tables.client, YEAR)
    for id_, result in evaluation.results["toy"].items():
        pd.testing.assert_frame_equal(restored[id_].rows, result.rows, check_dtype=False)
        assert len(restored[id_].points) == len(result.points)
        assert restored[id_].metric.numerator == result.metric.numerator
    assert len(restored["contacts_model"].points)
