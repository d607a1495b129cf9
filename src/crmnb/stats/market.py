"""Market: shares of competitors' sales, what moved the own share, and how concentrated the market is.

All are counts of all sales in the data, not of a sample: there is no interval, and the competitors are no people to be protected. `counts` have a
row for each `competitor`, `month` (a number) and whatever else is named, with the sums `amount` (sales, in money or in units), and `missing` (rows
without an amount).
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.stats.estimation import NAN, Estimates, EstimationContext, GroupedCounts
from crmnb.stats.growth import logarithmic_mean

COMPARISON, CURRENT = "comparison", "current"
OWN_GROWTH, MARKET_GROWTH = "own growth", "market growth"
OTHER_SEGMENTS = "other segments"
MOST_SEGMENTS = 4  # of the market that a decomposition names; the others are together
AT_MOST = ", rest as one competitor"  # ending of the breakdown that is the upper bound of a concentration
_NO_PEOPLE = {"n": NAN, "clusters": NAN}
_ALL = 10_000.0  # the concentration of a market that one competitor has all of


def shares(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The own share of the market, a number between 0 and 1, by basis (breakdown)."""
    rows = []
    for group in _in_order(groups):
        sales = _sales(group)
        reason = _reason(sales, context)
        if reason:
            rows.append(group.row(reason=reason, **_NO_PEOPLE))
            continue
        own, total = float(sales[context.settings["own_brand"]]), float(sales.sum())
        fields = {"numerator": own, "denominator": total, "method": "none"}
        rows.append(group.row(value=own / total, **fields, **_NO_PEOPLE))
    return Estimates(rows, notes=_gaps_in_data(groups))


def relative_shares(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The own sales over those of the largest rival, by basis (breakdown). What stands for several competitors is no rival."""
    rows, notes = [], []
    for group in _in_order(groups):
        sales = _sales(group)
        reason = _reason(sales, context)
        rivals = sales.drop([context.settings["own_brand"], *context.settings["rest"]], errors="ignore")
        rivals = rivals[rivals > 0]
        if reason or rivals.empty:
            rows.append(group.row(reason=reason or Note("no_rivals"), **_NO_PEOPLE))
            continue
        largest = _largest(rivals)
        own = float(sales[context.settings["own_brand"]])
        fields = {"numerator": own, "denominator": float(rivals[largest]), "method": "none"}
        rows.append(group.row(value=own / float(rivals[largest]), **fields, **_NO_PEOPLE))
        if group.win == CURRENT and group.is_whole:
            notes.append(Note("largest_rival", basis=group.breakdown, rival=largest))
    return Estimates(rows, notes=[*notes, *_gaps_in_data(groups)])


def concentration(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The Herfindahl-Hirschman index, 0 to 10,000, by basis (breakdown).

    What stands for several small competitors (`rest`) counts as if they were many and tiny, which is the least that the index can be; the
    breakdown that ends in `AT_MOST` counts it as a single competitor, which is the most. The truth lies between them.
    """
    rows, notes = [], []
    rest = context.settings["rest"]
    for group in _in_order(groups):
        sales = _sales(group)
        total = float(sales.sum())
        if not total > 0:
            rows.append(group.row(reason=Note("no_market_sales"), **_NO_PEOPLE))
            continue
        named = sales.drop(list(rest), errors="ignore").to_numpy(float) / total
        unknown = max(1 - float(named.sum()), 0.0) if sales.index.isin(rest).any() else 0.0
        least = _ALL * float((named**2).sum())
        fields = {"numerator": least, "denominator": float(len(named)), "method": "none"} | _NO_PEOPLE
        rows.append(group.row(value=least, **fields))
        if unknown:
            most = least + _ALL * unknown**2
            rows.append(group.row(breakdown=f"{group.breakdown}{AT_MOST}", value=most, **fields | {"numerator": most}))
            if group.win == CURRENT and group.is_whole:
                notes.append(Note("rest_of_market", basis=group.breakdown, share=unknown, least=least, most=most))
    return Estimates(rows, notes=[*notes, *_gaps_in_data(groups)])


# ---- What moved the share -------------------------------------------------------------------------------------------


def shift(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The own share before and now, and what each segment of the market added by own growth and by market growth, in points.

    counts also have `side` ("current", "comparison"), `segment` ("" where the market has none) and `against`, the label of the earlier period. The parts add up exactly
    (`by_segment`, `by_growth`).
    """
    rows = []
    for group in groups:
        counts, own_brand = group.counts, context.settings["own_brand"]
        reasons = [
            _reason(_amounts(counts[counts["side"] == side], "competitor"), context) for side in (CURRENT, COMPARISON)
        ]
        if reasons[1] and not reasons[0]:
            reasons = [Note("no_earlier_market", period=counts["against"].iloc[0])]
        elif not reasons[0] and len({len(counts.loc[counts["side"] == s, "month"].unique()) for s in _SIDES}) > 1:
            reasons = [Note("market_months_differ", period=counts["against"].iloc[0])]
        if any(reasons):
            rows.append(group.row(reason=next(filter(None, reasons)), **_NO_PEOPLE))
            continue
        own, market = (_by_side(part) for part in (counts[counts["competitor"] == own_brand], counts))
        own = own.reindex(market.index, fill_value=0.0)
        before, now = (float(own[side].sum() / market[side].sum()) for side in (COMPARISON, CURRENT))
        moved = by_segment(own, market) if len(market) > 1 else by_growth(own.sum(), market.sum())
        points = {name: 100 * part for name, part in moved.items()}
        values = {COMPARISON: before} | points | {CURRENT: now}
        rows += [group.row(breakdown=name, value=value, method="none", **_NO_PEOPLE) for name, value in values.items()]
    against = groups[0].counts["against"].iloc[0]
    return Estimates(rows, notes=[Note("bridge_begins", period=against), *_gaps_in_data(groups)])


_SIDES = (CURRENT, COMPARISON)


def by_segment(own: pd.DataFrame, market: pd.DataFrame) -> dict[str, float]:
    """What each segment adds to the share, own and market sales by segment (index) and side (columns).

    With the segment's weight w (of the market) and the own share s in it, the share is the sum of w s. Own growth is the mean w times the change
    of s: own sales grew faster than the segment. Market growth is (mean s less the mean share S of all) times the change of w: the segment grew faster
    than the market. As weights add up to 1, S takes nothing from the sum, which is exactly the change. In a segment without sales
    on one side, s is that of the other side, so that all of the change is market growth.
    """
    weights = market / market.sum()
    inside = (own / market.where(market > 0)).T.ffill().bfill().T
    share = float((weights * inside).sum().mean())
    change_of_weight, change_inside = (frame[CURRENT] - frame[COMPARISON] for frame in (weights, inside))
    by_own = weights.mean(axis=1) * change_inside
    by_market = (inside.mean(axis=1) - share) * change_of_weight
    order = market.sum(axis=1).sort_values(ascending=False, kind="stable").index
    named = list(order) if len(order) <= MOST_SEGMENTS else list(order[: MOST_SEGMENTS - 1])
    parts = {}
    for segment in named:
        parts[f"{segment}: {OWN_GROWTH}"] = float(by_own[segment])
        parts[f"{segment}: {MARKET_GROWTH}"] = float(by_market[segment])
    others = [segment for segment in order if segment not in named]
    if others:
        parts[f"{OTHER_SEGMENTS}: {OWN_GROWTH}"] = float(by_own[others].sum())
        parts[f"{OTHER_SEGMENTS}: {MARKET_GROWTH}"] = float(by_market[others].sum())
    return parts


def by_growth(own: pd.Series, market: pd.Series) -> dict[str, float]:
    """What own growth adds to the share, and what market growth takes, exactly (Ang 2005: the logarithmic mean); own, market: sales by side."""
    share = own / market
    if not own.min() > 0:  # a brand that enters or leaves: no growth rate, the change is its own
        return {OWN_GROWTH: float(share[CURRENT] - share[COMPARISON]), MARKET_GROWTH: 0.0}
    weight = logarithmic_mean(float(share[CURRENT]), float(share[COMPARISON]))
    grown = {name: float(np.log(sales[CURRENT] / sales[COMPARISON])) for name, sales in (("o", own), ("m", market))}
    return {OWN_GROWTH: weight * grown["o"], MARKET_GROWTH: -weight * grown["m"]}


def _by_side(counts: pd.DataFrame) -> pd.DataFrame:
    return counts.pivot_table(index="segment", columns="side", values="amount", aggfunc="sum", fill_value=0.0).reindex(
        columns=[COMPARISON, CURRENT], fill_value=0.0
    )


# ---- Sales ----------------------------------------------------------------------------------------------------------


def _in_order(groups: list[GroupedCounts]) -> list[GroupedCounts]:
    """By value before by units."""
    return sorted(groups, key=lambda group: group.breakdown, reverse=True)


def _sales(group: GroupedCounts) -> pd.Series:
    return _amounts(group.counts, "competitor")


def _amounts(counts: pd.DataFrame, by: str) -> pd.Series:
    return counts.groupby(by)["amount"].sum().astype(float)


def _largest(rivals: pd.Series) -> str:
    """The one with the most sales; the first by name of several."""
    return str(rivals.sort_index().idxmax())


def _reason(sales: pd.Series, context: EstimationContext) -> Note | None:
    """Why there is no share of these sales by competitor; None where there is one."""
    if not sales.sum() > 0:
        return Note("no_market_sales")
    own = context.settings["own_brand"]
    return None if own in sales.index else Note("own_brand_not_in_market", brand=own, known=tuple(sales.index[:5]))


def _gaps_in_data(groups: Iterable[GroupedCounts]) -> list[Note]:
    """Notes on competitors without a figure for every month of the reporting period, and on rows without an amount."""
    notes = []
    for group in groups:
        if group.win != CURRENT or not group.is_whole:
            continue
        counts = group.counts[group.counts["side"] == CURRENT] if "side" in group.counts else group.counts
        months = counts.groupby("competitor")["month"].nunique()
        every = counts["month"].nunique()
        short = months[months < every]
        if len(short):
            notes.append(Note("competitors_without_months", competitors=tuple(short.index[:5]), months=every))
        missing = float(counts["missing"].sum())
        if missing:
            notes.append(Note("market_rows_without_sales", rows=missing, basis=group.breakdown or "both sides"))
    return list(dict.fromkeys(notes))
