"""The simulated customers: when they join, leave and return, their region and their plan."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

from crmnb.demo.parameters import DAYS, EDGES, LOW_REGION, PLANS, REGIONS, YEARS, Rates

MIN_ABSENCE = 400  # minimum days of absence, so that nobody leaves and returns within a year
_MEAN_EXTRA_ABSENCE = 150  # mean days beyond the minimum
_MAX_TENURE = 12_000  # days before the first year for which the client has existed
_UNLISTED = 0.005  # of the customers: on no list, so that what refers to them refers to nobody
_YEAR = 365.0  # days: the length of a year before the first year
_IS_LOW_REGION = np.array([name == LOW_REGION for name in REGIONS])


@dataclass(frozen=True)
class CustomerBase:
    """The customers: region and plan (indexes of REGIONS, PLANS) and contract spells: `begins`, `ends` in days, a column per spell.

    Infinite means not observed. By year: `at_start`, the number of customers at its start; `retained`, the share of each
    region and plan that is retained through it. `joiner_shares` are the shares of each region and plan among new customers
    (0 for groups excluded by `select`).
    """

    region: np.ndarray
    plan: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    at_start: np.ndarray
    retained: np.ndarray
    joiner_shares: np.ndarray

    def under_contract(self, day: float) -> np.ndarray:
        """Whether each is a customer on a day."""
        return under_contract(self.begins, self.ends, day)

    def spells(self, first: float, last: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The spells inside [first, last): the customer (a row number), which spell (0 or 1), its begin and end there."""
        begins, ends = np.maximum(self.begins, first), np.minimum(self.ends, last)
        who, which = np.nonzero(begins < ends)
        return who, which, begins[who, which], ends[who, which]

    def days(self, first: float, last: float) -> np.ndarray:
        """The days under contract of each customer in [first, last)."""
        return (np.minimum(self.ends, last) - np.maximum(self.begins, first)).clip(0).sum(axis=1)

    def select(self, region: str = "", plan: str = "") -> "CustomerBase":
        """The customers of a region or a plan. `at_start` stays that of all customers, the denominator of counts."""
        of_group = np.ones((len(REGIONS), len(PLANS)), bool)
        of_group &= (np.array(list(REGIONS)) == region)[:, None] | (not region)
        of_group &= (np.array(list(PLANS)) == plan)[None, :] | (not plan)
        group = of_group[self.region, self.plan]
        columns = {name: getattr(self, name)[group] for name in ("region", "plan", "begins", "ends")}
        return replace(self, joiner_shares=np.where(of_group, self.joiner_shares, 0), **columns)


def churn_multiples(rates: Rates) -> np.ndarray:
    """The plans' multiples of the churn rate."""
    return np.array([plan.churn_multiple for plan in PLANS.values()]) ** rates.plan_effect


def order_multiples(rates: Rates) -> np.ndarray:
    """The plans' multiples of the order rate, scaled so that new customers order at the rate `orders`."""
    multiples = np.array([plan.order_multiple for plan in PLANS.values()]) ** rates.plan_effect
    return multiples / (multiples @ [plan.share for plan in PLANS.values()])


def simulate_customers(rates: Rates, customers: int, rng: np.random.Generator) -> CustomerBase:
    """Simulate so many customers at the start, and all who join later.

    Within a year the customers of a region and plan leave at a constant rate, independent of tenure; the rates of the plans
    are multiples of each other. Of the customers at the start of a year, the share `retention` is retained, and `gap` less
    in the low region. The number of new customers is Poisson, `won` per customer at the start; they join evenly over the
    year. The customers at the start of the first year have the mix and the tenures of a steady state, limited by the
    client's age. Former customers who left in the two years before and will return are included.
    """
    joiner_shares = np.outer(list(REGIONS.values()), [plan.share for plan in PLANS.values()])
    begins, ends, kind = _before(rates, customers, joiner_shares, rng)
    at_start, retained = np.empty(len(YEARS), int), np.empty((len(YEARS), *joiner_shares.shape))
    for year, (first, last) in enumerate(pairwise(EDGES)):
        present = np.bincount(kind[under_contract(begins, ends, first)], minlength=joiner_shares.size)
        at_start[year] = present.sum()
        hazard = _find_churn_rates(rates, year, present.reshape(joiner_shares.shape), joiner_shares)
        retained[year] = np.exp(-hazard)
        new = rng.poisson(rates.won[year] * at_start[year])
        come = np.column_stack([rng.uniform(first, last, new), np.full(new, np.inf)])
        begins, ends = np.vstack([begins, come]), np.vstack([ends, np.full((new, 2), np.inf)])
        kind = np.concatenate([kind, rng.choice(joiner_shares.size, new, p=joiner_shares.ravel())])
        _simulate_churn(begins, ends, hazard.ravel()[kind] / (last - first), (first, last), rates.reactivation, rng)
    begins[begins >= EDGES[-1]] = np.inf  # returns after the last day are not observed
    return CustomerBase(*np.divmod(kind, len(PLANS)), begins, ends, at_start, retained, joiner_shares)


def find_steady_state(rates: Rates) -> tuple[np.ndarray, np.ndarray]:
    """By region and plan: the shares of new customers, and the yearly churn rate in the steady state.

    In the steady state the number of customers of a group is that of its new customers divided by its churn rate.
    """
    joiner_shares = np.outer(list(REGIONS.values()), [plan.share for plan in PLANS.values()])
    present = joiner_shares
    for _ in range(30):  # it converges earlier
        hazard = _find_churn_rates(rates, 0, present, joiner_shares)
        present = joiner_shares / hazard
    return joiner_shares, hazard


def _find_churn_rates(rates: Rates, year: int, present: np.ndarray, joiner_shares: np.ndarray) -> np.ndarray:
    """The churn rates in a year by region and plan, for so many customers (`present`) at its start."""
    there = present.sum(axis=1)
    worse = there[_IS_LOW_REGION].sum() / max(there.sum(), 1e-9)
    retained = rates.retention[year] + rates.gap * np.where(_IS_LOW_REGION, worse - 1, worse)
    mix = np.where(there[:, None] > 0, present, joiner_shares)
    multiples, mix = churn_multiples(rates), mix / mix.sum(axis=1, keepdims=True)
    usual = [
        brentq(lambda rate, of=of, share=share: of @ np.exp(-rate * multiples) - share, 0, 1e4)
        for of, share in zip(mix, retained, strict=True)
    ]
    return np.outer(usual, multiples)


def _before(rates: Rates, customers: int, joiner_shares: np.ndarray, rng: np.random.Generator):
    """The spells and the region and plan (an index) of the customers at the start and of former customers who will return."""
    _, hazard = find_steady_state(rates)
    present = joiner_shares / hazard
    there = rng.choice(joiner_shares.size, customers, p=(present / present.sum()).ravel())
    left = -rng.uniform(0, 2 * _YEAR, rng.poisson(2 * (1 - rates.retention[0]) * rates.reactivation * customers))
    back = left + _draw_absences(len(left), rng)
    left, back = left[back > 0], back[back > 0]
    kind = np.concatenate([there, rng.choice(joiner_shares.size, len(left), p=joiner_shares.ravel())])
    begins, ends = np.full((2, len(kind), 2), np.inf)
    ends[customers:, 0], begins[customers:, 1] = left, back
    rate = hazard.ravel()[kind] / _YEAR
    since = -np.log1p(rng.random(len(kind)) * np.expm1(-rate * _MAX_TENURE)) / rate  # exponential, if under _OLDEST
    begins[:, 0] = np.concatenate([np.zeros(customers), left]) - since.clip(0.01)
    return begins, ends, kind


def _simulate_churn(
    begins, ends, hazard, year: tuple[float, float], reactivation: float, rng: np.random.Generator
) -> None:
    """Enter the churn and the returns of a year in `begins` and `ends`."""
    first, last = year
    for spell in (0, 1):
        leaving_days = begins[:, spell].clip(first) + rng.exponential(1 / hazard)
        leaves = (begins[:, spell] < last) & np.isinf(ends[:, spell]) & (leaving_days < last)
        ends[leaves, spell] = leaving_days[leaves]
        if spell == 0:
            back = leaves & (rng.random(len(leaving_days)) < reactivation)
            begins[back, 1] = leaving_days[back] + _draw_absences(back.sum(), rng)


def _draw_absences(count: int, rng: np.random.Generator) -> np.ndarray:
    """The days of absence of returning customers."""
    return MIN_ABSENCE + rng.exponential(_MEAN_EXTRA_ABSENCE, count)


def under_contract(begins: np.ndarray, ends: np.ndarray, day: float) -> np.ndarray:
    """Whether each is a customer on a day."""
    return ((begins < day) & (ends >= day)).any(axis=1)


def draw_events(base: CustomerBase, per_year: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Random events under contract: the customer's row number and the day of each.

    per_year: the mean number per year of each customer.
    """
    who, _, begin, end = base.spells(0, DAYS)
    count = rng.poisson(per_year[who] * (end - begin) / 365.25)
    return np.repeat(who, count), rng.uniform(np.repeat(begin, count), np.repeat(end, count))


def are_listed(customers: int, rng: np.random.Generator) -> np.ndarray:
    """Which of so many customers are on the list of customers."""
    return rng.random(customers) >= _UNLISTED
