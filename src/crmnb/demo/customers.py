"""Lives: when made-up customers come, leave and come back, where they live and what plan they have."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from scipy.optimize import brentq

from crmnb.demo.parameters import DAYS, EDGES, PLANS, REGIONS, WORSE, YEARS, Rates

AWAY = 400  # days that a lost customer stays away at least, so that nobody leaves and returns within a year
_MORE_AWAY = 150  # days on average beyond that
_OLDEST = 12_000  # days before the first year since which the client has had customers
_YEAR = 365.0  # days, for which the rates of those who come before the first year hold
_WORSE = np.array([name == WORSE for name in REGIONS])


@dataclass(frozen=True)
class Lives:
    """Customers' regions and plans (places in REGIONS, PLANS) and spells under contract: `begins`, `ends` in days, a column per spell.

    Infinite is what was not seen. By year: `at_start`, how many were customers at its start; `stays`, the share of each
    region and plan that stays through it. `joins` is the share of each region and plan in those who join (those of others
    than the group that was chosen by `only` are 0).
    """

    region: np.ndarray
    plan: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    at_start: np.ndarray
    stays: np.ndarray
    joins: np.ndarray

    def under_contract(self, day: float) -> np.ndarray:
        """Who is a customer on a day (true or false)."""
        return under_contract(self.begins, self.ends, day)

    def spells(self, first: float, last: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The spells inside [first, last): the customer (a row number), which spell (0 or 1), its begin and end there."""
        begins, ends = np.maximum(self.begins, first), np.minimum(self.ends, last)
        who, which = np.nonzero(begins < ends)
        return who, which, begins[who, which], ends[who, which]

    def days(self, first: float, last: float) -> np.ndarray:
        """The days under contract of each customer in [first, last)."""
        return (np.minimum(self.ends, last) - np.maximum(self.begins, first)).clip(0).sum(axis=1)

    def only(self, region: str = "", plan: str = "") -> "Lives":
        """The customers of a region, or of a plan. `at_start` stays that of all: what figures of counts are out of."""
        of_group = np.ones((len(REGIONS), len(PLANS)), bool)
        of_group &= (np.array(list(REGIONS)) == region)[:, None] | (not region)
        of_group &= (np.array(list(PLANS)) == plan)[None, :] | (not plan)
        group = of_group[self.region, self.plan]
        columns = {name: getattr(self, name)[group] for name in ("region", "plan", "begins", "ends")}
        return replace(self, joins=np.where(of_group, self.joins, 0), **columns)


def leaving(rates: Rates) -> np.ndarray:
    """The plans' multiples of the rate of leaving."""
    return np.array([plan.leaving for plan in PLANS.values()]) ** rates.plan_effect


def ordering(rates: Rates) -> np.ndarray:
    """The plans' multiples of the rate of ordering, such that those who join order at the rate that is the argument."""
    multiples = np.array([plan.ordering for plan in PLANS.values()]) ** rates.plan_effect
    return multiples / (multiples @ [plan.share for plan in PLANS.values()])


def live(rates: Rates, customers: int, rng: np.random.Generator) -> Lives:
    """The lives of so many customers at the start, and of those who join them.

    In a year the customers of a region and plan leave at a constant rate, the same for old and new; those of plans are
    multiples of each other. A region's is such that of the customers at the year's start, as they are spread over regions
    and plans, the share `retention` stays, and `gap` fewer in the region that is worse. The number won is Poisson, `won` per
    customer at the start; they come evenly over the year. Those at the first year's start are as many of each kind, and as
    long with the client, as if it had always gone so, if not longer than the client has existed. Of those who left in the
    two years before, the ones who will come back are there from the beginning.
    """
    joins = np.outer(list(REGIONS.values()), [plan.share for plan in PLANS.values()])
    begins, ends, kind = _before(rates, customers, joins, rng)
    at_start, stays = np.empty(len(YEARS), int), np.empty((len(YEARS), *joins.shape))
    for year, (first, last) in enumerate(pairwise(EDGES)):
        present = np.bincount(kind[under_contract(begins, ends, first)], minlength=joins.size)
        at_start[year] = present.sum()
        hazard = _hazards(rates, year, present.reshape(joins.shape), joins)
        stays[year] = np.exp(-hazard)
        new = rng.poisson(rates.won[year] * at_start[year])
        come = np.column_stack([rng.uniform(first, last, new), np.full(new, np.inf)])
        begins, ends = np.vstack([begins, come]), np.vstack([ends, np.full((new, 2), np.inf)])
        kind = np.concatenate([kind, rng.choice(joins.size, new, p=joins.ravel())])
        _leave(begins, ends, hazard.ravel()[kind] / (last - first), (first, last), rates.win_back, rng)
    begins[begins >= EDGES[-1]] = np.inf  # who comes back later is not seen to
    return Lives(*np.divmod(kind, len(PLANS)), begins, ends, at_start, stays, joins)


def settled(rates: Rates) -> tuple[np.ndarray, np.ndarray]:
    """Of each region and plan, the share of those who join, and the yearly rate of leaving once their numbers stay the same.

    There are then as many of a kind as join it, divided by its rate.
    """
    joins = np.outer(list(REGIONS.values()), [plan.share for plan in PLANS.values()])
    present = joins
    for _ in range(30):  # it settles long before
        hazard = _hazards(rates, 0, present, joins)
        present = joins / hazard
    return joins, hazard


def _hazards(rates: Rates, year: int, present: np.ndarray, joins: np.ndarray) -> np.ndarray:
    """The rate of leaving in a year of each region and plan, by how many customers of each (`present`) it begins with."""
    there = present.sum(axis=1)
    worse = there[_WORSE].sum() / max(there.sum(), 1e-9)
    stays = rates.retention[year] + rates.gap * np.where(_WORSE, worse - 1, worse)
    mix = np.where(there[:, None] > 0, present, joins)
    multiples, mix = leaving(rates), mix / mix.sum(axis=1, keepdims=True)
    usual = [
        brentq(lambda rate, of=of, share=share: of @ np.exp(-rate * multiples) - share, 0, 1e4)
        for of, share in zip(mix, stays, strict=True)
    ]
    return np.outer(usual, multiples)


def _before(rates: Rates, customers: int, joins: np.ndarray, rng: np.random.Generator):
    """The spells, and the region and plan (a place in `joins`), of those who are customers at the start, and of former ones who will come back."""
    _, hazard = settled(rates)
    present = joins / hazard
    there = rng.choice(joins.size, customers, p=(present / present.sum()).ravel())
    left = -rng.uniform(0, 2 * _YEAR, rng.poisson(2 * (1 - rates.retention[0]) * rates.win_back * customers))
    back = left + _away(len(left), rng)
    left, back = left[back > 0], back[back > 0]
    kind = np.concatenate([there, rng.choice(joins.size, len(left), p=joins.ravel())])
    begins, ends = np.full((2, len(kind), 2), np.inf)
    ends[customers:, 0], begins[customers:, 1] = left, back
    rate = hazard.ravel()[kind] / _YEAR
    since = -np.log1p(rng.random(len(kind)) * np.expm1(-rate * _OLDEST)) / rate  # exponential, if under _OLDEST
    begins[:, 0] = np.concatenate([np.zeros(customers), left]) - since.clip(0.01)
    return begins, ends, kind


def _leave(begins, ends, hazard, year: tuple[float, float], win_back: float, rng: np.random.Generator) -> None:
    """Who leaves in a year, and when those who come back do: entered in `begins` and `ends`."""
    first, last = year
    for spell in (0, 1):
        gone = begins[:, spell].clip(first) + rng.exponential(1 / hazard)
        leaves = (begins[:, spell] < last) & np.isinf(ends[:, spell]) & (gone < last)
        ends[leaves, spell] = gone[leaves]
        if spell == 0:
            back = leaves & (rng.random(len(gone)) < win_back)
            begins[back, 1] = gone[back] + _away(back.sum(), rng)


def _away(many: int, rng: np.random.Generator) -> np.ndarray:
    """For how many days those who come back are gone."""
    return AWAY + rng.exponential(_MORE_AWAY, many)


def under_contract(begins: np.ndarray, ends: np.ndarray, day: float) -> np.ndarray:
    """Who of them is a customer on a day (true or false)."""
    return ((begins < day) & (ends >= day)).any(axis=1)


def events(lives: Lives, per_year: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Events that come by chance while a customer is under contract: the customer's row number and the day of each.

    per_year: how many a year each customer has on average.
    """
    who, _, begin, end = lives.spells(0, DAYS)
    many = rng.poisson(per_year[who] * (end - begin) / 365.25)
    return np.repeat(who, many), rng.uniform(np.repeat(begin, many), np.repeat(end, many))
