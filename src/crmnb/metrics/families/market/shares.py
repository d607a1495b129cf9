"""Shares of the market: how large the own one is, what moved it, and how concentrated the market is."""

from datetime import datetime
from typing import Any

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.evidence import PERIOD
from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import OF_ALL, Estimator
from crmnb.metrics.features.leads import own_columns
from crmnb.metrics.measures import Measure, of_counts
from crmnb.schema.client import Market, Segments

_SUMS, _COLUMNS = ("amount", "missing"), ("competitor", "month")
_SHARE = Estimator("share of the market", "counts", "market.shares", OF_ALL, sums=_SUMS, columns=_COLUMNS)
_RELATIVE = Estimator(
    "relative share of the market", "counts", "market.relative_shares", OF_ALL, sums=_SUMS, columns=_COLUMNS
)
_CONCENTRATION = Estimator(
    "Herfindahl-Hirschman index", "counts", "market.concentration", OF_ALL, sums=_SUMS, columns=_COLUMNS
)
_SHIFT = Estimator(
    "decomposition of a share",
    "counts",
    "market.shift",
    OF_ALL,
    chart="waterfall",
    sums=_SUMS,
    columns=(*_COLUMNS, "segment", "side", "against"),
)
_BASES = {"value": "by value", "units": "by units"}
_OWN = {"numerator": "own sales", "denominator": "sales of all competitors", "breakdown": "basis"}


@metric(
    title="Market share",
    unit="%",
    kind="outcome",
    direction="up",
    hand_count={"by value": "430 / 1720", "by units": "130 / 430"},
)
def market_share(market, *, own_brand: Market, segments: Segments):
    """Own sales over the sales of all competitors in the months of the period, by value and by units.

    A period must consist of whole months, as market data are by the month. A competitor without an amount in a month adds nothing to that month.

    Why: sales can grow while the market grows faster; the share shows who wins customers.
    Caution: the market is what the table contains: a competitor who is missing makes every share too large. A share by value that rises while the
        share by units does not comes from prices.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., 2.1 (unit and revenue market share).
    """
    return _by_basis(market, segments, _SHARE, **_OWN)


@metric(
    title="Relative market share",
    unit="ratio",
    kind="outcome",
    direction="up",
    hand_count={"by value": "430 / 860", "by units": "130 / 200"},
)
def relative_market_share(market, *, own_brand: Market, segments: Segments):
    """Own sales over the sales of the largest rival in the period, by value and by units; above 1 the own brand leads.

    Names that stand for several small competitors are no rival.

    Why: the leader of a market has costs and power that the second has not.
    Caution: the largest rival can be another one in another period, and by units another one than by value.
    Source: Farris, Bendle, Pfeifer & Reibstein 2010, Marketing Metrics, 2nd ed., 2.2; Henderson 1970, The Product Portfolio, BCG Perspectives 66.
    """
    words = _OWN | {"denominator": "sales of the largest rival"}
    return _by_basis(market, segments, _RELATIVE, aspect_of="market_share", **words)


@metric(
    title="Market share bridge",
    unit="points",
    kind="outcome",
    direction="-",
    hand_count={
        "comparison": "20",
        "bread: own growth": "(640 / 1720 + 3 / 8) / 2 * (160 / 640 - 2 / 6) * 100",
        "bread: market growth": "((160 / 640 + 2 / 6) / 2 - 9 / 40) * (640 / 1720 - 3 / 8) * 100",
        "cheese: own growth": "(1080 / 1720 + 5 / 8) / 2 * (270 / 1080 - 3 / 25) * 100",
        "cheese: market growth": "((270 / 1080 + 3 / 25) / 2 - 9 / 40) * (1080 / 1720 - 5 / 8) * 100",
        "current": "25",
    },
)
def share_shift(market, *, own_brand: Market):
    """Change of the market share from the same months a year before, split into own growth and market growth, by segment of the market.

    Own growth: own sales grew faster or slower than the market in this segment. Market growth: this segment grew faster or slower
    than the whole market, and the own share in it is above or below the own average. The parts add up exactly. Where the market has no segments, the
    parts are own growth and growth of the whole market (logarithmic mean). The basis is value where it is known, else units.

    Why: a share that rises because the own segment is in fashion needs another answer than one that is won from rivals.
    Caution: it shows how the share moved, not why. Segments that are drawn differently give other parts.
    Formula: own growth: (v_1 + v_0) / 2 * (s_1 - s_0) | market growth: ((s_1 + s_0) / 2 - (S_1 + S_0) / 2) * (v_1 - v_0), where v_1 = the segment's share of the whole market in the period; v_0 = that share in the same months
    a year before; s_1 = the own share within the segment in the period; s_0 = that share a year before; S_1 = the own share of the
    whole market in the period; S_0 = that share a year before.
    Source: Ang 2005, Energy Policy 33:867 (exact decomposition); Marshall 1998, Journal of International Business Studies (shift and share) for
        the two effects by segment.
    """
    basis = "value" if "value" in market.columns else "units"
    period = market.periods.reporting
    sides = [
        _amounts(_months_of(market, side), basis).with_columns(
            side=nw.lit(name), against=nw.lit(period.year_before.label)
        )
        for name, side in (("current", period), ("comparison", period.year_before))
    ]
    segment = nw.col("segment").fill_null("(none)") if "segment" in market.columns else nw.lit("(none)")
    rows = nw.concat([side.with_columns(segment=segment) for side in sides])
    return of_counts(
        rows.select("competitor", "month", "segment", "side", "against", *_SUMS),
        _SHIFT,
        numerator="own share of the market and the parts of its change",
        denominator="sales of all competitors",
        breakdown="part",
        units={"comparison": "%", "current": "%"},
        compares=True,
        aspect_of="market_share",
    )


@metric(
    title="Market concentration (HHI)",
    unit="index",
    kind="outcome",
    direction="-",
    hand_count={
        "by value": "10000 * ((430 / 1720) ** 2 + (860 / 1720) ** 2 + (258 / 1720) ** 2)",
        "by value, rest as one competitor": "10000 * ((430 / 1720) ** 2 + (860 / 1720) ** 2 + (258 / 1720) ** 2 + (172 / 1720) ** 2)",
        "by units": "10000 * ((130 / 430) ** 2 + (200 / 430) ** 2 + (60 / 430) ** 2)",
        "by units, rest as one competitor": "10000 * ((130 / 430) ** 2 + (200 / 430) ** 2 + (60 / 430) ** 2 + (40 / 430) ** 2)",
    },
)
def market_concentration(market, *, own_brand: Market, segments: Segments):
    """Herfindahl-Hirschman index, 0 to 10,000: the sum of the squared shares of all competitors, in percent; 10,000 where one has everything.

    What stands for several small competitors is not known by competitor. It counts as many tiny ones, which is the least that the index can be; a
    second figure counts it as one competitor, which is the most.

    Why: in a concentrated market rivals react to each other, and mergers are watched by authorities.
    Caution: it depends on where the market is drawn. Competitors who are missing make it too large. Authorities in the United States call a market
        above 1,800 highly concentrated.
    Formula: sum_j(s_j ** 2), where s_j = the market share of competitor j in percent.
    Source: Hirschman 1964, American Economic Review 54:761; US Department of Justice & Federal Trade Commission 2023, Merger Guidelines, 2.1.
    """
    words = {
        "numerator": "squared shares of named competitors",
        "denominator": "named competitors",
        "breakdown": "basis",
    }
    return _by_basis(market, segments, _CONCENTRATION, **words)


# ---- Rows of the market ----------------------------------------------------------------------------------------------


def _by_basis(market: View, segments: Segments, estimate: Estimator, **facts: Any) -> Measure:
    """A measure of the sales of each period's months, by value and by units as far as they are mapped."""
    own = own_columns(market, "market", segments, *_COLUMNS, *_SUMS)
    bases = {column: name for column, name in _BASES.items() if column in market.columns}
    if not bases:
        raise Unavailable(Note("needs_column", column="market.value"))
    market.periods.require(_whole_months)
    sold = market.during("month")
    columns = dict.fromkeys((PERIOD, "breakdown", *_COLUMNS, *own, *_SUMS))
    rows = [
        _amounts(sold, column).with_columns(breakdown=nw.lit(name)).select(*columns) for column, name in bases.items()
    ]
    return of_counts(nw.concat(rows), estimate, **facts)


def _amounts(sold: nw.LazyFrame, column: str) -> nw.LazyFrame:
    """The rows with `amount` and whether it is `missing`; `month` is a number."""
    month = nw.col("month").dt.year().cast(nw.Int64) * 12 + nw.col("month").dt.month().cast(nw.Int64)
    amount = nw.col(column).cast(nw.Float64)
    return sold.with_columns(month=month, amount=amount.fill_null(0.0), missing=nw.col(column).is_null().cast(nw.Int64))


def _months_of(market: View, period: Period) -> nw.LazyFrame:
    _whole_months(period)
    end: datetime = period.observed_end
    return market.rows.filter(nw.col("month") >= period.start, nw.col("month") < end)


def _whole_months(period: Period) -> None:
    """Raise Unavailable for a period that does not consist of months."""
    if period.start.day != 1 or period.end.day != 1:
        raise Unavailable(Note("market_by_month"))
