"""True figures of fees and orders in closed form: given so many lives, what is paid and bought is averaged over exactly."""

from itertools import pairwise, product
from math import prod

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc

from crmnb.simulate.lives import Lives
from crmnb.simulate.rates import DAYS, EDGES, Rates
from crmnb.simulate.shop import CATEGORIES, CUSTOMER_SHAPE, GUESTS, ORDER_SHAPE, PART, refunds

Figures = dict[tuple[str, str], float]
_PLACES = (np.arange(40) + 0.5) / 40  # at which what is spread evenly is looked at
_LIKE = 364  # days: a year before, on the same weekday
_ROUNDED = 5  # days, to which exposures are rounded where many are looked at


def under_contract(lives: Lives, first: float, last: float) -> np.ndarray:
    """The days under contract of each of the lives from a day to another."""
    who, _, begin, end = lives.spells(first, last)
    return np.bincount(who, end - begin, len(lives.region))


def none_in(rates: Rates, days: np.ndarray) -> np.ndarray:
    """The chance of no order in so many days under contract, the rate being gamma: (1 + t x)^-k."""
    return (1 + rates.orders / 365.25 / rates.spread * days) ** -rates.spread


def order_value(rates: Rates, place: int) -> float:
    """What is left on average of an order that counts."""
    return rates.order_value[place] * (1 - refunds(rates)[1] * sum(PART) / 2)


def fees(rates: Rates, place: int) -> Figures:
    """Revenue retention: those who leave have the same fees as those who stay, whose changes are the arguments."""
    stays = rates.retention[place]
    return {
        ("gross_revenue_retention", ""): 100 * stays * (1 - rates.contraction[place]),
        ("net_revenue_retention", ""): 100 * stays * (1 - rates.contraction[place] + rates.expansion[place]),
    }


def orders(rates: Rates, lives: Lives, place: int) -> Figures:
    """Of a year's orders: refunds, values, revenue per buyer, cross-selling, growth and its parts (per customer at the start)."""
    now = _sold(rates, lives, place, place)
    found = {
        ("refund_rate", ""): 100 * rates.refunds,
        ("average_order_value", ""): order_value(rates, place),
        ("median_order_value", ""): _median_order(rates, place),
        ("revenue_per_customer", ""): now["orders"] / now["buyers"] * order_value(rates, place),
    }
    if place:
        found |= {("cross_sell_rate", ""): 100 * _crossed(rates, lives, place)}
        found |= _growth(rates, lives, place) | _parts(_sold(rates, lives, place - 1, place), now)
    return found


def _sold(rates: Rates, lives: Lives, place: int, of: int) -> dict[str, float]:
    """Buyers, their orders and revenue in a year, per customer at the start of the year `of`."""
    inside = under_contract(lives, EDGES[place], EDGES[place + 1])
    scale = 1 / lives.at_start[of]
    made = scale * rates.orders / 365.25 * inside.sum()
    buyers = scale * (1 - none_in(rates, inside)).sum()
    return {"buyers": buyers, "orders": made, "net": made * order_value(rates, place)}


def _median_order(rates: Rates, place: int) -> float:
    """Amounts are a ratio of two gamma variables (beta prime); of some, a part spread evenly is taken off."""
    part, unit = refunds(rates)[1], rates.order_value[place] * (CUSTOMER_SHAPE - 1) / ORDER_SHAPE
    left = 1 - (PART[0] + (PART[1] - PART[0]) * _PLACES)

    def up_to(amount: np.ndarray | float) -> np.ndarray:
        z = amount / unit
        return betainc(ORDER_SHAPE, CUSTOMER_SHAPE, z / (1 + z))

    return brentq(lambda x: (1 - part) * up_to(x) + part * up_to(x / left).mean() - 0.5, 1e-6, 1e3 * unit)


def _crossed(rates: Rates, lives: Lives, place: int) -> float:
    """Of those who bought in the 365 days before the year and in it, the share with a category in it that is not among those of before.

    Given the customer's rate, the orders of each category are Poisson on their own. No category is new where of each there was
    one before or is none now: a product of (1 - B + B N) over categories, B and N being the chances of none before and none
    now. Multiplied out, each term is the chance of no order in so many days, and the gamma mean of that is known.
    """
    before = under_contract(lives, EDGES[place] - 365, EDGES[place])
    inside = under_contract(lives, EDGES[place], EDGES[place + 1])
    both = (before > 0) & (inside > 0)
    alike = np.round(before[both] / _ROUNDED).astype(int) * DAYS + np.round(inside[both] / _ROUNDED).astype(int)
    alike, many = np.unique(alike, return_counts=True)
    before, inside = (_ROUNDED * part for part in np.divmod(alike, DAYS))
    none_new = np.zeros(len(many))
    terms = ((1, 0, 0), (-1, 1, 0), (1, 1, 1))  # the sign, and whether "none before" and "none now" are in it
    for chosen in product(terms, repeat=len(CATEGORIES)):
        shares = list(zip(CATEGORIES.values(), chosen, strict=True))
        days = sum(share * b for share, (_, b, _) in shares) * before
        days = days + sum(share * n for share, (_, _, n) in shares) * inside
        none_new += prod(sign for sign, _, _ in chosen) * none_in(rates, days)
    buys = 1 - none_in(rates, before) - none_in(rates, inside) + none_in(rates, before + inside)
    return 1 - float(many @ (none_new - none_in(rates, inside)) / (many @ buys))


def _growth(rates: Rates, lives: Lives, place: int) -> Figures:
    """Growth of the expected revenue. Guests order when customers do."""

    def revenue(first: float, last: float) -> float:
        sold = 0.0
        for year, (begins, ends) in enumerate(pairwise(EDGES)):
            _, _, begin, end = lives.spells(max(first, begins), min(last, ends))
            sold += order_value(rates, year) * (end - begin).sum()
        return sold

    first, last = EDGES[place], EDGES[place + 1]
    then, now = EDGES[place - 1], revenue(last - _LIKE, last)
    years = (last - _LIKE) // _LIKE
    found = {
        ("sales_growth", ""): now / revenue(last - 2 * _LIKE, last - _LIKE) - 1,
        ("sales_growth", "on the previous period"): (revenue(first, last) / (last - first))
        / (revenue(then, first) / (first - then))
        - 1,
    }
    if years > 1:
        before = revenue(last - (years + 1) * _LIKE, last - years * _LIKE)
        found["sales_growth", "compounded, per year"] = (now / before) ** (1 / years) - 1
    return {key: 100 * value for key, value in found.items()}


def _parts(before: dict[str, float], now: dict[str, float]) -> Figures:
    """The logarithmic mean Divisia index of the expected figures."""
    mean = (now["net"] - before["net"]) / np.log(now["net"] / before["net"])

    def owed(of: str, per: str | None = None) -> float:
        factors = [each[of] / (each[per] if per else 1) for each in (before, now)]
        return mean * float(np.log(factors[1] / factors[0]))

    found = {
        "before": before["net"] * (1 + GUESTS),
        "customers": owed("buyers"),
        "frequency": owed("orders", "buyers"),
        "order value": owed("net", "orders"),
        "without a customer": (now["net"] - before["net"]) * GUESTS,
        "now": now["net"] * (1 + GUESTS),
    }
    return {("growth_decomposition", part): value for part, value in found.items()}
