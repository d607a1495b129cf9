"""Peers: the suite's own figures beside those that peers report of themselves."""

from typing import Any

import narwhals.stable.v2 as nw

from crmnb.engine.views import View
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.measures import Measure, among_peers

_OF_OWN = "of the own figure; peers are all there are"
_POSITIONS = Estimator("position among peers", "figures", "peers.positions", _OF_OWN, chart="position")
_GAPS = Estimator("gap to peers", "figures", "peers.gaps", _OF_OWN, chart="trend")
_DIFFERENCES = Estimator(
    "difference from a peer",
    "figures",
    "peers.differences",
    "Newcombe's hybrid score",
    chart="trend",
)


def _among(benchmarks: View, estimate: Estimator, fewest: int, **facts: Any) -> Measure:
    benchmarks.periods.without_parts()
    breakdown = nw.col("breakdown") if "breakdown" in benchmarks.columns else nw.lit("")
    period = nw.col("period") if "period" in benchmarks.columns else nw.lit("")
    n = nw.col("n").cast(nw.Float64) if "n" in benchmarks.columns else nw.lit(None, nw.Float64)
    peers = benchmarks.rows.select(
        "metric", "peer", of=breakdown.fill_null(""), period=period.fill_null(""), value=nw.col("value"), n=n
    )
    return among_peers(peers, estimate, fewest=fewest, breakdown="metric", trend=False, compares=True, **facts)


@metric(
    title="Benchmark position (percentile)",
    unit="percentile",
    kind="outcome",
    direction="up",
    hand_count={
        "Net promoter score (NPS), purchase": "(2 + 0.5) / 5 * 100",
        "Customer satisfaction (CSAT), purchase": "2 / 4 * 100",
    },
)
def benchmark_position(benchmarks, *, least_peers: int = 4):
    """Percentile of each metric's figure among those of peers: 100 is better than all of them, 50 is the median.

    Every metric for which the table of benchmarks has figures of enough peers is positioned; of each peer the newest figure counts that is not of a time
    after the period. Peers with the same figure count half. Where neither direction is the good one, 100 is higher than all.

    Why: whether a figure is good is known only beside those of others with the same customers and costs.
    Caution: peers who publish their figures are not a sample of all, and mostly the better ones. Their questions and definitions must be the same, which
        the table does not show.
    Formula: 100 * (W + T / 2) / n, where W = the number of peers with a worse figure; T = the number of peers with the same figure.
    Source: Camp 1989, Benchmarking; Hyndman & Fan 1996, American Statistician 50:361 (quantiles).
    """
    words = {"numerator": "peers with a worse figure", "denominator": "peers with a figure"}
    return _among(benchmarks, _POSITIONS, least_peers, **words)


@metric(
    title="Gap to peers",
    unit="points",
    kind="outcome",
    direction="-",
    hand_count={
        "Net promoter score (NPS), purchase, to the median": "25 - 25",
        "Net promoter score (NPS), purchase, to the best quarter": "25 - 40",
        "Customer satisfaction (CSAT), purchase, to the median": "7 / 9 * 100 - (70 + 80) / 2",
        "Customer satisfaction (CSAT), purchase, to the best quarter": "7 / 9 * 100 - (80 + 0.25 * 4)",
    },
)
def benchmark_gap(benchmarks, *, least_peers: int = 4):
    """Own figure less the median of the peers, and less the value from which on their best quarter begins, in each metric's own unit.

    Why: a position says who is ahead, the gap says by how much, and what would be needed.
    Caution: as for the position. The interval is that of the own figure; the peers' median is taken as it is.
    Formula: x - q, where x = the own figure; q = the median of the peers' figures, or the value from which on their best quarter begins.
    Source: Hyndman & Fan 1996, American Statistician 50:361 (quantiles, type 7).
    """
    words = {"numerator": "own figure less that of peers", "denominator": "units of the own figure"}
    return _among(benchmarks, _GAPS, least_peers, aspect_of="benchmark_position", **words)


@metric(
    title="Difference from each peer",
    unit="points",
    kind="outcome",
    direction="-",
    hand_count={
        "Customer satisfaction (CSAT), purchase, less Borough": "7 / 9 * 100 - 70",
        "Response rate, support, less Aldgate": "4 / 6 * 100 - 50",
    },
)
def benchmark_difference(benchmarks):
    """Own share less that of each single peer who says how many units its share is of (`n`), with the interval of both.

    Why: it says whether a peer is ahead by more than chance.
    Caution: how exact a peer's figure is follows from n for shares only; other figures have a position and a gap, but no difference here. With many
        peers, some differ by chance.
    Formula: x - y, where x = the own share; y = the share of the peer.
    Source: Newcombe 1998, Statistics in Medicine 17:873 (difference of two shares, hybrid score).
    """
    words = {"numerator": "own share less that of the peer", "denominator": "units of the own share"}
    return _among(benchmarks, _DIFFERENCES, 1, aspect_of="benchmark_position", **words)
