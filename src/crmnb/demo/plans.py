"""Plans: what made-up customers pay a month while they are under contract, and when that changes."""

from itertools import pairwise

import numpy as np
import pandas as pd

from crmnb.demo.columns import at, customer_ids, numbered
from crmnb.demo.customers import Lives
from crmnb.demo.parameters import EDGES, PLANS, Rates

_MORE, _LESS = 0.5, 0.3  # of the fee: what extras add that are ordered, and take off when they are given up


def subscriptions(lives: Lives, rates: Rates, rng: np.random.Generator) -> pd.DataFrame:
    """A row for each span at one fee; where the fee changes, the next span begins when the last one ends.

    In a year a contract's fee changes once at most, whatever it is and whoever has it, at any time alike. So of the fees
    of those who stay through a year, `expansion` is added and `contraction` taken off.
    """
    who, which = np.nonzero(np.isfinite(lives.begins))
    begins, ends = lives.begins[who, which], lives.ends[who, which]
    plan = lives.plan[who]
    since, factor = [begins], [np.array([plan.fee for plan in PLANS.values()])[plan]]
    for year, (first, last) in enumerate(pairwise(EDGES)):
        day, chance = rng.uniform(first, last, len(who)), rng.random(len(who))
        more = rates.expansion[year] / _MORE
        by = np.select([chance < more, chance < more + rates.contraction[year] / _LESS], [1 + _MORE, 1 - _LESS], 1.0)
        changes = (by != 1) & (begins < day) & (day < ends)
        since.append(np.where(changes, day, np.nan))
        factor.append(np.where(changes, by, 1.0))
    since, fee = np.column_stack(since), np.round(np.cumprod(factor, axis=0).T, 2)
    spell, change = np.nonzero(np.isfinite(since))
    goes_on = np.append(spell[1:] == spell[:-1], False)
    started = since[spell, change]
    return pd.DataFrame(
        {
            "subscription_id": numbered("S-", len(spell), 6),
            "customer_id": customer_ids(who[spell]),
            "started_at": at(started),
            "ended_at": at(np.where(goes_on, np.append(started[1:], 0), ends[spell])),
            "monthly_amount": fee[spell, change],
            "plan": np.array(list(PLANS), dtype=object)[plan[spell]],
        }
    )
