"""A metric is called once for all periods: what each of them lacks is noted, and what several need is worked out once."""

from datetime import datetime, timedelta

import narwhals.stable.v2 as nw
import pandas as pd
import pytest
from surveyed import SEEN, answers, client

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note, from_json
from crmnb.core.period import Period
from crmnb.engine.derived_tables import once
from crmnb.engine.periods import Periods, relation_in
from crmnb.engine.session import in_memory
from crmnb.engine.views import once_in_periods
from crmnb.evaluate.measure import measure
from crmnb.metrics.definition import catalogue

YEAR = Period.parse("2025").observe(*SEEN)


@pytest.fixture(scope="module")
def opened():
    return in_memory(client(), {"survey_responses": answers(2025, [5, 4, 1] * 10, ["a", "b", "c"] * 10)})


def seen(opened):
    """The view of the answers in the year, the year before and the year's months."""
    by_place = dict(enumerate([YEAR, YEAR.previous, *YEAR.parts]))
    [view] = opened.views(["survey_responses"], Periods(by_place, relation_in(opened.derived)))
    return view


def rows(frame: nw.LazyFrame) -> pd.DataFrame:
    return frame.to_native().df()


def test_the_events_of_each_period_are_its_own(opened):
    view = seen(opened)
    counts = rows(view.during("responded_at"))["period_id"].value_counts()
    every = rows(view.rows)["responded_at"]
    for place, period in view.periods.by_place.items():
        assert counts.get(place, 0) == every.between(period.start, period.end, inclusive="left").sum()
    assert view.periods.of_events


def test_states_are_those_at_the_start_or_the_end(opened):
    open_until = seen(opened).derive(lambda answers: answers.with_columns(closed=nw.col("responded_at")))
    assert rows(open_until.open_at_start("responded_at", "closed")).empty
    never = seen(opened).derive(lambda answers: answers.with_columns(closed=nw.lit(None, nw.Datetime("us"))))
    counts = rows(never.open_at_end("responded_at", "closed"))["period_id"].value_counts()
    every = rows(never.rows)["responded_at"]
    assert counts[0] == len(every)
    assert 1 not in counts
    assert counts[2] == (every < YEAR.parts[0].end).sum()
    lately = never.open_at_end("responded_at", "closed", within_days=10)
    assert (
        rows(lately)["period_id"].value_counts()[2] == every.between(datetime(2025, 1, 22), datetime(2025, 2, 1)).sum()
    )


def test_what_is_not_followed_for_long_enough_is_left_out_of_all_periods(opened):
    view = seen(opened)
    cut = view.periods.cutoff - timedelta(days=200)
    found = rows(view.during("responded_at", follow_up_days=200))
    assert found["responded_at"].max() <= cut < rows(view.rows)["responded_at"].max()
    assert view.periods.follow_up_days == 200


def test_a_reason_is_of_the_period_that_lacks_something(opened):
    view = seen(opened)
    view.periods.require_history(400)
    assert set(view.periods.reasons) == {1}  # of 2024: the data begin in 2023
    history, answered = rows(view.history("responded_at", 31)), rows(view.rows)["responded_at"]
    for place, period in view.periods.by_place.items():
        before = answered.between(period.start - timedelta(days=31), period.start, inclusive="left").sum()
        assert (history["period_id"] == place).sum() == before


def test_a_table_has_the_values_of_each_period_but_of_those_that_cannot_be(opened):
    def months(period: Period) -> dict:
        if period.months != 1:
            raise Unavailable(Note("month_needed"))
        return {"month": period.start.month, "name": f"{period.label}'s"}

    periods = seen(opened).periods
    table = rows(periods.table(months)).set_index("period_id")
    assert table.loc[2].to_dict() == {"month": 1, "name": "2025-01's"}
    assert set(table.index) == set(range(2, 14))
    assert periods.reasons == dict.fromkeys((0, 1), Note("month_needed"))


def test_what_no_period_can_have_is_unavailable(opened):
    def none(period: Period) -> dict:
        raise Unavailable(Note("nobody_knows"))

    with pytest.raises(Unavailable, match="nobody_knows"):
        seen(opened).periods.table(none)


def test_who_asks_for_the_reporting_period_is_asked_of_it_alone(opened):
    view = seen(opened)
    view.until_end("responded_at")
    assert view.periods.reporting_only


def test_without_parts_the_reporting_period_and_its_comparison_are_left(opened):
    view = seen(opened)
    view.periods.without_parts()
    assert set(rows(view.periods.relation)["period_id"]) == {0, 1}
    assert not view.periods.has_trend


def test_what_is_computed_once_in_all_periods_is_noted_for_all_who_ask(opened):
    computed = []

    @once_in_periods
    def answered(view, least):
        computed.append(least)
        return view.during("responded_at").filter(nw.col("satisfied") >= least)

    first, second = seen(opened), seen(opened)
    assert rows(answered(first, 4)).equals(rows(answered(second, 4)))
    assert computed == [4]
    assert first.periods.of_events
    assert second.periods.of_events
    answered(second, 5)
    assert computed == [4, 5]


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


def test_history_is_required_of_each_period():
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
    assert from_json(reasons["2025-01"]).values["needed"] == "2024-12-02"
    assert "needs_history" not in reasons["2025-02"]


def test_all_metrics_at_once_give_what_each_gives_alone(corner_shop):
    for metric in catalogue().values():
        together, alone = corner_shop(metric.id), measure(metric, corner_shop.tables, corner_shop.period)
        pd.testing.assert_frame_equal(together.rows, alone.rows, check_exact=True)
        assert (together.settings, together.notes, together.direction) == (
            alone.settings,
            alone.notes,
            alone.direction,
        )
