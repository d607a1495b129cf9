"""Plans: the monthly fees of the simulated customers, and their changes."""

from itertools import pairwise

import numpy as np
import pandas as pd

from crmnb.demo.columns import make_customer_ids, make_keys, to_times
from crmnb.demo.customers import CustomerBase
from crmnb.demo.parameters import EDGES, PLANS, Rates

_MORE, _LESS = 0.5, 0.3  # of the fee: what extras add when they are ordered, and take off when they are cancelled


def simulate_subscriptions(base: CustomerBase, rates: Rates, rng: np.random.Generator) -> pd.DataFrame:
    """A row for each span with a constant fee; after a change, the next span begins when the last one ends.

    A contract's fee changes at most once a year, independent of its amount and the customer, at a random time. Of the fees
    of retained customers, `expansion` is added and `contraction` removed.
    """
    who, which = np.nonzero(np.isfinite(base.begins))
    begins, ends = base.begins[who, which], base.ends[who, which]
    plan = base.plan[who]
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
            "subscription_id": make_keys("S-", len(spell), 6),
            "customer_id": make_customer_ids(who[spell]),
            "started_at": to_times(started),
            "ended_at": to_times(np.where(goes_on, np.append(started[1:], 0), ends[spell])),
            "monthly_amount": fee[spell, change],
            "plan": np.array(list(PLANS), dtype=object)[plan[spell]],
        }
    )
