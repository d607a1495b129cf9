"""What the open leads are worth per day."""

from datetime import timedelta

import narwhals.stable.v2 as nw

from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.leads import as_seen, days_to, decided_at, is_there, own_columns
from crmnb.metrics.measures import of_counts
from crmnb.schema.client import Segments

_PIPELINE = Estimator(
    "velocity",
    "counts",
    "sales_velocity.velocity",
    "bootstrap of leads",
    total=True,
    sums=("brought", "priced"),
    folds=200,
)


@metric(
    title="Sales velocity",
    unit="money per day",
    kind="process",
    direction="up",
    hand_count="3 * (6 / 10) * (1500 / 5) / 30",
)
def sales_velocity(leads, *, segments: Segments, maturity_days=90):
    """Expected revenue per day from the leads open at the period's end: open leads x win rate x mean amount / median days to win.

    Win rate, amount and days are those of leads with a complete follow-up: created in the year that ended one
    follow-up before the period's end, as they stood then. Open leads that are older are not counted, because nobody
    has closed them.

    Why: it joins how many, how often, how much and how fast, so it shows what a gain in one and a loss in another come to.
    Caution: it is an index, not a forecast: an open lead may be won less often than a fresh one, and the lost ones' time is not in
        it. Leads that nobody closes swell it until they are too old to count. Amounts that were never filled in are left out of the mean.
    Formula: N * w * a / d, where N = the number of open leads; w = the win rate; a = the mean amount of a lead won; d = the median days to
    the win.
    Source: Little 1961, Operations Research 9:383 (what passes through = what is inside / time inside); intervals by resampling leads,
        Efron & Tibshirani 1993, An Introduction to the Bootstrap, chapter 13.
    """
    leads.periods.require_history(maturity_days + 365, of="observed_end")
    end = nw.col("observed_end")
    last, first = end - timedelta(days=maturity_days), end - timedelta(days=maturity_days + 365)
    recent = leads.where(nw.col("created_at") >= first, nw.col("created_at") < end)
    seen = as_seen(recent, end, "won_at", "lost_at").with_columns(decided_at=decided_at())
    mature = (nw.col("created_at") < last).cast(nw.Int64)
    flagged = seen.with_columns(open=1 - is_there("decided_at"), mature=mature, won=is_there("won_at") * mature)
    counted = flagged.filter((nw.col("open") == 1) | (nw.col("mature") == 1))
    is_won = nw.col("won") == 1
    own = own_columns(leads, "leads", segments, "open", "mature", "won", "days", "brought", "priced")
    cases = counted.select(
        *("period_id", "open", "mature", "won", *own),
        cluster=nw.col("lead_id"),
        days=nw.when(is_won).then(days_to("won_at")),
        brought=nw.when(is_won).then(nw.col("amount")).otherwise(nw.lit(0)),
        priced=nw.when(is_won).then(is_there("amount")).otherwise(nw.lit(0)),
    )
    return of_counts(
        cases,
        _PIPELINE,
        numerator="open leads x win rate x mean amount won / median days to win",
        denominator="leads, open or with time to be won",
    )
