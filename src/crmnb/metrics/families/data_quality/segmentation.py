"""Segmentation: what the client's segmentations say about customers, and whether they last."""

from datetime import datetime

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.answer_scale import answer_points, pointing
from crmnb.metrics.features.customer_base import retained_customers
from crmnb.metrics.features.revenue import with_net_revenue
from crmnb.metrics.measures import Measure, of_counts
from crmnb.schema.client import Churn, Item, Segments

_BOOTSTRAP = "percentile bootstrap of customers"
_SUMS = {"sums": ("y", "yy"), "folds": 200, "joint": True, "chart": "breakdown"}
_ASSOCIATION = Estimator("Cramer's V, bias-corrected", "counts", "segmentations.of_shares", _BOOTSTRAP, **_SUMS)
_VARIANCE_EXPLAINED = Estimator(
    "eta squared, out of sample", "counts", "segmentations.of_quantities", _BOOTSTRAP, **_SUMS
)
_STABILITY = Estimator(
    "adjusted Rand index",
    "counts",
    "segmentations.of_levels",
    _BOOTSTRAP,
    columns=("before", "now"),
    folds=200,
    chart="breakdown",
)
_PUBLISHED = "test_published_segmentations.py::"


@metric(
    title="Segmentation and retention",
    unit="share",
    kind="process",
    direction="up",
    published=f"{_PUBLISHED}test_cramers_v_of_telephone_customers_by_contract",
    per_customer=True,
)
def segmentation_effectiveness(tenures, *, churn: Churn, segments: Segments):
    """How much each segmentation says about whether a customer is kept: Cramer's V, from 0 (nothing) to 1 (everything).

    Levels are those at the start of the period, and the outcome comes after: who is still a customer at its end. The part that chance
    alone would give is taken away. Customers whose level is not known are left out.

    Why: a segmentation that says nothing of what customers do makes reports longer and decisions no better.
    Caution: it is an association, no cause. An attribute that is stored as it is today may have changed after the outcome.
    Formula: sqrt(max(0, phi2 - (r - 1) * (c - 1) / (n - 1)) / (min(r_c, c_c) - 1)), where phi2 = the chi-squared statistic of the table of
    levels by kept or lost, divided by n; r = the number of levels; c = 2, kept or lost; r_c = r - (r - 1)² / (n - 1); c_c = c - (c - 1)² / (n - 1).
    Source: Bergsma 2013, Journal of the Korean Statistical Society 42:323 (bias correction); Wedel & Kamakura 2000, Market Segmentation,
        2nd ed., 1.3 (criteria); Efron & Tibshirani 1993, An Introduction to the Bootstrap, 13.3.
    """
    _require_segments(segments)
    outcome = retained_customers(tenures, churn).with_columns(y=nw.col("retained").cast(nw.Float64))
    return _explained(
        outcome, _ASSOCIATION, "association of levels and retention", "customers at the start whose level is known"
    )


@metric(
    title="Segmentation and revenue",
    unit="share",
    kind="process",
    direction="up",
    published=f"{_PUBLISHED}test_eta_squared_of_the_sepals_of_irises",
    per_customer=True,
)
def segmentation_revenue(orders, *, segments: Segments):
    """How much each segmentation says about a buyer's net revenue in the period (its logarithm): eta squared on customers not yet seen.

    The level's mean of four fifths of the customers forecasts the last fifth, in turn. It is the share of the differences that the level
    explains, from 0 to 1.

    Why: segments that buy alike are no basis for different offers.
    Caution: the logarithm counts proportions, so a few large buyers do not decide. It is about buyers only, and about one period.
    Formula: 1 - sum_i((y_i - f_i) ** 2) / sum_i((y_i - g_i) ** 2), where y_i = the logarithm of the net revenue of buyer i; f_i = the mean
    of the buyer's level, over the four fifths of the buyers without buyer i; g_i = the mean of all these, whatever their level.
    Source: Cohen 1988, Statistical Power Analysis, 2nd ed., 8.2 (eta squared); Stone 1974, JRSS-B 36:111 (cross-validation).
    """
    _require_segments(segments)
    bought = with_net_revenue(orders.during("ordered_at")).filter(~nw.col("customer_id").is_null())
    spent = bought.group_by("period_id", "customer_id").agg(net=nw.col("net").cast(nw.Float64).sum())
    outcome = spent.filter(nw.col("net") > 0).with_columns(y=nw.col("net").log())
    facts = {"aspect_of": "segmentation_effectiveness"}
    return _explained(
        outcome,
        _VARIANCE_EXPLAINED,
        "share of the differences that levels explain",
        "buyers whose level is known",
        **facts,
    )


@metric(
    title="Segmentation and satisfaction",
    unit="share",
    kind="process",
    direction="up",
    published=f"{_PUBLISHED}test_eta_squared_of_the_sepals_of_irises",
    per_customer=True,
)
def segmentation_satisfaction(survey_responses, *, item: Item = "satisfied", segments: Segments):
    """How much each segmentation says about a customer's mean satisfaction in the period: eta squared on customers not yet seen.

    Why: where a segmentation goes with satisfaction, it shows whom to ask what is wrong.
    Caution: only customers who answered count. Who answers may differ by level.
    Formula: 1 - sum_i((y_i - f_i) ** 2) / sum_i((y_i - g_i) ** 2), where y_i = the mean satisfaction of customer i; f_i = the mean of the
    customer's level, over the four fifths of the customers without customer i; g_i = the mean of all these, whatever their level.
    Source: Cohen 1988, Statistical Power Analysis, 2nd ed., 8.2 (eta squared); Stone 1974, JRSS-B 36:111 (cross-validation).
    """
    _require_segments(segments)
    pointing(item, "up")
    answers = survey_responses.during("responded_at").filter(~nw.col(item.name).is_null())
    points = answers.with_columns(points=answer_points(item.name, item))
    outcome = points.group_by("period_id", "customer_id").agg(y=nw.col("points").mean())
    facts = {"aspect_of": "segmentation_effectiveness"}
    return _explained(
        outcome,
        _VARIANCE_EXPLAINED,
        "share of the differences that levels explain",
        "customers who answered, whose level is known",
        **facts,
    )


@metric(
    title="Segmentation stability",
    unit="share",
    kind="process",
    direction="up",
    published=f"{_PUBLISHED}test_adjusted_rand_of_hubert_and_arabie",
    per_customer=True,
)
def segmentation_stability(customers, *, segments: Segments, stable_months: int = 12):
    """Whether customers keep their level, of segmentations whose levels change with time: adjusted Rand index of two days, so many months apart.

    The second day is the start of the period. 1 means that nobody changed, 0 that levels agree as by chance. Attributes that the data
    hold only as they are today cannot be compared.

    Why: a segment whose members change faster than a campaign runs cannot be addressed.
    Caution: that bands of tenure change is in their nature; how fast depends on how wide they are.
    Formula: (A - E) / (M - E), where A = pairs of customers who share a level on both days; E = the pairs that would by chance; M = the
    mean of the pairs that share a level on the first day and of those on the second.
    Source: Hubert & Arabie 1985, Journal of Classification 2:193; Wedel & Kamakura 2000, Market Segmentation, 2nd ed., 1.3 (stability).
    """
    moving = {
        name: segment
        for name, segment in segments.items()
        if segment.years and segment.column.partition(".")[0] == "customers"
    }
    if not moving:
        raise Unavailable(Note("needs_segmentation_in_time"))
    now = customers.periods.reporting.start
    before = _months_before(now, stable_months)
    rows = []
    for name, segment in moving.items():
        since = nw.col(segment.column.partition(".")[2])
        known = customers.rows.filter(~since.is_null(), since < before)
        levels = {
            day: sum((since <= _months_before(at, round(12 * years))).cast(nw.Int64) for years in segment.years)
            for day, at in (("before", before), ("now", now))
        }
        rows.append(known.select("customer_id", breakdown=nw.lit(name), **levels))
    words = {
        "numerator": "pairs of customers who stay together or apart",
        "denominator": "customers known on both days",
    }
    return of_counts(
        nw.concat(rows), _STABILITY, breakdown="segmentation", aspect_of="segmentation_effectiveness", **words
    )


def _require_segments(segments: Segments) -> None:
    if not any(segment.column.partition(".")[0] == "customers" for segment in segments.values()):
        raise Unavailable(Note("needs_customer_segmentation"))


def _explained(outcome: nw.LazyFrame, estimate: Estimator, numerator: str, denominator: str, **facts) -> Measure:
    """What levels say about an outcome `y` of each customer."""
    rows = outcome.select("period_id", "customer_id", y=nw.col("y"), yy=nw.col("y") ** 2)
    words = {"numerator": numerator, "denominator": denominator, "breakdown": "segmentation"}
    return of_counts(rows, estimate, trend=False, **words, **facts)


def _months_before(at: datetime, months: int) -> datetime:
    """The same day so many months earlier, or the last of that month."""
    year, month = divmod(at.year * 12 + at.month - 1 - months, 12)
    for day in range(at.day, 27, -1):
        try:
            return at.replace(year=year, month=month + 1, day=day)
        except ValueError:
            continue
    return at.replace(year=year, month=month + 1)
