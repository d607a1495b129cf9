"""True worth of customers, in closed form: they leave at the rates of the years seen, and order as in the last one."""

from collections.abc import Iterable
from itertools import pairwise

import numpy as np

from crmnb.simulate.lives import Lives
from crmnb.simulate.rates import DISCOUNT, EDGES, HORIZON, REGIONS, Rates
from crmnb.simulate.truth_sales import none_in, order_value, under_contract

Figures = dict[tuple[str, str], float]
_MONTHS = 12


def worth(rates: Rates, lives: Lives, place: int) -> Figures:
    """What customers at a year's end and newly won ones are worth, and how many will be lost within 365 days (per customer at
    the year's start), if they go on as customers did so far.

    Margin comes in evenly while a customer stays, m a year, and with a rate of leaving h and a discount d (its logarithm) so much
    is worth m (1 - exp(-(h + d) T)) / (h + d) over T years; each region has its own h. Who leaves does not come back here.
    """
    a_year = rates.orders * order_value(rates, place) * rates.margin
    last, so_far = EDGES[place + 1], _leaving(lives, range(place + 1))
    there = np.bincount(lives.region[lives.under_contract(last)], minlength=len(REGIONS))
    at_end = there.sum() / lives.at_start[place]
    there, new = there / there.sum(), np.array(list(REGIONS.values()))

    def value(shares: np.ndarray, years: float) -> float:
        gone = so_far + np.log1p(DISCOUNT)
        return a_year * float(shares @ (-np.expm1(-gone * years) / gone))

    of_year, months = _leaving(lives, [place]), np.arange(1, 10 * _MONTHS)
    brought = a_year * (new @ (-np.expm1(-np.outer(of_year, months / _MONTHS)) / of_year[:, None]))
    return {
        ("clv_predicted", ""): value(there, HORIZON / _MONTHS),
        ("clv_residual", ""): value(there, np.inf),
        ("customer_acquisition_cost", ""): rates.cac[place],
        ("clv_to_cac", ""): value(new, HORIZON / _MONTHS) / rates.cac[place],
        ("cac_payback_months", ""): months[np.argmax(brought >= rates.cac[place])],
        ("at_risk_customers", ""): at_end * float(there @ -np.expm1(-so_far * 365 / 365.25)),
        ("clv_simple", ""): _by_the_textbook(rates, lives, place),
    }


def _leaving(lives: Lives, places: Iterable[int]) -> np.ndarray:
    """The rate of leaving of each region, a year (of 365.25 days): the mean of some of the years, by how long they were watched."""
    found, watched = [], []
    for place in places:
        first, last = EDGES[place], EDGES[place + 1]
        found.append(-np.log(lives.stays[place]) / ((last - first) / 365.25))
        watched.append(np.bincount(lives.region, under_contract(lives, first, last), len(REGIONS)))
    return np.average(found, axis=0, weights=watched)


def _by_the_textbook(rates: Rates, lives: Lives, place: int) -> float:
    """Margin of an order x orders a year per buyer x 1 / yearly churn, each as it is on average."""
    inside = under_contract(lives, EDGES[place], EDGES[place + 1])
    per_buyer = rates.orders / 365.25 * inside.sum() / (1 - none_in(rates, inside)).sum()
    years = (EDGES[place + 1] - EDGES[place]) / 365.25
    churn = 1 - rates.retention[place] ** (1 / years)
    return order_value(rates, place) * rates.margin * per_buyer / years / churn


def drivers(lives: Lives, place: int) -> Figures:
    """How much faster each region is lost than the largest, over the years until this one's end.

    A region's rate over another's changes a little from year to year: the mean of the logarithms, by the losses of each year.
    """
    largest = max(REGIONS, key=REGIONS.get)
    rate = np.log(lives.stays[: place + 1])
    ended = lives.ends[:, 0]
    lost = [((ended >= a) & (ended < b)).sum() for a, b in list(pairwise(EDGES))[: place + 1]]
    against = np.average(np.log(rate / rate[:, [list(REGIONS).index(largest)]]), axis=0, weights=lost)
    return {
        ("churn_drivers", f"region: {name} against {largest}"): float(np.exp(each))
        for name, each in zip(REGIONS, against, strict=True)
        if name != largest
    }
