"""True worth of customers, in closed form: everybody leaves at a constant rate, as in the year, and orders as before."""

from itertools import pairwise

import numpy as np

from crmnb.simulate.lives import Lives
from crmnb.simulate.rates import DISCOUNT, EDGES, HORIZON, REGIONS, Rates
from crmnb.simulate.truth_sales import none_in, order_value, under_contract

Figures = dict[tuple[str, str], float]
_MONTHS = 12


def worth(rates: Rates, lives: Lives, place: int, at_start: float) -> Figures:
    """What customers at a year's end and newly won ones are worth, and how many will be lost, if all goes on as in the year.

    Margin comes in evenly while a customer stays, m a year, and with a rate of leaving h and a discount d (its logarithm) so much
    is worth m (1 - exp(-(h + d) T)) / (h + d) over T years; each region has its own h. Who leaves does not come back here.
    """
    first, last = EDGES[place], EDGES[place + 1]
    a_year = rates.orders * order_value(rates, place) * rates.margin
    leaving = -np.log(lives.stays[place]) / ((last - first) / 365.25)
    there = np.bincount(lives.region[lives.under_contract(last)], minlength=len(REGIONS))
    at_end = at_start * there.sum() / lives.at_start[place]
    there, new = there / there.sum(), np.array(list(REGIONS.values()))

    def value(shares: np.ndarray, years: float, discount: float = DISCOUNT) -> float:
        gone = leaving + np.log1p(discount)
        return a_year * float(shares @ (-np.expm1(-gone * years) / gone))

    paid_back = [value(new, (month + 1) / _MONTHS, 0) >= rates.cac[place] for month in range(_MONTHS * 10)]
    return {
        ("clv_predicted", ""): value(there, HORIZON / _MONTHS),
        ("clv_residual", ""): value(there, np.inf),
        ("customer_acquisition_cost", ""): rates.cac[place],
        ("clv_to_cac", ""): value(new, HORIZON / _MONTHS) / rates.cac[place],
        ("cac_payback_months", ""): 1 + paid_back.index(True),
        ("at_risk_customers", ""): at_end * float(there @ -np.expm1(-leaving * 365 / 365.25)),
        ("clv_simple", ""): _by_the_textbook(rates, lives, place),
    }


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
