"""Visitors and sessions that reach a goal."""

import narwhals.stable.v2 as nw

from crmnb.engine.segments import levels_of, with_component
from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.features.visits import by_visitor
from crmnb.metrics.measures import share


def _known(visits: View) -> nw.LazyFrame:
    """The sessions of each period of which it is known whether they `converted`."""
    return visits.derive(by_visitor).during("started_at").filter(~nw.col("converted").is_null())


@metric(
    title="Visitor conversion rate",
    unit="%",
    kind="output",
    direction="up",
    hand_count={"newsletter": "2 / 9", "purchase": "4 / 9"},
)
def visitor_conversion_rate(visits):
    """Share of the period's visitors who reached a goal in it, for each goal.

    A visitor is a customer, with all visitor ids of that customer; without a customer, a visitor id.

    Why: people often visit several times before they act; a rate of sessions counts each earlier visit as a failure.
    Caution: whoever deletes cookies or changes device without being known is counted again, which makes the rate too low. A longer
        period leaves more time to act: compare periods of equal length. Sessions of which nobody knows are left out.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 9 (visitors and conversion); Wilson
        1927 (interval).
    """
    sessions = _known(visits)
    goals = (
        levels_of(visits.rows, "goal")
        .rename({"level": "breakdown"})
        .group_by("breakdown")
        .agg(goals=nw.len())
        .select("breakdown")
    )
    who = ("period_id", "customer_id")
    visitors = sessions.group_by(*who).agg(visits=nw.len()).select(*who)
    converted = sessions.filter(nw.col("converted"), ~nw.col("goal").is_null())
    acted = with_component(converted, visits.rows, "goal").with_columns(num=nw.lit(1))
    reached = acted.group_by(*who, "breakdown").agg(num=nw.col("num").max())
    chances = visitors.join(goals, how="cross").join(reached, on=[*who, "breakdown"], how="left")
    return share(
        chances,
        nw.col("num").fill_null(0) == 1,
        numerator="visitors who reached the goal",
        denominator="visitors in the period",
        breakdown="goal",
        depends_on_length=True,
    )


@metric(
    title="Session conversion rate",
    unit="%",
    kind="output",
    direction="up",
    hand_count="8 / 13",
)
def session_conversion_rate(visits):
    """Share of the period's web sessions in which the visitor reached a goal of any kind.

    Why: it reacts first to changes of the site, and is what most web statistics call conversion.
    Caution: most people look several times before they act, so it is lower than the share of visitors who do. Sessions of which it
        is not known are left out. The interval counts visitors, not sessions.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., chapter 9 (visits and conversion); Kish 1965,
        Survey Sampling, 8.2 (effective n).
    """
    sessions = _known(visits)
    words = {"numerator": "sessions with the action", "denominator": "sessions in the period"}
    return share(sessions, nw.col("converted"), **words)
