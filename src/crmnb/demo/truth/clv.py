"""True worth of customers, in closed form: they leave at the rates of the years seen, and order as in the last one."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from crmnb.demo.customers import Lives, leaving, ordering
from crmnb.demo.parameters import DISCOUNT, EDGES, HORIZON, PLANS, REGIONS, Rates
from crmnb.demo.truth.periods import Window
from crmnb.demo.truth.sales import expected_orders, left_of_it, none_in, order_value

Figures = dict[tuple[str, str], float]
_MONTHS = 12


def worth(rates: Rates, lives: Lives, window: Window) -> Figures:
    """What customers at a window's end and newly won ones are worth, and how many will be lost within 365 days (per customer at
    the year's start), if they go on as customers did so far.

    Margin comes in evenly while a customer stays, m a year, and with a rate of leaving h and a discount d (its logarithm) so much
    is worth m (1 - exp(-(h + d) T)) / (h + d) over T years; each region and plan has its own h, and each plan its own m. Who
    leaves does not come back here.
    """
    place, last = window.place, window.last
    of_order = left_of_it(rates, window.first, last)[1] * rates.order_value[place] * rates.margin
    a_year = np.broadcast_to(rates.orders * ordering(rates) * of_order, lives.joins.shape)
    so_far, of_year = _leaving(lives, range(place + 1)), _leaving(lives, [place])
    present = lives.under_contract(last)
    there = np.zeros(lives.joins.shape)
    np.add.at(there, (lives.region[present], lives.plan[present]), 1 / lives.at_start[place])
    new, gone = lives.joins / lives.joins.sum(), so_far + np.log1p(DISCOUNT)

    def value(shares: np.ndarray, years: float) -> float:
        return float((shares / shares.sum() * a_year * -np.expm1(-gone * years) / gone).sum())

    months = np.arange(1, 10 * _MONTHS)
    brought = [(new * a_year * -np.expm1(-of_year * month / _MONTHS) / of_year).sum() for month in months]
    return {
        ("predicted_clv", ""): value(there, HORIZON / _MONTHS),
        ("residual_clv", ""): value(there, np.inf),
        ("customer_acquisition_cost", ""): rates.cac[place],
        ("clv_to_cac", ""): value(new, HORIZON / _MONTHS) / rates.cac[place],
        ("cac_payback_period", ""): months[np.argmax(np.array(brought) >= rates.cac[place])],
        ("expected_churn", ""): float((there * -np.expm1(-so_far * 365 / 365.25)).sum()),
        ("simple_clv", ""): _by_the_textbook(rates, lives, window),
    }


def _leaving(lives: Lives, places: Iterable[int]) -> np.ndarray:
    """The rate of leaving of each region and plan, a year (of 365.25 days): the mean of some of the years, by how long they were watched."""
    found, watched = [], []
    for place in places:
        first, last = EDGES[place], EDGES[place + 1]
        found.append(-np.log(lives.stays[place]) / ((last - first) / 365.25))
        kind = lives.region * len(PLANS) + lives.plan
        days = np.bincount(kind, lives.days(first, last), lives.joins.size)
        watched.append(days.reshape(lives.joins.shape) + 1e-9)
    return np.average(found, axis=0, weights=watched)


def _by_the_textbook(rates: Rates, lives: Lives, window: Window) -> float:
    """Margin of an order x orders a year per buyer x 1 / yearly churn, each as it is on average."""
    expected = expected_orders(rates, lives, lives.days(window.first, window.last))
    counted = left_of_it(rates, window.first, window.last)[0]
    per_buyer = counted * expected.sum() / (1 - none_in(rates, expected)).sum()
    churn = 1 - retention(lives, window) ** (1 / window.years)
    return order_value(rates, window) * rates.margin * per_buyer / window.years / churn


def retention(lives: Lives, window: Window) -> float:
    """The share of those there at a window's start who stay through it, each region and plan as it does."""
    present = lives.under_contract(window.first)
    return float((lives.stays[window.place][lives.region[present], lives.plan[present]] ** window.share).mean())


def drivers(rates: Rates, lives: Lives, window: Window) -> Figures:
    """How much faster each region and plan is lost than the largest, the other held, over the years until this one's end.

    Those of plans are multiples of each other. A region's rate over another's changes a little from year to year: the mean of
    the logarithms, by the losses of each year.
    """
    region, plan = max(REGIONS, key=REGIONS.get), max(PLANS, key=lambda name: PLANS[name].share)
    rate = np.log(lives.stays[: window.place + 1, :, 0])
    ended = lives.ends[:, 0]
    lost = [((ended >= a) & (ended < b)).sum() for a, b in list(pairwise(EDGES))[: window.place + 1]]
    of_region = np.average(np.log(rate / rate[:, [list(REGIONS).index(region)]]), axis=0, weights=lost)
    of_plan = np.log(leaving(rates) / leaving(rates)[list(PLANS).index(plan)])
    beside = [("region", region, REGIONS, of_region), ("plan", plan, PLANS, of_plan)]
    return {
        ("churn_drivers", f"{segment}: {name} vs {largest}"): float(np.exp(log_ratio))
        for segment, largest, names, log_ratios in beside
        for name, log_ratio in zip(names, log_ratios, strict=True)
        if name != largest
    }
