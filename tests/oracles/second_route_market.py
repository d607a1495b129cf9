"""The market's figures by plain pandas on clean tables: the dumbest way to each, a dictionary of (metric, breakdown)."""

from datetime import datetime

import numpy as np
import pandas as pd

Figures = dict[tuple[str, str], float]
STAGES = {"aware": "aware", "considers": "consider", "prefers": "prefer", "uses": "use"}


def all_of_market(
    tables: dict[str, pd.DataFrame],
    own: str,
    rest: list[str],
    pillars: dict[str, list[str]],
    start: datetime,
    end: datetime,
) -> Figures:
    """Shares, brands and prices in a year."""
    market, survey = tables["market"], tables["brand_survey"]
    before = start.replace(year=start.year - 1)
    figures = of_sales(market[(market["month"] >= start) & (market["month"] < end)], own, rest)
    figures |= moved(
        market[(market["month"] >= before) & (market["month"] < start)],
        market[(market["month"] >= start) & (market["month"] < end)],
        own,
    )
    asked = survey[(survey["asked_at"] >= start) & (survey["asked_at"] < end)].sort_values("asked_at")
    return figures | of_brands(asked.drop_duplicates(["respondent_id", "brand"], keep="last"), own, pillars)


def of_sales(rows: pd.DataFrame, own: str, rest: list[str]) -> Figures:
    figures: Figures = {}
    for column, basis in (("value", "by value"), ("units", "by units")):
        share = rows.groupby("competitor")[column].sum() / rows[column].sum()
        named = share.drop(rest, errors="ignore")
        figures["market_share", basis] = 100 * share[own]
        figures["relative_market_share", basis] = share[own] / named.drop(own).max()
        figures["market_concentration", basis] = 1e4 * (named**2).sum()
        figures["market_concentration", f"{basis}, rest as one competitor"] = 1e4 * (
            (named**2).sum() + (1 - named.sum()) ** 2
        )
    return figures


def moved(before: pd.DataFrame, now: pd.DataFrame, own: str) -> Figures:
    """The bridge, segment by segment, by the formula of its docstring."""
    old, new = (
        100 * rows.loc[rows["competitor"] == own, "value"].sum() / rows["value"].sum() for rows in (before, now)
    )
    figures = {("share_shift", "comparison"): old, ("share_shift", "current"): new}
    for segment in now["segment"].unique():
        weight, share = [], []
        for rows in (before, now):
            here = rows[rows["segment"] == segment]
            weight.append(here["value"].sum() / rows["value"].sum())
            share.append(100 * here.loc[here["competitor"] == own, "value"].sum() / here["value"].sum())
        figures["share_shift", f"{segment}: own growth"] = np.mean(weight) * (share[1] - share[0])
        figures["share_shift", f"{segment}: market growth"] = (np.mean(share) - (old + new) / 2) * (
            weight[1] - weight[0]
        )
    return figures


def of_brands(rows: pd.DataFrame, own: str, pillars: dict[str, list[str]]) -> Figures:
    """rows: one per respondent and brand."""
    reached = rows[list(STAGES)].astype(bool).cummin(axis=1).assign(brand=rows["brand"], who=rows["respondent_id"])
    figures: Figures = {}
    for brand, here in reached.groupby("brand"):
        for place, (stage, name) in enumerate(STAGES.items()):
            figures["brand_funnel", f"{brand}, {name}"] = 100 * here[stage].mean()
            if place:
                earlier, named = list(STAGES.items())[place - 1]
                rate = 100 * here.loc[here[earlier], stage].mean()
                figures["brand_step_rate", f"{brand}, {named} to {name}"] = rate
    wide = reached.pivot(index="who", columns="brand", values=list(STAGES))
    prices = rows.pivot(index="respondent_id", columns="brand", values="fair_price")
    rivals = [brand for brand in prices if brand != own]
    for rival in rivals:
        for stage, name in STAGES.items():
            both = wide[stage][[own, rival]].dropna().astype(int)
            figures["brand_gap", f"{name}: against {rival}"] = 100 * (both[own] - both[rival]).mean()
        priced = prices[[own, rival]].dropna()
        figures["price_premium", f"against {rival}"] = 100 * (priced[own].sum() / priced[rival].sum() - 1)
    mean = prices[rivals].mean(axis=1)
    known = prices[own].notna() & mean.notna()
    figures["price_premium", ""] = 100 * (prices.loc[known, own].sum() / mean[known].sum() - 1)
    aware = rows[rows["aware"].astype(bool)]
    for brand, here in aware.groupby("brand"):
        scores = pd.DataFrame({name: ((here[items] - 1) * 25).mean(axis=1) for name, items in pillars.items()})
        figures["brand_equity_index", brand] = scores.mean(axis=1).mean()
        figures |= {("brand_pillars", f"{brand}, {name}"): score.mean() for name, score in scores.items()}
    return figures


def among_peers(
    figures: pd.Series, benchmarks: pd.DataFrame, titles: dict[str, str], lower: set[str], year: str
) -> Figures:
    """The percentile and the gaps of figures by (metric, breakdown). titles: of metrics. lower: those of which less is better."""
    places: Figures = {}
    for (metric, breakdown), peers in (
        benchmarks[benchmarks["period"] == year].fillna({"breakdown": ""}).groupby(["metric", "breakdown"])
    ):
        own, values = figures[metric, breakdown], peers["value"]
        name = f"{titles[metric]}, {breakdown}" if breakdown else titles[metric]
        worse = (values > own) if metric in lower else (values < own)
        places["benchmark_position", name] = 100 * worse.mean()
        places["benchmark_gap", f"{name}, to the median"] = own - values.median()
        places["benchmark_gap", f"{name}, to the best quarter"] = own - values.quantile(
            0.25 if metric in lower else 0.75
        )
        for peer in peers[peers["n"].notna()].itertuples():
            places["benchmark_difference", f"{name}, less {peer.peer}"] = own - peer.value
    return places
