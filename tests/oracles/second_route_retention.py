"""A second, dumber route to the newer figures of retention: loops over the raw rows, fractions instead of floats.

As `second_route`, it imports nothing of crmnb. Times are the files' own; days between purchases and lifetimes are counted in calendar days.
"""

from collections import defaultdict
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import pandas as pd
from second_route import DAY, INACTIVE, Figures, counting_orders, within

NEVER = pd.Timestamp("2999-01-01")
Plan = tuple[str, pd.Timestamp, pd.Timestamp, Fraction]


# ---- The corner shop's files ----------------------------------------------------------------------------------------


def plans_of(folder: Path) -> list[Plan]:
    """The veg boxes: customer, from, to (far away: still), a month."""
    raw = pd.read_csv(folder / "subscriptions.csv", dtype=str, keep_default_na=False)
    return [
        (row["Customer no"], pd.Timestamp(row["From"]), pd.Timestamp(row["To"] or NEVER), Fraction(row["A month"]))
        for row in raw.to_dict("records")
    ]


def orders_with_categories(raw: pd.DataFrame) -> pd.DataFrame:
    """The orders that count, with `category`."""
    return counting_orders(raw).rename(columns={"What": "category"})


def orders_of_every_status(raw: pd.DataFrame) -> pd.DataFrame:
    """The orders that exist, once each, cancelled ones too; with `refunded` (amount) and `refunded_at`."""
    times = pd.to_datetime(raw["Ordered"], format="%d/%m/%Y %H:%M:%S", errors="coerce")
    back = pd.to_datetime(raw["Refunded on"], format="%d/%m/%Y %H:%M:%S", errors="coerce")
    refunded = pd.to_numeric(raw["Refunded"]).fillna(0)
    orders = raw.assign(ordered_at=times, refunded_at=back, refunded=refunded)
    return orders.dropna(subset="ordered_at").drop_duplicates("Order no")


# ---- The figures ----------------------------------------------------------------------------------------------------


def revenue_kept(plans: list[Plan], start: str, end: str) -> Figures:
    """What the payers of the start pay a month at the start, and at the end, without and with what grew."""
    before, after = (_monthly(plans, pd.Timestamp(moment)) for moment in (start, end))
    paying = {customer: amount for customer, amount in before.items() if amount > 0}
    denominator = sum(paying.values())
    gross = sum(min(after[customer], amount) for customer, amount in paying.items())
    net = sum(after[customer] for customer in paying)
    return {"gross_revenue_retention": {"": (gross, denominator)}, "net_revenue_retention": {"": (net, denominator)}}


def _monthly(plans: list[Plan], moment: pd.Timestamp) -> dict[str, Fraction]:
    paid: dict[str, Fraction] = defaultdict(Fraction)
    for customer, since, until, amount in plans:
        if since < moment <= until:
            paid[customer] += amount
    return paid


def crossed(orders: pd.DataFrame, start: str, end: str) -> Figures:
    """Which customers of the 365 days before bought from a category that they had not bought from in those days."""
    num = den = 0
    for _, own in orders.groupby("customer_id"):
        a_year_before = str(pd.Timestamp(start) - pd.Timedelta(days=365))
        had = set(within(own, "ordered_at", a_year_before, start)["category"])
        bought = set(within(own, "ordered_at", start, end)["category"])
        if had and bought:
            den += 1
            num += bool(bought - had)
    return {"cross_sell_rate": {"": (num, den)}}


def refunded(orders: pd.DataFrame, start: str, end: str, cutoff: str) -> Figures:
    """Which orders came back within 30 days, of those that could have until the data end."""
    num = den = 0
    for order in within(orders, "ordered_at", start, end).to_dict("records"):
        if order["Status"] == "void" or order["ordered_at"] + 30 * DAY > pd.Timestamp(cutoff):
            continue
        den += 1
        late = order["refunded_at"] > order["ordered_at"] + 30 * DAY
        num += order["refunded"] > 0 and not late
    return {"refund_rate": {"": (num, den)}}


def gaps_of(orders: pd.DataFrame, end: str) -> dict[str, tuple[list[int], int]]:
    """By customer: the days between days with an order, and those seen since the last one until the end."""
    found = {}
    for customer, own in orders[orders["ordered_at"] < end].groupby("customer_id"):
        dates = sorted(set(own["ordered_at"].dt.normalize()))
        found[customer] = ([(b - a) // DAY for a, b in pairwise(dates)], (pd.Timestamp(end) - dates[-1]) // DAY - 1)
    return found


def median_gap(gaps: dict[str, tuple[list[int], int]]) -> float:
    """The day by which half of the weight has ended, each customer weighing 1; open gaps count as long as they were seen."""
    rows = []  # (days, complete, weight)
    for complete, still in gaps.values():
        rows += [(days, True, Fraction(1, len(complete))) for days in complete] or [(still, False, Fraction(1))]
    left = Fraction(1)
    for day in sorted({days for days, complete, _ in rows if complete}):
        at_risk = sum(weight for days, _, weight in rows if days >= day)
        ended = sum(weight for days, complete, weight in rows if complete and days == day)
        left *= 1 - ended / at_risk
        if left <= Fraction(1, 2):
            return day
    return float("inf")


def weighted_median(rows: list[tuple[int, bool, float]]) -> float:
    """The same from (days, complete, weight), in floats, for many rows."""
    frame = pd.DataFrame(rows, columns=["days", "complete", "weight"])
    at_risk = frame.groupby("days")["weight"].sum()[::-1].cumsum()[::-1]
    ended = frame[frame["complete"]].groupby("days")["weight"].sum().reindex(at_risk.index, fill_value=0.0)
    left = (1 - ended / at_risk).cumprod()
    return left.index[left <= 0.5 + 1e-9][0]


def lifetimes(orders: pd.DataFrame, end: str, data_from: str) -> dict[str, tuple[int, bool]]:
    """By customer who cannot have begun before the data: days until lost, or until the end, and whether lost."""
    last_day, found = pd.Timestamp(end), {}
    for customer, own in orders[orders["ordered_at"] < end].groupby("customer_id"):
        times = sorted(own["ordered_at"])
        if times[0] < pd.Timestamp(data_from) + INACTIVE:
            continue
        until = times[0] + INACTIVE
        for time in times[1:]:
            until = time + INACTIVE if time <= until else until
            if time > until:
                break
        lost = until < last_day
        over = until if lost else last_day
        found[customer] = ((over.normalize() - times[0].normalize()) // DAY, lost)
    return found


def staying(lives: dict[str, tuple[int, bool]], day: int) -> Fraction:
    """The share that stays longer than so many days: Kaplan and Meier's product, death by death."""
    left = Fraction(1)
    for time in sorted({days for days, lost in lives.values() if lost and days <= day}):
        at_risk = sum(days >= time for days, _ in lives.values())
        left *= 1 - Fraction(sum(lost and days == time for days, lost in lives.values()), at_risk)
    return left


def median_life(lives: dict[str, tuple[int, bool]]) -> float:
    """The first day after which half or fewer stay; nothing where these are the days of inactivity."""
    for time in sorted({days for days, lost in lives.values() if lost}):
        if staying(lives, time) <= Fraction(1, 2):
            return time if time > INACTIVE // DAY else float("nan")
    return float("inf")
