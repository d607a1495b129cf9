"""Growth: how much more was sold than before, and what of it is due to what."""

from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
import scipy  # see `moments`

from crmnb.inference import Group, Inferred, Told, comparable
from crmnb.inference.moments import FEW_CLUSTERS
from crmnb.period import Period

YEAR = 364  # days: 52 weeks, so that each day meets the same weekday
FEWEST_WEEKS = 12


# ---- Growth ---------------------------------------------------------------------------------------------------------


class Comparison(NamedTuple):
    """What is compared with what: so many days from `start`, and from `before`; `years` lie between where they are alike day by day."""

    component: str
    start: datetime
    days: int
    before: datetime
    days_before: int
    years: int = 0


def comparisons(period: Period) -> list[Comparison]:
    """With what a period's revenue is compared: a year before, the previous period, and, where they were seen, many years before.

    Of a period longer than 52 weeks the last 52 are compared with the same weekdays of years before.
    """
    end, previous = period.seen_end, period.previous
    days = min((end - period.start).days, YEAR)
    start = end - timedelta(days=days)
    years = (start - period.data_from).days // YEAR if period.data_from else 1
    found = [
        Comparison("", start, days, start - timedelta(days=YEAR), days, 1),
        Comparison("on the previous period", period.start, (end - period.start).days, previous.start, previous.days),
    ]
    if years > 1:
        found.append(Comparison("compounded, per year", start, days, start - timedelta(days=years * YEAR), days, years))
    return found


def spans(period: Period) -> list[tuple[datetime, int]]:
    """The first day and the days of all that is compared in `comparisons`, each once, in order."""
    compared = comparisons(period)
    return sorted({(c.start, c.days) for c in compared} | {(c.before, c.days_before) for c in compared})


def growth(groups: list[Group], told: Told) -> Inferred:
    """Net revenue per day against that of each of `comparisons`, less 1, from counts of orders by `day` with their `net`.

    Who bought stands in groups of their own, of the component `who_of`: counts of customers by `in_0`, `in_1` ..., 1 where they
    bought in that place of `spans`. The side with fewer customers says whether a figure may be shown, and whether it is `unreliable`.

    Limits: t on the logarithm of the ratio, with the standard error of weeks that may be like their neighbours (`_error`). A
    week and its like of a year before are taken as a pair. Fewer than 12 weeks have no limits. (Percentiles of a block
    bootstrap, blocks of four weeks, covered 92 % at best, and 65 % of 13 weeks with autocorrelation .6; these 92 to 95 %.)
    """
    buyers = {(g.win, g.component, g.segment, g.level): g.counts for g in groups if g.component}
    sold = [group for group in comparable(groups, told) if not group.component]
    return Inferred([row for g in sold for row in _growths(g, buyers.get(_key_of_buyers(g, told)), told)])


def who_of(column: str = "") -> str:
    """The component of who bought, of the whole and by attributes of customers; or by a column of the orders."""
    return f"who by {column}" if column else "who"


def _key_of_buyers(group: Group, told: Told) -> tuple[str, str, str, str]:
    table, _, column = told.given["segments"][group.segment].column.partition(".") if group.segment else ("", "", "")
    return group.win, who_of(column if table == "orders" else ""), group.segment, group.level


def _growths(group: Group, buyers: pd.DataFrame | None, told: Told) -> list[dict]:
    """The rows of a group; `buyers` are None where no order names its customer."""
    period, daily = told.windows[group.win], group.counts.groupby("day")[["net", "n"]].sum()
    bought = {
        span: np.inf if buyers is None else (buyers["n"] * buyers[f"in_{at}"]).sum()
        for at, span in enumerate(spans(period))
    }
    rows = []
    for each in comparisons(period):
        customers = bought[each.start, each.days], bought[each.before, each.days_before]
        told_of = _missing(period, each.before) or _grown(daily, each, customers, told.level)
        rows.append(group.row(component=each.component, **told_of))
    return rows


def _missing(period: Period, then: datetime) -> dict:
    """The reason where the data do not reach back to a time."""
    if not period.data_from or period.data_from <= then:
        return {}
    return {"reason": f"needs data from {then.date()}; they begin on {period.data_from.date()}"}


def _weeks(daily: pd.DataFrame, start: datetime, days: int) -> pd.DataFrame:
    """Net revenue, orders (`n`) and `days` of each week from a day on, the last of which may be a shorter one."""
    since = (daily.index - start).days
    inside = (since >= 0) & (since < days)
    weeks = -(-days // 7)
    sums = {name: np.bincount(since[inside] // 7, daily[name][inside], weeks) for name in ("net", "n")}
    return pd.DataFrame(sums).assign(days=np.minimum(7, days - 7 * np.arange(weeks)))


def _grown(daily: pd.DataFrame, each: Comparison, customers: tuple[float, float], level: float) -> dict:
    """The growth per year (or on the previous period) of revenue per day, with its limits.

    As few as the customers (or orders, where these name nobody) of either side stand behind it.
    """
    now, before = _weeks(daily, each.start, each.days), _weeks(daily, each.before, each.days_before)
    orders = [side["n"].sum() for side in (now, before)]
    few = _fewest(*orders, *customers)
    facts = {"n": sum(orders), "clusters": few, "flags": "unreliable" if few < FEW_CLUSTERS else ""}
    if before["net"].sum() <= 0:
        return facts | {"flags": "", "reason": "no net revenue to compare with"}
    ratio = now["net"].sum() / each.days / (before["net"].sum() / each.days_before)
    per_year = 1 / max(each.years, 1)
    facts["value"] = ratio**per_year - 1
    if min(each.days, each.days_before) < 7 * FEWEST_WEEKS or not ratio > 0:
        return facts | {"method": "no interval: too few weeks"}
    if each.years:
        error, df = _error(_excess(now) - _excess(before))
    else:
        error, df = _combined(_error(_excess(now)), _error(_excess(before)))
    half = scipy.stats.t.ppf((1 + level) / 2, df) * error
    low, high = ((ratio * np.exp(sign * half)) ** per_year - 1 for sign in (-1, 1))
    return facts | {"low": low, "high": high, "method": "t over weeks, on the logarithm"}


def _fewest(*many: float) -> float:
    """The smallest of numbers of customers or orders; a side without any betrays nobody."""
    return float(min((each for each in many if 0 < each < np.inf), default=0))


def _excess(weeks: pd.DataFrame) -> np.ndarray:
    """What each week moves the logarithm of revenue per day by (its linearisation; they add up to nothing)."""
    return (weeks["net"] / weeks["net"].sum() - weeks["days"] / weeks["days"].sum()).to_numpy()


def _error(moves: np.ndarray) -> tuple[float, float]:
    """The standard error of a sum over neighbouring weeks, and its degrees of freedom, by averages weighted by cosines.

    Lazarus, Lewis, Stock & Watson 2018, Journal of Business & Economic Statistics 36:541 (the cosine estimator that they
    recommend, with their number of cosines, .4 T^(2/3)): t holds where weeks are like those near them, and like no others.
    """
    weeks = len(moves)
    waves = max(round(0.4 * weeks ** (2 / 3)), 2)
    cosines = np.sqrt(2) * np.cos(np.pi * np.arange(1, waves + 1)[:, None] * (np.arange(weeks) + 0.5) / weeks)
    return float(np.sqrt(np.mean((cosines @ moves) ** 2))), float(waves)


def _combined(*parts: tuple[float, float]) -> tuple[float, float]:
    """The standard error of independent parts together, with Satterthwaite's degrees of freedom."""
    variance = sum(error**2 for error, _ in parts)
    return np.sqrt(variance), variance**2 / sum(error**4 / df for error, df in parts)


# ---- What it is made of ---------------------------------------------------------------------------------------------


def parts(groups: list[Group], told: Told) -> Inferred:
    """The change of net revenue as money owed to customers, orders per customer and revenue per order.

    From counts of buyers by `side` ("now", "before") and whether they are `known`, with their `orders` and `net`. Ang 2005,
    Energy Policy 33:867 (additive form): the part of a factor x is L(R', R) ln(x' / x), L the logarithmic mean of the revenues.
    Behind all of them stand the buyers of the side that has fewer. Orders without a customer that are too few to be shown are
    counted with the others: apart or left out, what they brought would follow from the rest.
    """
    fewest = told.privacy.suppress_below
    rows = [row for group in comparable(groups, told) for row in _parts(group, fewest)]
    against = groups[0].counts["against"].iloc[0]
    return Inferred(rows, notes=[f"Before is {against}."])


def _parts(group: Group, fewest: int) -> list[dict]:
    totals = group.counts.groupby(["side", "known"])[["n", "orders", "net"]].sum()
    now, before = (_side(totals, side, 1) for side in ("now", "before"))
    unknown = [_side(totals, side, 0) for side in ("now", "before")]
    facts = {"n": now["n"] + before["n"], "clusters": _fewest(now["n"], before["n"])}
    if any(0 < side["orders"] < fewest for side in unknown):
        now, before = (_with_orders(*sides) for sides in zip((now, before), unknown, strict=True))
        unknown = [side * 0.0 for side in unknown]
    unknown_now, unknown_before = (side["net"] for side in unknown)
    if not min(now["net"], before["net"]) > 0:
        missing = "the period" if not now["net"] > 0 else group.counts["against"].iloc[0]
        return [group.row(**facts, reason=f"no net revenue of customers in {missing}")]
    money = {"before": before["net"] + unknown_before}
    money |= divisia(_factors(before), _factors(now))
    if unknown_now or unknown_before:
        money["without a customer"] = unknown_now - unknown_before
    money["now"] = now["net"] + unknown_now
    rows = [group.row(component=part, value=value, **facts, method="logarithmic mean") for part, value in money.items()]
    return [row | ({"at_win": "before"} if row["component"] == "before" else {}) for row in rows]


def _with_orders(side: pd.Series, unknown: pd.Series) -> pd.Series:
    """A side with the orders and revenue of those without a customer, if it has customers: nobody else could have placed them."""
    return side + unknown.where(unknown.index != "n", 0.0) if side["n"] else side


def _side(totals: pd.DataFrame, side: str, known: int) -> pd.Series:
    return totals.loc[(side, known)] if (side, known) in totals.index else totals.iloc[0] * 0.0


def _factors(side: pd.Series) -> dict[str, float]:
    return {
        "customers": side["n"],
        "frequency": side["orders"] / side["n"],
        "order value": side["net"] / side["orders"],
    }


def divisia(before: dict[str, float], now: dict[str, float]) -> dict[str, float]:
    """What each of several positive factors adds to the change of their product, exactly (Ang 2005, additive)."""
    product_before, product_now = (float(np.prod([*factors.values()])) for factors in (before, now))
    weight = logarithmic_mean(product_now, product_before)
    return {name: weight * float(np.log(now[name] / before[name])) for name in before}


def logarithmic_mean(a: float, b: float) -> float:
    """(a - b) / ln(a / b), and a where they are equal (Ang 2005); of positive numbers."""
    return a if np.isclose(a, b, rtol=1e-12, atol=0) else float((a - b) / np.log(a / b))
