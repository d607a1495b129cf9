"""True customer lifetime values in closed form: churn at the rates observed so far, orders as in the last year."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from crmnb.demo.customers import CustomerBase, churn_multiples, order_multiples
from crmnb.demo.parameters import DISCOUNT, EDGES, HORIZON, PLANS, REGIONS, Rates
from crmnb.demo.truth.periods import TruthPeriod
from crmnb.demo.truth.sales import expected_orders, net_of_refunds, no_order_probability, order_value

Figures = dict[tuple[str, str], float]
_MONTHS = 12


def clv_figures(rates: Rates, base: CustomerBase, period: TruthPeriod) -> Figures:
    """What customers at a window's end and newly won ones are worth, and how many will be lost within 365 days (per customer at
    the year's start), if they go on as customers did so far.

    Margin comes in evenly while a customer stays, m a year, and with a rate of leaving h and a discount d (its logarithm) so much
    is worth m (1 - exp(-(h + d) T)) / (h + d) over T years; each region and plan has its own h, and each plan its own m. Who
    leaves does not come back here.
    """
    place, last = period.place, period.last
    of_order = net_of_refunds(rates, period.first, last)[1] * rates.order_value[place] * rates.margin
    a_year = np.broadcast_to(rates.orders * order_multiples(rates) * of_order, base.joiner_shares.shape)
    so_far, of_year = _leaving(base, range(place + 1)), _leaving(base, [place])
    present = base.under_contract(last)
    there = np.zeros(base.joiner_shares.shape)
    np.add.at(there, (base.region[present], base.plan[present]), 1 / base.at_start[place])
    new, discounted_churn = base.joiner_shares / base.joiner_shares.sum(), so_far + np.log1p(DISCOUNT)

    def value(shares: np.ndarray, years: float) -> float:
        return float((shares / shares.sum() * a_year * -np.expm1(-discounted_churn * years) / discounted_churn).sum())

    months = np.arange(1, 10 * _MONTHS)
    brought = [(new * a_year * -np.expm1(-of_year * month / _MONTHS) / of_year).sum() for month in months]
    return {
        ("predicted_clv", ""): value(there, HORIZON / _MONTHS),
        ("residual_clv", ""): value(there, np.inf),
        ("customer_acquisition_cost", ""): rates.cac[place],
        ("clv_to_cac", ""): value(new, HORIZON / _MONTHS) / rates.cac[place],
        ("cac_payback_period", ""): months[np.argmax(np.array(brought) >= rates.cac[place])],
        ("expected_churn", ""): float((there * -np.expm1(-so_far * 365 / 365.25)).sum()),
        ("simple_clv", ""): _simple_clv(rates, base, period),
    }


def _leaving(base: CustomerBase, places: Iterable[int]) -> np.ndarray:
    """The rate of leaving of each region and plan, a year (of 365.25 days): the mean of some of the years, by how long they were watched."""
    rates_by_year, exposures = [], []
    for place in places:
        first, last = EDGES[place], EDGES[place + 1]
        rates_by_year.append(-np.log(base.retained[place]) / ((last - first) / 365.25))
        kind = base.region * len(PLANS) + base.plan
        days = np.bincount(kind, base.days(first, last), base.joiner_shares.size)
        exposures.append(days.reshape(base.joiner_shares.shape) + 1e-9)
    return np.average(rates_by_year, axis=0, weights=exposures)


def _simple_clv(rates: Rates, base: CustomerBase, period: TruthPeriod) -> float:
    """Margin of an order x orders a year per buyer x 1 / yearly churn, each as it is on average."""
    expected = expected_orders(rates, base, base.days(period.first, period.last))
    counted = net_of_refunds(rates, period.first, period.last)[0]
    per_buyer = counted * expected.sum() / (1 - no_order_probability(rates, expected)).sum()
    churn = 1 - retention(base, period) ** (1 / period.years)
    return order_value(rates, period) * rates.margin * per_buyer / period.years / churn


def retention(base: CustomerBase, period: TruthPeriod) -> float:
    """The share of those there at a window's start who stay through it, each region and plan as it does."""
    present = base.under_contract(period.first)
    return float((base.retained[period.place][base.region[present], base.plan[present]] ** period.share).mean())


def churn_drivers(rates: Rates, base: CustomerBase, period: TruthPeriod) -> Figures:
    """How much faster each region and plan is lost than the largest, the other held, over the years until this one's end.

    Those of plans are multiples of each other. A region's rate over another's changes a little from year to year: the mean of
    the logarithms, by the losses of each year.
    """
    region, plan = max(REGIONS, key=REGIONS.get), max(PLANS, key=lambda name: PLANS[name].share)
    rate = np.log(base.retained[: period.place + 1, :, 0])
    ended = base.ends[:, 0]
    lost = [((ended >= a) & (ended < b)).sum() for a, b in list(pairwise(EDGES))[: period.place + 1]]
    of_region = np.average(np.log(rate / rate[:, [list(REGIONS).index(region)]]), axis=0, weights=lost)
    of_plan = np.log(churn_multiples(rates) / churn_multiples(rates)[list(PLANS).index(plan)])
    segmentations = [("region", region, REGIONS, of_region), ("plan", plan, PLANS, of_plan)]
    return {
        ("churn_drivers", f"{segment}: {name} vs {largest}"): float(np.exp(log_ratio))
        for segment, largest, names, log_ratios in segmentations
        for name, log_ratio in zip(names, log_ratios, strict=True)
        if name != largest
    }
