"""From sums to figures, for the two peers of the benchmark `metrics`.

The sums are the peers' own work. What follows from them is not what the benchmark measures: value and interval come from
the suite's estimators, which have tests of their own, on a table of a few hundred rows.
"""

import numpy as np
import pandas as pd

from benchmarks.speed.metrics_data import PERIOD, client
from crmnb.evaluate.settings import resolve
from crmnb.metrics.definition import catalogue

UNKNOWN = "(not known)"
KEYS = ["breakdown", "win", "segment", "level"]
WINDOWS = {"current": PERIOD, "comparison": PERIOD.previous} | {part.label: part for part in PERIOD.parts}

# Shares of customers lost, which the suite derives from those retained.
_OF_RETENTION = ("churn_rate", "churn_rate_annualised")


def figures(name: str, s: pd.DataFrame) -> pd.DataFrame:
    """A metric's figures from its sums: KEYS and value, low, high, n, previous.

    s: KEYS, num, den, n, clusters, and of the clusters' own sums nn = sum(num^2), nd = sum(num den), dd = sum(den^2);
    for nps also `magnitude`; for counts `bins`, and `ss`, the squares of the bins' counts about their mean.
    """
    metric, shop = catalogue()[name], client()
    estimator = catalogue()["retention_rate" if name in _OF_RETENTION else name].estimate
    s = s[s["den"] > 0].reset_index(drop=True)
    s[["num", "den", "n", "clusters"]] = s[["num", "den", "n", "clusters"]].astype(float)
    value = s["num"] / s["den"]
    if estimator.reduces == "moments" and "nn" in s:
        s["ss"] = (s["nn"] - 2 * value * s["nd"] + value**2 * s["dd"]).clip(lower=0)
    s = s.assign(**{name: s[name] if name in s else s["n"] for name in ("w", "w2")})
    bounds = resolve(metric, shop)[0]["item"].scale if name == "ces" else metric.bounds
    scale = {"bounds": bounds} if estimator.on_scale else {}
    out = estimator.infer(s.assign(ss=s.get("ss", np.nan)), shop.level, **scale)[["value", "low", "high"]]
    for column in out:
        if name == "churn_rate_annualised":
            days = s["win"].map({win: span.days for win, span in WINDOWS.items()})
            out[column] = 1 - (1 - out[column]) ** (365.25 / days)
        out[column] = out[column].astype(float) * metric.scaled
    if bounds:
        out["low"], out["high"] = out["low"].clip(*bounds), out["high"].clip(*bounds)
    out = out.join(s[[*KEYS, "n"]]).assign(metric=name)
    keys = ["breakdown", "segment", "level"]
    before = out[out["win"] == "comparison"].set_index(keys)["value"].rename("previous")
    out = out[out["win"] != "comparison"].join(before, on=keys)
    out.loc[out["win"] != "current", "previous"] = np.nan
    return out.assign(part=out["win"].where(out["win"] != "current", "")).drop(columns="win")


def counts(days: pd.DataFrame, exposure: pd.Series | None = None, squares: pd.Series | None = None) -> pd.DataFrame:
    """The sums of a count from its events per day: columns breakdown, win, segment, level, day (of the window), num.

    exposure: what `num` is divided by, by KEYS; 1 where none is given. squares: of the customers' counts, by KEYS; `num` where none are given.
    """
    length = days["win"].map(lambda win: WINDOWS[win].days)
    size = np.where(length >= 84, 7, 1)
    bins = length // size
    days = days.assign(bins=bins, bin=days["day"] // size)
    per_bin = days.groupby([*KEYS, "bins", "bin"], as_index=False)["num"].sum()
    inside = per_bin["bin"] < per_bin["bins"]  # days left over at the end are in none
    per_bin["binned"] = per_bin["num"].astype(float).where(inside, 0.0)
    per_bin["square"] = per_bin["binned"] ** 2
    out = per_bin.groupby([*KEYS, "bins"], as_index=False)[["num", "binned", "square"]].sum()
    out["ss"] = out["square"] - out["binned"] ** 2 / out["bins"]
    out["den"] = 1.0 if exposure is None else out.set_index(KEYS).index.map(exposure)
    out["squares"] = out["num"] if squares is None else out.set_index(KEYS).index.map(squares)
    return out.assign(n=out["num"], clusters=out["num"])


def squares_by_keys(squares: dict[str, pd.DataFrame]) -> pd.Series:
    """The squares of customers' counts by KEYS, from those by window (breakdown, level, squares); levels of whole years only."""
    found = []
    for win, by_level in squares.items():
        of_all = by_level.groupby("breakdown", as_index=False)["squares"].sum()
        found.append(of_all.assign(win=win, segment="", level=""))
        if win in ("current", "comparison"):
            found.append(by_level.assign(win=win, segment="region"))
    return pd.concat(found).groupby(KEYS)["squares"].sum()


def customers(s: pd.DataFrame) -> pd.DataFrame:
    """The sums of a metric with one row per customer, each 0 or 1: KEYS, num, den."""
    return s.assign(n=s["den"], clusters=s["den"], nn=s["num"], nd=s["num"], dd=s["den"])


def in_windows(days: pd.DataFrame) -> pd.DataFrame:
    """Events per day (breakdown, seen, level, num), once for each window that holds them; levels of whole years only."""
    found = []
    for win, period in WINDOWS.items():
        inside = days[(days["seen"] >= period.start) & (days["seen"] < period.end)]
        inside = inside.assign(win=win, day=(inside["seen"] - period.start).dt.days)
        found.append(inside.assign(segment="", level=""))
        if win in ("current", "comparison"):
            found.append(inside.assign(segment="region"))
    return pd.concat(found, ignore_index=True).groupby([*KEYS, "day"], as_index=False)["num"].sum()


def triangle(sizes: pd.DataFrame, cells: pd.DataFrame) -> pd.DataFrame:
    """All cells of the cohorts up to December, those in which nobody was active among them."""
    ages = 13 - sizes["breakdown"].str[5:7].astype(int)
    grid = sizes.loc[sizes.index.repeat(ages)].reset_index(drop=True)
    age = grid.groupby(KEYS).cumcount().astype(str)
    grid["breakdown"] = grid["breakdown"] + " +" + age
    return grid.merge(cells[[*KEYS, "num"]], on=KEYS, how="left").fillna({"num": 0.0})
