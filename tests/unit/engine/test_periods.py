"""What is the same in several windows is worked out once, and never guessed."""

from datetime import datetime, timedelta

import narwhals.stable.v2 as nw
import pandas as pd
import pytest
from test_measure import SEEN, answers, client

from crmnb.core.errors import Unavailable
from crmnb.core.period import Period
from crmnb.engine.evidence import Window
from crmnb.engine.periods import once, unsaid
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure, measure_all
from crmnb.evaluate.settings import resolve
from crmnb.metrics.definition import catalogue, families, family

METRICS = [
    id_ for name in families() for id_, m in family(name).items() if not (m.called_once or m.cumulative)
]  # in one window only
# At which months there are, at the period's name (in the books, or of what growth is compared with), at what was seen before.
THAT_LOOK = {"churn_rate_annualised", "simple_clv"}  # whether it is a year
THAT_LOOK |= {"cohort_retention", "customer_acquisition_cost", "cac_payback_period"}
THAT_LOOK |= {"revenue_reconciliation"}
MONTH = Period.parse("2025-02").observe(*SEEN)


@pytest.fixture(scope="module")
def opened():
    return in_memory(client(), {"survey_responses": answers(2025, [5, 4, 1], ["a", "b", "c"])})


@pytest.mark.parametrize("metric", METRICS)
def test_a_metric_asked_once_gives_what_it_gives_in_each_window(corner_shop, metric):
    chosen, tables, period = catalogue()[metric], corner_shop.tables, corner_shop.period
    given, _ = resolve(chosen, corner_shop.client)
    frames = [tables.frame(name, per_customer=chosen.per_customer) for name in chosen.reads]
    found = unsaid(
        lambda period: Window.of(chosen.function(*frames, period=period, **given)), period.data_from, period.cutoff
    )
    assert (found is None) == (metric in THAT_LOOK)
    windows = [each for each in (period, period.previous, *period.parts) if found and _has(each, found[1])]
    for window in windows:
        asked = Window.of(chosen.function(*frames, period=window, **given))
        assert tables.kept.said(found[0].sql, window) == asked.sql
        assert found[0].types == asked.types


def _has(period: Period, history: list[tuple[int, str]]) -> bool:
    """Whether as many days were seen before the period as are required."""
    try:
        for needed in history:
            period.require_history(*needed)
    except Unavailable:
        return False
    return True


@pytest.mark.parametrize(
    "look",
    [
        lambda period: period.label,
        lambda period: period.months == 1,
        lambda period: period.start < datetime(2025, 1, 1),
        lambda period: datetime(2025, 1, 1) < period.start,
        lambda period: period.start == period.end,
        lambda period: period.end - period.start,
        lambda period: period.start.year,
        lambda period: period.observed_end.replace(day=1),
        lambda period: f"{period.start:%Y}",
        lambda period: str(period.start),
        lambda period: {period.start: 1},
        lambda period: max(period.start, period.end),
        lambda period: period.start + timedelta(days=100_000),  # too far to be told from another time
        lambda period: (period.end - timedelta(days=1)).month,
    ],
)
def test_who_looks_at_what_is_unsaid_is_asked_for_each_window(look):
    assert unsaid(look) is None


def test_moved_times_are_said_and_a_metrics_own_stay(opened):
    def late(period):
        at = nw.col("responded_at")
        own = nw.col("responded_at").fill_null(datetime(9999, 12, 31)) < datetime(2999, 12, 31)
        recent = at >= period.start - timedelta(days=90, seconds=1)
        return opened.frame("survey_responses").filter(period.holds("responded_at"), recent, own)

    found, required = unsaid(lambda period: Window.of(late(period)))
    assert opened.kept.said(found.sql, MONTH) == Window.of(late(MONTH)).sql
    assert "2024-11-02 23:59:59" in opened.kept.said(found.sql, MONTH)
    assert required == []


def test_what_is_computed_once_is_computed_once_for_all_who_ask(opened):
    computed = []

    @once
    def answered_by(frame, t):
        computed.append(t)
        return frame.filter(nw.col("responded_at") < t)

    def asked(period):
        return answered_by(opened.frame("survey_responses"), period.end - timedelta(days=1))

    found, _ = unsaid(lambda period: Window.of(asked(period)))
    before = len(opened.kept.tables)
    told = {window.label: opened.kept.said(found.sql, window) for window in (MONTH, MONTH.previous)}
    assert (len(computed), len(opened.kept.tables) - before, len({*told.values()})) == (1, 2, 2)
    assert Window.of(asked(MONTH)).sql == told["2025-02"]
    assert len(opened.kept.tables) - before == 2


def test_functions_of_one_name_in_two_modules_are_two(opened):
    def made(module: str, add: int):
        def shared(rows, number):
            return rows.with_columns(told=nw.lit(number + add))

        shared.__module__ = module
        return once(shared)

    frame = opened.frame("survey_responses")
    found = [made(module, add)(frame, 1) for module, add in (("a", 0), ("b", 1))]
    told = [rows.to_native().project("told").fetchall()[0][0] for rows in found]
    assert told == [1, 2]


def test_history_is_required_of_each_window():
    def asked(period):
        period.require_history(30)
        return "evidence"

    assert unsaid(asked) == ("evidence", [(30, "start")])
    orders = pd.DataFrame(
        {
            "order_id": ["1", "2"],
            "customer_id": ["a", "a"],
            "ordered_at": pd.to_datetime(["2025-01-05", "2025-04-05"]),
            "status": "paid",
            "net_amount": 1.0,
        }
    )
    of = client(churn={"kind": "inactivity", "inactivity_days": 30}, data_from=datetime(2025, 1, 1))
    period = Period.parse("2025").observe(datetime(2025, 1, 1), datetime(2026, 1, 1))
    rows = measure(catalogue()["retention_rate"], in_memory(of, {"orders": orders}), period).rows
    reasons = rows.set_index("part")["reason"]
    assert "needs data from 2024-12-02" in reasons["2025-01"]
    assert "needs data" not in reasons["2025-02"]


def test_several_metrics_at_once_give_what_each_gives_alone(corner_shop):
    for name in families():
        metrics = list(family(name).values())
        for metric, found in zip(metrics, measure_all(metrics, corner_shop.tables, corner_shop.period), strict=True):
            alone = measure(metric, corner_shop.tables, corner_shop.period)
            pd.testing.assert_frame_equal(found.rows, alone.rows, check_exact=True)
            assert (found.settings, found.notes, found.direction) == (alone.settings, alone.notes, alone.direction)
