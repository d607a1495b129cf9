"""Loyalty programme and app of the simulated client."""

from itertools import pairwise

import numpy as np
import pandas as pd

from crmnb.demo.columns import make_customer_ids, to_times
from crmnb.demo.customers import CustomerBase
from crmnb.demo.parameters import DAYS, EDGES, MONTH_STARTS, YEARS

MEMBERS, USED = 0.45, 0.75  # share of the customers who take the card; of the members, share who use it
_PROGRAMME = -700  # the day when the programme began
_AFTER_ENROLMENT, _LATELY, _ACTIVE_DAYS = 30, 60, 365
APP_USERS = 0.04  # share of the customers
APP_DAYS = (0.1, 0.3)  # kinds of app users, alike in number: the share of the days on which they open it
_EDGES = np.array([*MONTH_STARTS, DAYS])


def simulate_loyalty(base: CustomerBase, rng: np.random.Generator) -> pd.DataFrame:
    """The memberships: from the beginning of a contract (or of the programme) to its end, again when a customer returns."""
    member = rng.random(len(base.region)) < MEMBERS
    who, spell, _, _ = base.spells(_PROGRAMME, DAYS)
    who, spell = who[member[who]], spell[member[who]]
    begin, end = base.begins[who, spell], base.ends[who, spell]
    since = np.where(begin < _PROGRAMME, np.minimum(rng.uniform(_PROGRAMME, 0, len(who)), end), begin)
    soon = np.minimum(since + _AFTER_ENROLMENT * rng.random(len(who)), np.minimum(end, DAYS - 0.01))
    used = rng.random(len(who)) < USED
    lately = np.maximum(np.minimum(end, DAYS - 0.01) - _LATELY * rng.random(len(who)), since)
    return pd.DataFrame(
        {
            "customer_id": make_customer_ids(who),
            "enrolled_at": to_times(since),
            "last_active_at": to_times(np.where(used, lately, soon)),
            "ended_at": to_times(np.where(end < DAYS, end, np.nan)),
        }
    ).sort_values("enrolled_at", kind="stable", ignore_index=True)


def simulate_usage(base: CustomerBase, rng: np.random.Generator) -> pd.DataFrame:
    """The days on which customers opened the app, each of the days that lie wholly under contract by chance."""
    share = rng.choice(APP_DAYS, len(base.region))
    user = rng.random(len(base.region)) < APP_USERS
    who, _, begin, end = base.spells(0, DAYS)
    who, begin, end = who[user[who]], np.ceil(begin[user[who]]).astype(int), np.floor(end[user[who]]).astype(int)
    days = np.maximum(end - begin, 0)
    of_spell = np.repeat(np.arange(len(who)), days)
    day = np.arange(days.sum()) - np.repeat(np.cumsum(days) - days, days) + begin[of_spell]
    opens = rng.random(len(of_spell)) < share[who[of_spell]]
    rows = pd.DataFrame({"who": who[of_spell][opens], "day": day[opens]}).sort_values(["day", "who"], kind="stable")
    return pd.DataFrame(
        {"customer_id": make_customer_ids(rows["who"].to_numpy()), "day": to_times(rows["day"].to_numpy(float))}
    )


def true_loyalty(base: CustomerBase, year: int) -> dict[tuple[str, str], float]:
    """(metric, breakdown) -> the true value in a year in percent, given so many lives."""
    figures = {("loyalty_participation", "members"): 100 * MEMBERS, ("active_share", ""): 100 * _stickiness(base, year)}
    if year == YEARS[-1]:
        figures["loyalty_participation", "active members"] = 100 * MEMBERS * (USED + (1 - USED) * _new_members(base))
    return figures


def _new_members(base: CustomerBase) -> float:
    """Of the customers at the end, the share who, as members who do not use their card, were active when they took it, a year ago or less."""
    here = (base.begins < DAYS) & (base.ends >= DAYS)
    begin = base.begins[here]
    left = begin + _AFTER_ENROLMENT - (DAYS - _ACTIVE_DAYS)
    return float(np.clip(left / _AFTER_ENROLMENT, 0, 1).mean())


def _stickiness(base: CustomerBase, year: int) -> float:
    first, last = EDGES[YEARS.index(year)], EDGES[YEARS.index(year) + 1]
    _, _, begin, end = base.spells(0, DAYS)
    begin, end = np.ceil(begin), np.floor(end)
    active = exposed = 0.0
    for start, stop in pairwise(_EDGES):
        if first <= start < last:
            days = np.clip(np.minimum(end, stop) - np.maximum(begin, start), 0, None)
            for share in APP_DAYS:
                active += (share * days).sum()
                exposed += ((stop - start) * (1 - (1 - share) ** days)).sum()
    return float(active / exposed)
