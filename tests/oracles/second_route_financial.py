"""A second, dumber route to the figures of worth: loops and plain pandas, by the definitions alone; nothing of crmnb.

Orders are frames of `customer_id` (missing for none), `ordered_at`, `net` and `margin` that hold only those that count.
"""

import math
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats
from second_route import Figures, customers_at, newcomers, within

MONTH_OF_AGE = pd.Timedelta(minutes=1440 * 30.4375)


# ---- The corner shop's files ----------------------------------------------------------------------------------------


def raw_worth(folder: Path) -> dict[str, pd.DataFrame]:
    """Orders and costs as text, as they lie there."""
    return {
        name: pd.read_csv(folder / f"{name}.csv", sep=separator, dtype=str, keep_default_na=False)
        for name, separator in {"orders": ";", "costs": ","}.items()
    }


def tidy_orders(raw: pd.DataFrame, margin_rate: float) -> pd.DataFrame:
    """Orders that exist once, on a day that exists, neither cancelled nor wholly refunded, with or without a customer."""
    times = pd.to_datetime(raw["Ordered"], format="%d/%m/%Y %H:%M:%S", errors="coerce")
    orders = raw.assign(ordered_at=times).dropna(subset="ordered_at").drop_duplicates("Order no")
    total = orders["Total"].str.replace(",", "").astype(float)
    refunded = pd.to_numeric(orders["Refunded"]).fillna(0)
    kept = (orders["Status"] == "done") | ((orders["Status"] == "returned") & (refunded < total))
    net = total - refunded
    found = pd.DataFrame({"customer_id": orders["Customer no"].replace("", None), "ordered_at": orders["ordered_at"]})
    return found.assign(net=net, margin=net * margin_rate)[kept]


def tidy_costs(raw: pd.DataFrame) -> pd.DataFrame:
    """Costs with the month as the time at which it begins."""
    return pd.DataFrame(
        {
            "month": pd.to_datetime(raw["Month"], format="%Y-%m"),
            "category": raw["What for"],
            "programme": raw["Programme"],
            "amount": raw["Spent"].astype(float),
        }
    )


# ---- Every figure that a loop can count -----------------------------------------------------------------------------


def brought(orders: pd.DataFrame, start: str, end: str, books: float | None) -> Figures:
    """What customers brought in `[start, end)`."""
    net = within(orders, "ordered_at", start, end)["net"].sum()
    known = within(orders.dropna(subset="customer_id"), "ordered_at", start, end)
    each = [float(own["net"].sum()) for _, own in known.groupby("customer_id")]
    figures: Figures = {
        "revenue_per_customer": {"": sum(each) / len(each)},
        "revenue_concentration": {
            "Gini coefficient": gini(each),
            "revenue share of the top 10%": 100 * top_tenth(each),
        },
    }
    return figures | ({"revenue_reconciliation": {"": 100 * (net - books) / books}} if books else {})


def gini(amounts: list[float]) -> float:
    """By the definition: the mean difference of any two customers, who are not the same, over twice the mean."""
    each = np.array(amounts)
    if len(each) < 2:
        return math.nan
    pairs = len(each) * (len(each) - 1)
    return float(abs(each[:, None] - each[None, :]).sum() / pairs / (2 * each.mean()))


def top_tenth(amounts: list[float]) -> float:
    """The share of the tenth who bring most, a customer on the edge counted in part."""
    left, total = len(amounts) / 10, 0.0
    for amount in sorted(amounts, reverse=True):
        total += amount * min(1, left)
        left = max(0, left - 1)
    return total / sum(amounts)


def to_date(orders: pd.DataFrame, end: str, rate: float) -> float:
    """The mean margin so far, discounted to each customer's first order."""
    worth = []
    for _, own in orders[orders["ordered_at"] < end].dropna(subset="customer_id").groupby("customer_id"):
        years = (own["ordered_at"] - own["ordered_at"].min()) / pd.Timedelta(days=365.25)
        worth.append(sum(margin / (1 + rate) ** year for margin, year in zip(own["margin"], years, strict=True)))
    return sum(worth) / len(worth)


def textbook(orders: pd.DataFrame, start: str, end: str) -> float:
    """Margin of an order x orders a year x lifespan."""
    known = orders.dropna(subset="customer_id")
    inside = within(known, "ordered_at", start, end)
    years = (pd.Timestamp(end) - pd.Timestamp(start)) / pd.Timedelta(days=365.25)
    before, after = customers_at(known, start), customers_at(known, end)
    churn = 1 - (len(before & after) / len(before)) ** (1 / years)
    a_year = len(inside) / inside["customer_id"].nunique() / years
    return inside["margin"].mean() * a_year / churn


def winning(orders: pd.DataFrame, costs: pd.DataFrame, start: str, end: str, lag: int, cutoff: str) -> Figures:
    """What winning a customer cost, and when it came back."""
    known = orders.dropna(subset="customer_id")
    back = pd.DateOffset(months=lag)
    month = costs["month"]
    inside = (month >= pd.Timestamp(start) - back) & (month < pd.Timestamp(end) - back)
    spent = costs.loc[inside & (costs["category"] == "winning customers"), "amount"].sum()
    new = newcomers(known, start, end)
    figures: Figures = {"customer_acquisition_cost": {"": (spent, float(len(new)))}}
    total, months = 0.0, 0
    while total < spent / len(new) - 1e-9:
        ends = new + (months + 1) * MONTH_OF_AGE
        followed = ends[ends <= pd.Timestamp(cutoff)]
        if followed.empty:
            return figures | {"cac_payback_period": {"": math.nan}}
        total += np.mean([_in_month(known, who, new[who], months) for who in followed.index])
        months += 1
    return figures | {"cac_payback_period": {"": float(months)}}


def _in_month(orders: pd.DataFrame, who: str, since: pd.Timestamp, month: int) -> float:
    own = orders[orders["customer_id"] == who]
    age = (own["ordered_at"] - since) / MONTH_OF_AGE
    return float(own.loc[(age >= month) & (age < month + 1), "margin"].sum())


def profitable(orders: pd.DataFrame, start: str, end: str, least: float) -> Figures:
    """Profitable customers at the start who stayed, and those won who are profitable."""
    known = orders.dropna(subset="customer_id")
    year = known[known["ordered_at"] >= pd.Timestamp(start) - pd.Timedelta(days=365)]
    good = _bringing(year[year["ordered_at"] < start], least) & customers_at(known, start)
    new = set(newcomers(known, start, end).index)
    return {
        "profitable_customer_retention": {"": (len(good & customers_at(known, end)), len(good))},
        "profitable_new_customers": {
            "": (len(new & _bringing(within(known, "ordered_at", start, end), least)), len(new))
        },
    }


def _bringing(orders: pd.DataFrame, least: float) -> set[str]:
    each = orders.groupby("customer_id")["margin"].sum().round(6)
    return set(each.index[each >= least])


# ---- What models expect, a customer at a time -----------------------------------------------------------------------


def triples(orders: pd.DataFrame, last_day: str) -> pd.DataFrame:
    """x, t_x, T in weeks and the mean margin m of repeat purchases, a row per customer; a day's orders are one purchase."""
    days = orders.groupby(["customer_id", orders["ordered_at"].dt.normalize()])["margin"].sum().reset_index()
    first = days.groupby("customer_id")["ordered_at"].min()
    again = days[days["ordered_at"] > days["customer_id"].map(first)].groupby("customer_id")
    found = pd.DataFrame(
        {"x": again.size(), "last": again["ordered_at"].max(), "m": again["margin"].mean()}, first.index
    )
    last = found["last"].fillna(first)
    weeks = {"t_x": (last - first).dt.days / 7, "T": (pd.Timestamp(last_day) - first).dt.days / 7}
    return found.fillna({"x": 0, "m": 0.0}).assign(**weeks)[["x", "t_x", "T", "m"]]


def expected_worth(buying, spending, x: float, t_x: float, T: float, m: float, horizon: float, rate: float) -> float:
    """The discounted margin expected of one customer over so many weeks, by averaging over what the customer may be like.

    Given that the customer is one, the rate is gamma and the chance of leaving beta; of those, purchases go on at the rate
    until leaving: rate (1 - exp(-(rate p + d) h)) / (rate p + d).
    """
    (r, alpha, a, b), (p, q, v) = buying, spending
    alive = 1 / (1 + (a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x) if x else 0.0))
    rates, leaves = stats.gamma(r + x, scale=1 / (alpha + T)), stats.beta(a, b + x)
    discount = math.log(1 + rate) * 7 / 365.25

    places, weights = np.polynomial.legendre.leggauss(300)
    u, weights = (places + 1) / 2, weights / 2
    buys, gone = rates.ppf(u)[:, None], leaves.ppf(u)[None, :]  # at even steps of probability
    fading = buys * gone + discount
    often = weights @ (buys * -np.expm1(-fading * horizon) / fading) @ weights
    mine = p * x / (p * x + q - 1)  # the weight of the customer's own mean
    return alive * often * (mine * m + (1 - mine) * p * v / (q - 1))
