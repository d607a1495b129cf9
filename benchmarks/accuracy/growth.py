"""Do the intervals of sales growth hold the truth? Shops in which nothing changes, drawn many times: python -m benchmarks.accuracy.growth.

Customers come, stay for a while (at a constant hazard), buy at rates of their own (gamma) and leave; a week's weather is that of all of
them. True growth is 0. Beside ours (the wider of weeks and customers as units) stand either unit alone. `--quick` draws fewer
shops. The last line is JSON.
"""

import argparse
import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import pandas as pd

from crmnb.core.period import Period
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.growth import comparisons, growth, spans, who_of

LEVEL = 0.95
BEGINS, YEARS = datetime(2019, 1, 1), 5
LEAST = 0.925


@dataclass(frozen=True)
class Shop:
    """A shop in which nothing changes: `customers` at any time, who stay for `stay` years in the mean, and buy so often a year."""

    name: str
    customers: int = 300
    stay: float = 1.5
    orders: float = 6.0
    shape: float = 1.0  # of the gamma rates; 0: all buy alike
    sigma: float = 0.6  # of the logarithm of an order's value
    weather: float = 0.0  # standard deviation of the logarithm of what a week does to all
    label: str = "2023"


SHOPS = (
    Shop("customers come and go"),
    Shop("frequent buying", orders=40.0, shape=2.0),
    Shop("frequent buying, 2,000 customers", customers=2000, orders=25.0),
    Shop("they stay for long", stay=6.0),
    Shop("they stay for long and buy often", stay=6.0, orders=40.0),
    Shop("common weekly shocks", customers=1000, stay=4.0, weather=0.3),
    Shop("common weekly shocks, frequent buying", orders=25.0, weather=0.2),
    Shop("skewed order values", sigma=1.2),
    Shop("a quarter", label="2023Q4"),
    Shop("a quarter, frequent buying", orders=40.0, label="2023Q4"),
    Shop("a quarter, common weekly shocks", customers=1000, weather=0.3, label="2023Q4"),
)


def orders_of(shop: Shop, rng: np.random.Generator) -> pd.DataFrame:
    """Five years of orders: customer, day (a number from 0) and net."""
    days = YEARS * 365 + 1
    arrivals = rng.poisson(shop.customers * days / 365.25 / shop.stay)
    joined = np.concatenate([np.zeros(shop.customers), rng.uniform(0, days, arrivals)])
    left = np.minimum(joined + rng.exponential(shop.stay * 365.25, len(joined)), days)
    rate = shop.orders / 365.25 * (rng.gamma(shop.shape, 1 / shop.shape, len(joined)) if shop.shape else 1.0)
    weather = np.exp(shop.weather * rng.normal(size=days // 7 + 2) - shop.weather**2 / 2)
    most = weather.max()
    customer = np.repeat(np.arange(len(joined)), rng.poisson(rate * (left - joined) * most))
    at = rng.uniform(joined[customer], left[customer]).astype(int)
    kept = rng.uniform(0, most, len(at)) < weather[(at + 3) // 7]
    net = np.exp(shop.sigma * rng.normal(size=kept.sum()))
    return pd.DataFrame({"customer": customer[kept], "day": at[kept], "net": net})


def groups_of(orders: pd.DataFrame, period: Period, begins: datetime = BEGINS) -> list[GroupedCounts]:
    """The groups that the engine makes of orders (customer, day, net), a day being so many days after `begins`."""
    sides = {at: orders[_inside(orders["day"], span, begins)] for at, span in enumerate(spans(period))}
    counts = pd.concat(
        [
            side.assign(product=side["net"] ** 2, n=1.0).groupby("day")[["net", "product", "n"]].sum().assign(span=at)
            for at, side in sides.items()
        ]
    ).reset_index()
    counts["other"] = counts["span"]
    counts["day"] = pd.Timestamp(begins) + pd.to_timedelta(counts["day"], unit="D")
    totals = {at: side.groupby("customer")["net"].sum() for at, side in sides.items()}
    brought = pd.concat(totals, axis=1).fillna(0.0)
    pairs = [(a, b) for a in sides for b in sides if a <= b]
    buyers = pd.DataFrame(
        {
            "span": [a for a, _ in pairs],
            "other": [b for _, b in pairs],
            "product": [(brought[a] * brought[b]).sum() for a, b in pairs],
            "n": [float(((brought[a] > 0) & (brought[b] > 0)).sum()) for a, b in pairs],
        }
    )
    many = float(len(brought))
    return [
        GroupedCounts("current", "", "", "", counts, many),
        GroupedCounts("current", who_of(), "", "", buyers, many),
    ]


def _inside(days: pd.Series, span, begins: datetime) -> pd.Series:
    first, last = ((edge - begins).days for edge in (span.start, span.end))
    leap = [(datetime(year, 2, 29) - begins).days for year in (2020, 2024)] if not span.leap_days else []
    return (days >= first) & (days < last) & ~days.isin(leap)


def told_of(period: Period) -> EstimationContext:
    return EstimationContext(LEVEL, periods={"current": period})


def rows_of(shop: Shop, seed: int) -> dict[str, dict[str, dict]]:
    """By unit ("ours", "weeks", "customers"), the rows of a shop drawn, by breakdown."""
    rng = np.random.default_rng([11, seed])
    seen = BEGINS, BEGINS + timedelta(days=YEARS * 365 + 1)
    period = Period.parse(shop.label).observe(*seen)
    groups = groups_of(orders_of(shop, rng), period)
    daily, buyers = groups
    of_weeks = [daily]
    # As if every week were like all others: what is left is what customers do.
    flat = replace(daily, counts=_flat(daily.counts, period))
    found = {"ours": groups, "weeks": of_weeks, "customers": [flat, buyers]}
    return {unit: {row["breakdown"]: row for row in growth(each, told_of(period)).rows} for unit, each in found.items()}


def _flat(daily: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The same sums, spread evenly over the days of each span."""
    parts = []
    for at, span in enumerate(spans(period)):
        days = pd.date_range(span.start, periods=(span.end - span.start).days)
        days = days[span.position(days) >= 0]
        means = daily.loc[daily["span"] == at, ["net", "n", "product"]].sum() / len(days)
        parts.append(pd.DataFrame({"day": days, **means, "span": at, "other": at}))
    return pd.concat(parts)


def lines(shops: int) -> Iterator[tuple[str, str, dict[str, float], float]]:
    """(shop, breakdown, share of intervals that hold 0 by unit, mean width of ours) of each design."""
    for place, shop in enumerate(SHOPS):
        drawn = [rows_of(shop, 10_000 * place + seed) for seed in range(shops)]
        for each in comparisons(Period.parse(shop.label).observe(BEGINS, None)):
            rows = {unit: pd.DataFrame([rows[unit][each.breakdown] for rows in drawn]) for unit in drawn[0]}
            covers = {unit: float(((of["low"] <= 0) & (of["high"] >= 0)).mean()) for unit, of in rows.items()}
            yield shop.name, each.breakdown, covers, float((rows["ours"]["high"] - rows["ours"]["low"]).mean())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.accuracy.growth", description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="fewer shops")
    shops = 100 if parser.parse_args(arguments).quick else 1000
    figures, peers = {}, {}
    print(f"{'shop':<40}{'growth':<26}{'covers':>8}{'weeks':>8}{'customers':>11}{'width':>8}")
    for shop, breakdown, covers, width in lines(shops):
        name = breakdown or "on a year before"
        print(
            f"{shop:<40}{name:<26}{covers['ours']:>8.3f}{covers['weeks']:>8.3f}{covers['customers']:>11.3f}{width:>8.3f}",
            flush=True,
        )
        figures[f"{shop}, {name}"] = covers["ours"]
        peers[f"{shop}, {name}"] = {unit: covers[unit] for unit in ("weeks", "customers")}
    least = min(figures.values())
    slack = 2 * np.sqrt(LEAST * (1 - LEAST) / shops)  # what so few shops leave to chance
    aims = [
        {
            "aim": f"every design: at least {LEAST}",
            "met": bool(least >= LEAST - slack),
            "from": least,
            "to": max(figures.values()),
        }
    ]
    print(f"{'met' if aims[0]['met'] else 'NOT MET':<8}{aims[0]['aim']} (least {least:.3f}, {shops} shops of each)")
    print(
        json.dumps(
            {"benchmark": "growth", "shops": shops, "figures": figures, "peer": peers, "ratios": {}, "aims": aims}
        )
    )


if __name__ == "__main__":
    main(sys.argv[1:])
