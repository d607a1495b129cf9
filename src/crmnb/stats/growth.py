"""Growth: how much more was sold than before, and what of it is due to what."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import NamedTuple

import numpy as np
import pandas as pd
from scipy import special

from crmnb.core.notes import Note
from crmnb.core.period import Period, shift
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts, comparable
from crmnb.stats.moments import FEW_CLUSTERS

YEAR = 364  # days: 52 weeks, so that each day meets the same weekday
LONGEST_BY_WEEKDAY = (
    62  # days: in two months a fifth Saturday weighs more than on which day of the month something is billed
)
FEWEST_WEEKS = 12


# ---- Growth ---------------------------------------------------------------------------------------------------------


class Span(NamedTuple):
    """Days of revenue `[start, end)`: with or without 29 February, and with the refunds known before a time (None: all)."""

    start: datetime
    end: datetime
    leap_days: bool = True
    known_at: datetime | None = None

    @property
    def days(self) -> int:
        """How many days count."""
        return (self.end - self.start).days - (0 if self.leap_days else self._leap_days_before(self.end))

    def position(self, days: pd.Index) -> np.ndarray:
        """The place of each day (datetimes) among those that count, from 0; -1 where it does not count."""
        place = np.asarray((days - self.start).days)
        outside = (place < 0) | (place >= (self.end - self.start).days)
        if not self.leap_days:
            outside |= np.asarray((days.month == 2) & (days.day == 29))
            place = place - sum(np.asarray(days > leap, int) for leap in self._own_leap_days())
        return np.where(outside, -1, place)

    def _leap_days_before(self, day: datetime) -> int:
        return sum(leap < day for leap in self._own_leap_days())

    def _own_leap_days(self) -> list[datetime]:
        """The days of 29 February from its start on."""
        return [leap for leap in _leap_days(self.start.year, self.end.year) if leap >= self.start]


def _leap_days(first: int, last: int) -> list[datetime]:
    return [
        datetime(year, 2, 29) for year in range(first, last + 1) if year % 4 == 0 and (year % 100 or not year % 400)
    ]


class Comparison(NamedTuple):
    """Which span is compared with which; `years` lie between where they are alike day by day, else 0."""

    breakdown: str
    current: Span
    comparison: Span
    years: int = 0


def comparisons(period: Period) -> list[Comparison]:
    """With what a period's revenue is compared: a year before, the previous period, and, where they were seen, many years before.

    Up to two months are compared with the same weekdays, 52 weeks (or so many times 52) before. What is longer is compared
    with the same days of the calendar, 29 February left out, as what is billed by the month would fall on one side once more
    often; of a period longer than a year its last year. Of whole years the previous period is the year before.
    Refunds take time: each side counts those that were known as long after its end as the period's end lies behind the data's.
    """
    end, previous = period.observed_end, period.previous
    by_weekday = (end - period.start).days <= LONGEST_BY_WEEKDAY
    start = max(period.start, shift(end, -12))

    def span(first: datetime, last: datetime, leap_days: bool) -> Span:
        has_leap_day = any(first <= leap < last for leap in _leap_days(first.year, last.year))
        known_at = replace(period, start=first, end=last).as_long_after(period) if last < end else None
        return Span(first, last, leap_days or not has_leap_day, known_at)

    def ago(years: int) -> Span:
        if by_weekday:
            return span(*(day - timedelta(days=years * YEAR) for day in (start, end)), True)
        return span(*(shift(day, -12 * years) for day in (start, end)), False)

    now = span(start, end, by_weekday)
    pairs = [Comparison("", now, ago(1), 1)]
    if not _of_whole_years(period):
        sides = span(period.start, end, True), span(previous.start, previous.end, True)
        pairs.append(Comparison("vs previous period", *sides))
    years = 1
    while period.data_from and ago(years + 1).start >= period.data_from:
        years += 1
    if years > 1:
        pairs.append(Comparison("CAGR", now, ago(years), years))
    return pairs


def _of_whole_years(period: Period) -> bool:
    return period.months > 0 and period.months % 12 == 0 and period.observed_end == period.end


def spans(period: Period) -> list[Span]:
    """All that is compared in `comparisons`, each once, in order."""
    return sorted({side for pair in comparisons(period) for side in (pair.current, pair.comparison)}, key=str)


def growth(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """Net revenue against that of each of `comparisons`, less 1, from counts of orders by `day` and `span` (its
    place in `spans`) with their `net`.

    Who bought stands in groups of their own, of the breakdown `who_of`: counts of customers by `span` and `other`, with the sum of
    the `product` of what each brought in the two. They are the same place of those who bought in it (no `other` if nothing was left
    of that after refunds), and two places, the lower one first, of those who bought in both. The orders have such products as well,
    each its square. The side with fewer customers says whether a figure may be shown,
    and whether it is `unreliable`.

    Limits: t on the logarithm of the ratio, with the larger of two errors: that of weeks that may be like their neighbours
    (`_error`), a week and its like of a year before taken as a pair; and that of weeks and customers both (`_two_way`), where
    customers come, stay and go (the linearised ratio of two sums, Kish 1965, Survey Sampling, 6.5). Weeks alone do not see
    who stays, customers alone not what happens to all of them together (benchmarks/growth.py). Fewer than 12 weeks have no
    limits, nor has what does not vary at all.
    """
    buyers = {(g.win, g.breakdown, g.segment, g.level): _Units.of(g.counts, g.customers) for g in groups if g.breakdown}
    sold = [group for group in comparable(groups, context.time_segmentations) if not group.breakdown]
    return Estimates([row for g in sold for row in _growths(g, buyers.get(_key_of_buyers(g, context)), context)])


def who_of(column: str = "") -> str:
    """The breakdown of who bought, of the whole and by attributes of customers; or by a column of the orders."""
    return f"who by {column}" if column else "who"


def _key_of_buyers(group: GroupedCounts, context: EstimationContext) -> tuple[str, str, str, str]:
    column = context.settings.get("order_columns", {}).get(group.segment, "")
    return group.win, who_of(column), group.segment, group.level


def _growths(group: GroupedCounts, buyers: "_Units | None", context: EstimationContext) -> list[dict]:
    """The rows of a group; `buyers` are None where no order names its customer."""
    period = context.periods[group.win]
    sold = {name: group.counts[name].to_numpy() for name in ("span", "day", "net", "n")}
    orders = _Units.of(group.counts, group.n) if buyers else None
    place = {span: at for at, span in enumerate(spans(period))}
    rows = []
    for pair in comparisons(period):
        places = place[pair.current], place[pair.comparison]
        sides = [
            _Side.of(sold, at, span, buyers) for at, span in zip(places, (pair.current, pair.comparison), strict=True)
        ]
        net = [side.net for side in sides]
        errors = (buyers.error(*places, *net), orders.error(*places, *net)) if buyers else None
        fields = _missing(period, pair.comparison.start) or _grown(*sides, pair.years, errors, context.level)
        rows.append(group.row(breakdown=pair.breakdown, **fields))
    return rows


def _missing(period: Period, then: datetime) -> dict:
    """The reason where the data do not reach back to a time."""
    if not period.data_from or period.data_from <= then:
        return {}
    return {"reason": Note("needs_history", needed=str(then.date()), days=0, begins=str(period.data_from.date()))}


class _Side(NamedTuple):
    """A side of a comparison: its weeks (`net`, `days`; the last may be a shorter one), and what lies in all of them."""

    weeks: pd.DataFrame
    net: float
    orders: float
    days: int
    customers: float

    @classmethod
    def of(cls, sold: dict[str, np.ndarray], place: int, span: Span, buyers: "_Units | None") -> "_Side":
        """From `net` and `n` by `span` and `day`; customers are as many as any where no order names its customer."""
        inside = sold["span"] == place
        at = span.position(pd.DatetimeIndex(sold["day"][inside]))
        weeks, counts = -(-span.days // 7), at >= 0
        net, orders = (np.bincount(at[counts] // 7, sold[name][inside][counts], weeks) for name in ("net", "n"))
        customers = np.inf if buyers is None else buyers.inside.get((place, place), 0.0)
        by_week = pd.DataFrame({"net": net, "days": np.minimum(7, span.days - 7 * np.arange(weeks))})
        return cls(by_week, float(net.sum()), float(orders.sum()), span.days, customers)


Error = tuple[float, float]  # a standard error and its degrees of freedom


class _Units(NamedTuple):
    """Customers, or orders: how many (`size`); by two places in `spans` the sum of products, and how many are `inside` both."""

    size: float
    products: dict[tuple[int, int], float]
    inside: dict[tuple[int, int], float]

    @classmethod
    def of(cls, counts: pd.DataFrame, size: float) -> "_Units":
        """From counts by `span` and `other` with their `product`."""
        sums = counts.groupby(["span", "other"])[["product", "n"]].sum()
        return cls(size, sums["product"].to_dict(), sums["n"].to_dict())

    def error(self, current: int, comparison: int, now: float, before: float) -> Error:
        """The error of the logarithm of the ratio of two sums over these units, of two places in `spans`.

        What a unit moves it by is a / now - b / before; these add up to nothing.
        """
        if not min(now, before) > 0 or self.size < 2:
            return np.nan, np.nan
        both = min(current, comparison), max(current, comparison)
        squares = self.products.get((current, current), 0.0), self.products.get((comparison, comparison), 0.0)
        product = self.products.get(both, 0.0)
        scatter = squares[0] / now**2 - 2 * product / (now * before) + squares[1] / before**2
        if scatter < 1e-12 * squares[0] / now**2:  # the rounding of equal sums
            scatter = 0.0
        return float(np.sqrt(self.size / (self.size - 1) * scatter)), float(self.size - 1)


def _grown(now: _Side, before: _Side, years: int, of_units: tuple[Error, Error] | None, level: float) -> dict:
    """The growth per year (or on the previous period) of revenue per day, with its limits and p-value.

    of_units: the errors by customers and by orders, None where no order names its customer. As few as the customers (or orders,
    where these name nobody) of either side stand behind it.
    """
    fewest = _fewest(now.orders, before.orders, now.customers, before.customers)
    fields = {
        "n": now.orders + before.orders,
        "clusters": fewest,
        "flags": "unreliable" if fewest < FEW_CLUSTERS else "",
    }
    if before.net <= 0:
        return fields | {"flags": "", "reason": Note("no_earlier_revenue")}
    ratio = now.net / now.days / (before.net / before.days)
    per_year = 1 / max(years, 1)
    fields["value"] = ratio**per_year - 1
    if min(now.days, before.days) < 7 * FEWEST_WEEKS or not ratio > 0:
        return fields | {"method": "no interval: too few weeks"}
    if years:
        of_weeks = _error(_excess(now.weeks) - _excess(before.weeks))
    else:
        of_weeks = _combined(_error(_excess(now.weeks)), _error(_excess(before.weeks)))
    errors = {"weeks": of_weeks} | ({"weeks and customers": _two_way(of_weeks, *of_units)} if of_units else {})
    half_widths = {
        unit: special.stdtrit(df, (1 + level) / 2) * error for unit, (error, df) in errors.items() if error > 1e-9
    }
    if not half_widths:
        return fields | {"method": "no interval: nothing varies"}
    unit = max(half_widths, key=half_widths.get)
    low, high = ((ratio * np.exp(sign * half_widths[unit])) ** per_year - 1 for sign in (-1, 1))
    error, df = errors[unit]
    p_value = 2 * float(special.stdtr(df, -abs(np.log(ratio)) / error))
    return fields | {"low": low, "high": high, "p_value": p_value, "method": f"t over {unit}, on the logarithm"}


def _two_way(weeks: Error, customers: Error, orders: Error) -> Error:
    """The error where weeks and customers both move the figure: their variances, less that of single orders, which is in both.

    Cameron, Gelbach & Miller 2011, Journal of Business & Economic Statistics 29:238. At least that of customers: what the weeks
    scatter less than orders would by themselves is chance.
    """
    common = max(weeks[0] ** 2 - orders[0] ** 2, 0.0)
    if not common:
        return customers
    return _combined((np.sqrt(common), weeks[1]), customers)


def _fewest(*numbers: float) -> float:
    """The smallest of numbers of customers or orders; a side without any betrays nobody."""
    return float(min((number for number in numbers if 0 < number < np.inf), default=0))


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
    return np.sqrt(variance), variance**2 / (sum(error**4 / df for error, df in parts) or np.nan)


# ---- What it is made of ---------------------------------------------------------------------------------------------


def parts(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The change of net revenue as money owed to customers, orders per customer and revenue per order.

    From counts of buyers by `side` ("current", "comparison") and whether they are `known`, with their `orders` and `net`. Ang 2005,
    Energy Policy 33:867 (additive form): the part of a factor x is L(R', R) ln(x' / x), L the logarithmic mean of the revenues.
    Behind all of them stand the buyers of the side that has fewer. Orders without a customer that are too few to be shown are
    counted with the others: apart or left out, what they brought would follow from the rest.
    """
    fewest = context.suppress_below
    rows = [row for group in comparable(groups, context.time_segmentations) for row in _parts(group, fewest)]
    against = groups[0].counts["against"].iloc[0]
    return Estimates(rows, notes=[Note("bridge_begins", period=against)])


def _parts(group: GroupedCounts, fewest: int) -> list[dict]:
    totals = group.counts.groupby(["side", "known"])[["n", "orders", "net"]].sum()
    now, before = (_side(totals, side, 1) for side in ("current", "comparison"))
    unknown = [_side(totals, side, 0) for side in ("current", "comparison")]
    fields = {"n": now["n"] + before["n"], "clusters": _fewest(now["n"], before["n"])}
    if any(0 < side["orders"] < fewest for side in unknown):
        now, before = (_with_orders(*sides) for sides in zip((now, before), unknown, strict=True))
        unknown = [side * 0.0 for side in unknown]
    unknown_now, unknown_before = (side["net"] for side in unknown)
    if not min(now["net"], before["net"]) > 0:
        earlier = Note("no_earlier_customer_revenue", period=group.counts["against"].iloc[0])
        reason = earlier if now["net"] > 0 else Note("no_customer_revenue")
        return [group.row(**fields, reason=reason)]
    money = {"comparison": before["net"] + unknown_before}
    money |= divisia(_factors(before), _factors(now))
    if unknown_now or unknown_before:
        money["without a customer"] = unknown_now - unknown_before
    money["current"] = now["net"] + unknown_now
    rows = [
        group.row(breakdown=part, value=value, **fields, method="logarithmic mean") for part, value in money.items()
    ]
    return [row | ({"at_win": "comparison"} if row["breakdown"] == "comparison" else {}) for row in rows]


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
