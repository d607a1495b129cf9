"""True figures of fees and orders in closed form: payments and orders are averaged exactly, conditional on the customers."""

from itertools import pairwise, product
from math import prod

import numpy as np
from scipy.optimize import brentq
from scipy.special import betainc

from crmnb.demo.customers import CustomerBase, order_multiples
from crmnb.demo.orders import CATEGORIES, PART, WINDOW, refund_share_within, refunds
from crmnb.demo.parameters import DAYS, EDGES, PLANS, Rates
from crmnb.demo.truth.periods import TruthPeriod

Figures = dict[tuple[str, str], float]
_PLACES = (np.arange(40) + 0.5) / 40  # at which what is spread evenly is looked at
_LIKE = 364  # days: a year before, on the same weekday
_29_FEBRUARY = 59  # days after 1 January
_ROUNDED = 5  # days, to which exposures are rounded where many are looked at
_OF_PART = sum(PART) / 2  # of an amount that is refunded in part: what that is on average


def expected_orders(rates: Rates, base: CustomerBase, days: np.ndarray) -> np.ndarray:
    """How many orders each of the lives makes on average in so many days under contract."""
    return rates.orders * order_multiples(rates)[base.plan] / 365.25 * days


def no_order_probability(rates: Rates, expected: np.ndarray) -> np.ndarray:
    """The chance of no order where so many are to be expected, the rate being gamma: (1 + m / k)^-k."""
    return (1 + expected / rates.spread) ** -rates.spread


def later_refund_share(rates: Rates, first: float, last: float, until: float = DAYS) -> float:
    """Of the refunds of the orders of some days, the share that comes after the day `until`, on average."""
    return float(np.mean(1 - refund_share_within(rates, until - (first + (last - first) * _PLACES))))


def net_of_refunds(rates: Rates, first: float, last: float, until: float = DAYS) -> tuple[float, float]:
    """Per order that counts of some days: how many count as far as is known on the day `until`, and what they add up to, in amounts.

    More than there will be in the end: what is refunded later still counts, and in full.
    """
    whole, part = refunds(rates)
    later = later_refund_share(rates, first, last, until)
    return 1 + whole * later, 1 + whole * later - part * _OF_PART * (1 - later)


def order_value(rates: Rates, period: TruthPeriod) -> float:
    """What is left on average of an order that counts."""
    orders, amounts = net_of_refunds(rates, period.first, period.last)
    return rates.order_value[period.place] * amounts / orders


def fees(rates: Rates, base: CustomerBase, period: TruthPeriod) -> Figures:
    """Revenue retention of those who pay at the start: each kind of customers stays as it does, at the fees that it has.

    A fee changes once a year at most, at any time alike; so of the fees at the year's start (or the contract's, where
    that is later), the window has its share of the year's changes.
    """
    place, first = period.place, period.first
    here = (base.begins < first) & (base.ends >= first)
    who = np.flatnonzero(here.any(axis=1))
    begin = base.begins[who, here[who].argmax(axis=1)]
    fee = np.array([plan.fee for plan in PLANS.values()])[base.plan[who]]
    for year, (a, b) in list(enumerate(pairwise(EDGES)))[:place]:
        fee = fee * (1 + _net(rates, year) * (b - begin.clip(a, b)) / (b - a))
    a, b = EDGES[place], EDGES[place + 1]
    paid = fee * (1 + _net(rates, place) * (first - begin.clip(a, first)) / (b - a))
    retained = base.retained[place][base.region[who], base.plan[who]] ** period.share
    contracted, changed = rates.contraction[place] * period.share, _net(rates, place) * period.share
    return {
        ("gross_revenue_retention", ""): 100 * retained @ (paid - contracted * fee) / paid.sum(),
        ("net_revenue_retention", ""): 100 * retained @ (paid + changed * fee) / paid.sum(),
    }


def _net(rates: Rates, year: int) -> float:
    return rates.expansion[year] - rates.contraction[year]


def orders(rates: Rates, base: CustomerBase, period: TruthPeriod, guests: float) -> Figures:
    """Of a window's orders: refunds, values, revenue per buyer, cross-selling, growth and its parts (per customer at the start).

    guests: orders without a customer, per order of a customer.
    """
    now = _sold(rates, base, period, period.place, DAYS)
    values = {
        ("refund_rate", ""): 100 * rates.refunds,
        ("average_order_value", ""): order_value(rates, period),
        ("median_order_value", ""): _median_order(rates, period),
        ("revenue_per_customer", ""): now["net"] / now["buyers"],
    }
    if period.last + WINDOW > DAYS and period.last - period.first < WINDOW + 1:
        values.pop(("refund_rate", ""))  # of too few of them the window has closed
    if period.place:
        before = _sold(rates, base, period.year_before, period.place, period.year_before.last + DAYS - period.last)
        values |= {("cross_sell_rate", ""): 100 * _crossed(rates, base, period)}
        values |= _growth(rates, base, period) | _parts(before, now, guests)
    return values


def _sold(rates: Rates, base: CustomerBase, period: TruthPeriod, of: int, until: float) -> dict[str, float]:
    """Buyers, their orders and revenue in a window as known on the day `until`, per customer at the start of the year `of`."""
    expected = expected_orders(rates, base, base.days(period.first, period.last))
    scale = 1 / base.at_start[of]
    counted, amounts = net_of_refunds(rates, period.first, period.last, until)
    return {
        "buyers": scale * (1 - no_order_probability(rates, expected)).sum(),
        "orders": scale * expected.sum() * counted,
        "net": scale * expected.sum() * amounts * rates.order_value[period.place],
    }


def _median_order(rates: Rates, period: TruthPeriod) -> float:
    """Amounts are a ratio of two gamma variables (beta prime); of some, a part spread evenly is taken off."""
    p, q = rates.order_shape, rates.customer_shape
    whole, part = refunds(rates)
    later, unit = later_refund_share(rates, period.first, period.last), rates.order_value[period.place] * (q - 1) / p
    part = part * (1 - later) / (1 + whole * later)
    left = 1 - (PART[0] + (PART[1] - PART[0]) * _PLACES)

    def up_to(amount: np.ndarray | float) -> np.ndarray:
        z = amount / unit
        return betainc(p, q, z / (1 + z))

    return brentq(lambda x: (1 - part) * up_to(x) + part * up_to(x / left).mean() - 0.5, 1e-6, 1e3 * unit)


def _crossed(rates: Rates, base: CustomerBase, period: TruthPeriod) -> float:
    """Of those who bought in the 365 days before the window and in it, the share with a category in it that is not among those of before.

    Given the customer's rate, the orders of each category are Poisson on their own. No category is new where of each there was
    one before or is none now: a product of (1 - B + B N) over categories, B and N being the chances of none before and none
    now. Multiplied out, each term is the chance of no order in so many days, and the gamma mean of that is known.
    """
    before = base.days(period.first - 365, period.first)
    inside = base.days(period.first, period.last)
    both = (before > 0) & (inside > 0)
    kinds = np.column_stack([base.plan[both], np.round(before[both] / _ROUNDED), np.round(inside[both] / _ROUNDED)])
    size = DAYS // _ROUNDED + 1
    alike, counts = np.unique(kinds.astype(int) @ [size * size, size, 1], return_counts=True)
    per_day = rates.orders * order_multiples(rates)[alike // size**2] / 365.25 * _ROUNDED
    before, inside = per_day * (alike // size % size), per_day * (alike % size)
    none_new = np.zeros(len(counts))
    terms = ((1, 0, 0), (-1, 1, 0), (1, 1, 1))  # the sign, and whether "none before" and "none now" are in it
    for chosen in product(terms, repeat=len(CATEGORIES)):
        shares = list(zip(CATEGORIES.values(), chosen, strict=True))
        expected = sum(share * b for share, (_, b, _) in shares) * before
        expected = expected + sum(share * n for share, (_, _, n) in shares) * inside
        none_new += prod(sign for sign, _, _ in chosen) * no_order_probability(rates, expected)
    buys = (
        1
        - no_order_probability(rates, before)
        - no_order_probability(rates, inside)
        + no_order_probability(rates, before + inside)
    )
    return 1 - float(counts @ (none_new - no_order_probability(rates, inside)) / (counts @ buys))


def _growth(rates: Rates, base: CustomerBase, period: TruthPeriod) -> Figures:
    """Growth of the expected revenue. Guests order when customers do.

    A month is set against the same weekdays 52 weeks before, a quarter or a year against the same days of the calendar, 29
    February left out. Of what is refunded, on either side that is known as long after its end as the data reach beyond the window's.
    """

    def revenue(first: float, last: float, until: float, leap_days: bool = True) -> float:
        sold = 0.0
        for year, (begins, ends) in enumerate(pairwise(EDGES)):
            leap = begins + _29_FEBRUARY if ends - begins == 366 and not leap_days else ends
            for a, b in ((begins, leap), (leap + 1, ends)):
                a, b = max(first, a), min(last, b)
                if a < b:
                    bought = expected_orders(rates, base, base.days(a, b)).sum()
                    sold += rates.order_value[year] * net_of_refunds(rates, a, b, until)[1] * bought
        return sold

    after = DAYS - period.last
    month, now = len(period.months) == 1, (period.first, period.last)
    spans = [tuple(day - _LIKE * back for day in now) for back in range(1, period.place + 1)]
    if not month:
        spans, before = [], period
        while before := before.year_before:
            spans.append((before.first, before.last))
    here = revenue(*now, DAYS, month)
    sold = [revenue(*span, span[1] + after, month) for span in spans]
    previous = _previous(period)
    per_day = revenue(*previous, previous[1] + after) / (previous[1] - previous[0])
    values = {("sales_growth", ""): here / sold[0] - 1}
    if len(period.months) < 12:  # of a year the previous period is the year before
        values["sales_growth", "vs previous period"] = revenue(*now, DAYS) / (now[1] - now[0]) / per_day - 1
    if len(spans) > 1:
        values["sales_growth", "CAGR"] = (here / sold[-1]) ** (1 / len(spans)) - 1
    return {key: 100 * value for key, value in values.items()}


def _previous(period: TruthPeriod) -> tuple[int, int]:
    """The days of as many calendar months just before."""
    first = period.first
    for _ in period.months:
        first = TruthPeriod(_year_of(first - 1), first - 1, first).months[0][1]
    return first, period.first


def _year_of(day: int) -> int:
    return int(np.searchsorted(EDGES, day, side="right") - 1)


def _parts(before: dict[str, float], now: dict[str, float], guests: float) -> Figures:
    """The logarithmic mean Divisia index of the expected figures."""
    mean = (now["net"] - before["net"]) / np.log(now["net"] / before["net"])

    def owed(of: str, per: str | None = None) -> float:
        factors = [side[of] / (side[per] if per else 1) for side in (before, now)]
        return mean * float(np.log(factors[1] / factors[0]))

    values = {
        "comparison": before["net"] * (1 + guests),
        "customers": owed("buyers"),
        "frequency": owed("orders", "buyers"),
        "order value": owed("net", "orders"),
        "current": now["net"] * (1 + guests),
    }
    if guests:
        values["without a customer"] = (now["net"] - before["net"]) * guests
    return {("revenue_bridge", part): value for part, value in values.items()}
