"""Sellers: what those do who sold most before, and whether staff is trained."""

from typing import Any

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import OF_ALL, Estimator
from crmnb.metrics.features.leads import as_seen, decided_at
from crmnb.metrics.features.sellers import led_on
from crmnb.metrics.measures import of_counts

_SELLER_GAPS = Estimator(
    "difference of means",
    "counts",
    "seller_gap.gaps",
    "Welch, by seller",
    columns=("seller", "won_before", "quantity"),
    chart="sellers",
)
_SHARE_OF_PEOPLE = Estimator("share of all", "counts", "clustered_share.of_people", OF_ALL, sums=("met", "size"))

_NEXT_STEPS, _WINS = "next-step rate", "win rate"


@metric(
    title="Top sellers less average sellers",
    unit="per seller",
    kind="process",
    direction="-",
    published="test_seller_gap.py::test_the_gap_of_a_pencil_count_with_welchs_limits",
)
def seller_gap(activities, leads, *, activity_window_days: int = 30):
    """What sellers do who were in the top quarter by leads won in the previous period, less what those in the middle half do: activities
    by kind, their next-step rate, and the win rate of leads decided in the period.

    The largest difference, in units of the sellers' standard deviation, is first. Beyond chance is what remains so for as many practices (Holm).
    Sellers without an activity in the period are left out. Sellers are staff and protected like customers: where both groups together are too few to be
    shown, so is their difference.

    Why: it shows what excellent sellers do that average sellers do not.
    Caution: it is an association: top sellers may have better leads or regions. Sellers are chosen by the period before: to choose and to measure them
        in one period makes a difference out of luck.
    Formula: mean(x_top) - mean(x_middle), where x_top = the figures of the sellers in the top quarter by leads won in the previous period;
    x_middle = the figures of the sellers in the middle half.
    Source: Galton 1886, Journal of the Anthropological Institute 15:246 (regression to the mean); Welch 1947, Biometrika 34:28 (interval);
        Holm 1979, Scandinavian Journal of Statistics 6:65 (several practices).
    """
    activities.periods.without_parts()
    if "seller" not in leads.columns:
        raise Unavailable(Note("needs_column", column="leads.seller"))
    done = activities.during("happened_at")
    sellers = done.group_by("period_id", "seller").agg(activities=nw.len())
    before = _won_before(leads)
    ranked = sellers.join(before, on=["period_id", "seller"], how="inner")
    practices = [
        _by_kind(done, ranked),
        _rate(ranked, _next_steps(done, activity_window_days), _NEXT_STEPS),
        _rate(ranked, _wins(leads), _WINS),
    ]
    return of_counts(
        nw.concat(practices),
        _SELLER_GAPS,
        numerator="mean of the top quarter less mean of the middle half",
        denominator="sellers of both groups",
        breakdown="practice",
        units={_NEXT_STEPS: "points", _WINS: "points"},
        base_nouns={_NEXT_STEPS: "sellers", _WINS: "sellers"},
        trend=False,
        depends_on_length=True,
    )


def _won_before(leads: View) -> nw.LazyFrame:
    """The sellers with leads that were decided in the period before each period, and how many of these they won: `won_before`."""
    windows = leads.periods.table(_previous)
    seen = leads.derive(as_seen, leads.periods.cutoff, "won_at", "lost_at")
    seen = seen.derive(lambda rows: rows.with_columns(decided=decided_at()))
    decided = seen.where(
        nw.col("decided") >= nw.col("previous_start"), nw.col("decided") < nw.col("previous_end"), windows=windows
    )
    won = (~nw.col("won_at").is_null()).cast(nw.Int64)
    return decided.with_columns(won=won).group_by("period_id", "seller").agg(won_before=nw.col("won").sum())


def _previous(period: Period) -> dict[str, Any]:
    """From and to when the period of the same length before was."""
    before = period.previous
    period.require_history(period.days)
    return {"previous_start": before.start, "previous_end": before.end}


def _by_kind(done: nw.LazyFrame, ranked: nw.LazyFrame) -> nw.LazyFrame:
    """Each ranked seller's number of activities of each kind that anybody did in the period; 0 of those who did none."""
    kinds = done.group_by("period_id", "kind").agg(times=nw.len())
    counts = done.group_by("period_id", "seller", "kind").agg(quantity=nw.col("activity_id").count())
    rows = ranked.join(kinds, on="period_id", how="inner")
    rows = rows.join(counts, on=["period_id", "seller", "kind"], how="left")
    return _practice(rows, nw.col("kind"), nw.col("quantity").fill_null(0))


def _next_steps(done: nw.LazyFrame, days: int) -> nw.LazyFrame:
    """Of each activity that the data follow for so long, whether it led to a next step: `met`."""
    followed = done.filter((nw.col("observed_end") - nw.col("happened_at")).dt.total_minutes() >= days * 24 * 60)
    return followed.with_columns(met=led_on(days))


def _wins(leads: View) -> nw.LazyFrame:
    """Of each lead decided in the period, whether it was won: `met`."""
    seen = leads.derive(as_seen, leads.periods.cutoff, "won_at", "lost_at")
    decided = seen.derive(lambda rows: rows.with_columns(decided=decided_at())).during("decided")
    return decided.with_columns(met=~nw.col("won_at").is_null())


def _rate(ranked: nw.LazyFrame, cases: nw.LazyFrame, name: str) -> nw.LazyFrame:
    """Each ranked seller's share of cases that were met, in percent."""
    met = nw.col("met").cast(nw.Float64)
    shares = cases.with_columns(met=met).group_by("period_id", "seller").agg(quantity=nw.col("met").mean() * 100)
    rows = ranked.join(shares, on=["period_id", "seller"], how="inner")
    return _practice(rows, nw.lit(name), nw.col("quantity"))


def _practice(rows: nw.LazyFrame, name: nw.Expr, quantity: nw.Expr) -> nw.LazyFrame:
    before = nw.col("won_before").cast(nw.Int64)
    return rows.select("period_id", "seller", won_before=before, breakdown=name, quantity=quantity.cast(nw.Float64))


@metric(title="Training coverage", unit="%", kind="input", direction="up", hand_count="(6 + 7 + 0) / (9 + 7 + 4)")
def training_coverage(teams):
    """Share of the staff that is trained on the metrics they work by, as the list of teams says today.

    Why: people steer by figures only if they know what these mean.
    Caution: to have attended is not to have understood. The list is today's: there is no comparison with an earlier period.
    Source: Kirkpatrick & Kirkpatrick 2006, Evaluating Training Programs, 3rd ed. (attendance is not yet learning).
    """
    known = teams.rows.filter(~nw.col("trained").is_null())
    return of_counts(
        known.select(met=nw.col("trained").cast(nw.Int64), size=nw.col("headcount").cast(nw.Int64)),
        _SHARE_OF_PEOPLE,
        numerator="trained employees",
        denominator="employees of teams for which it is known",
    )
