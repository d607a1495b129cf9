"""Lives: when made-up customers come, leave and come back."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from crmnb.simulate.rates import DAYS, EDGES, REGIONS, WORSE, YEARS, Rates

AWAY = 400  # days that a lost customer stays away at least, so that nobody leaves and returns within a year
_MORE_AWAY = 150  # days on average beyond that
_SHARES = np.array(list(REGIONS.values()))
_WORSE = np.array([name == WORSE for name in REGIONS])


@dataclass(frozen=True)
class Lives:
    """Customers' regions (a place in REGIONS) and spells under contract: `begins`, `ends` in days, a column per spell.

    Infinite is what was not seen. By year: `at_start`, how many were customers at its start; `stays`, the share of each
    region that stays through it.
    """

    region: np.ndarray
    begins: np.ndarray
    ends: np.ndarray
    at_start: np.ndarray
    stays: np.ndarray

    def under_contract(self, day: float) -> np.ndarray:
        """Who is a customer on a day (true or false)."""
        return under_contract(self.begins, self.ends, day)

    def spells(self, first: float, last: float) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """The spells inside [first, last): the customer (a row number), which spell (0 or 1), its begin and end there."""
        begins, ends = self.begins.clip(first), self.ends.clip(None, last)
        who, which = np.nonzero(begins < ends)
        return who, which, begins[who, which], ends[who, which]


def live(rates: Rates, customers: int, rng: np.random.Generator) -> Lives:
    """The lives of so many customers at the start, and of those who join them.

    In a year everybody leaves at a constant rate, the same for old and new. A region's is such that of the customers at
    the year's start, as they are spread over the regions, the share `retention` stays, and `gap` fewer in the region that
    is worse. The number won is Poisson, `won` per customer at the start; they come evenly over the year. Of those who left
    in the two years before, the ones who will come back are there from the beginning.
    """
    begins, ends = _before(rates, customers, rng)
    region = rng.choice(len(REGIONS), len(begins), p=_SHARES)
    at_start, stays = np.empty(len(YEARS), int), np.empty((len(YEARS), len(REGIONS)))
    for year, (first, last) in enumerate(pairwise(EDGES)):
        present = under_contract(begins, ends, first)
        at_start[year] = present.sum()
        worse = _WORSE[region[present]].mean() if present.any() else 0.0
        stays[year] = rates.retention[year] + rates.gap * np.where(_WORSE, worse - 1, worse)
        new = rng.poisson(rates.won[year] * at_start[year])
        come = np.column_stack([rng.uniform(first, last, new), np.full(new, np.inf)])
        begins, ends = np.vstack([begins, come]), np.vstack([ends, np.full((new, 2), np.inf)])
        region = np.concatenate([region, rng.choice(len(REGIONS), new, p=_SHARES)])
        _leave(begins, ends, -np.log(stays[year])[region] / (last - first), (first, last), rates.win_back, rng)
    begins[begins >= EDGES[-1]] = np.inf  # who comes back later is not seen to
    return Lives(region, begins, ends, at_start, stays)


def _before(rates: Rates, customers: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The spells of those who are customers at the start, and of former ones who will come back."""
    left = -rng.uniform(0, 730, rng.poisson(2 * (1 - rates.retention[0]) * rates.win_back * customers))
    back = left + _away(len(left), rng)
    left, back = left[back > 0], back[back > 0]
    begins, ends = np.full((2, customers + len(left), 2), np.inf)
    ends[customers:, 0], begins[customers:, 1] = left, back
    since = np.concatenate([np.zeros(customers), left])
    begins[:, 0] = since - rng.exponential(900, len(since)).clip(0.01, 3650)
    return begins, ends


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
