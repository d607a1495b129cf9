"""Leads of the simulated client: their stages and outcomes."""

from bisect import bisect_left
from itertools import pairwise

import numpy as np
import pandas as pd
from scipy.special import ndtr

from crmnb.demo.columns import find_year, make_customer_ids, make_keys, to_times
from crmnb.demo.customers import CustomerBase
from crmnb.demo.parameters import DAYS, EDGES, Rates
from crmnb.demo.truth.periods import TruthPeriod

# Days to the decision, lognormal: the median and the logarithm's standard deviation, with a proposal and without one.
_PROPOSED, _NOT_PROPOSED = (39.6, 0.7), (25.0, 0.8)
_QUALIFIED_AT, _PROPOSED_AT = (0.05, 0.3), (0.35, 0.7)  # of the time to the decision: from and to
_FORGOTTEN = 0.1  # of those that never get a proposal: nobody ever says that they are lost
_SKIPPED = 0.04  # of the proposals: nobody wrote down when the lead qualified
_AMOUNT, _AMOUNT_SHAPE = 240.0, 2.0


def simulate_leads(base: CustomerBase, rates: Rates, rng: np.random.Generator) -> pd.DataFrame:
    """The leads of three years, sorted by time, as known at the end.

    They come evenly over a year, `leads` per customer at its start. The outcome is fixed at creation: the share `qualifies`
    qualifies, of these `proposes` get a proposal, of these `wins` are won; the rest is lost, or never closed. A won lead
    becomes one of the new customers.
    """
    count = rng.poisson(np.array(rates.leads) * base.at_start)
    created = np.sort(np.concatenate([rng.uniform(a, b, n) for (a, b), n in zip(pairwise(EDGES), count, strict=True)]))
    rows = len(created)
    qualifies = rng.random(rows) < rates.qualifies
    proposed = qualifies & (rng.random(rows) < rates.proposes)
    won = proposed & (rng.random(rows) < rates.wins)
    (with_one, scatter), (without, more) = _PROPOSED, _NOT_PROPOSED
    usual, scatter = np.where(proposed, with_one, without), np.where(proposed, scatter, more)
    takes = usual * np.exp(scatter * rng.standard_normal(rows))
    forgotten = ~proposed & (rng.random(rows) < _FORGOTTEN)
    after = {
        "qualified_at": np.where(qualifies, takes * rng.uniform(*_QUALIFIED_AT, rows), np.nan),
        "proposed_at": np.where(proposed, takes * rng.uniform(*_PROPOSED_AT, rows), np.nan),
        "won_at": np.where(won, takes, np.nan),
        "lost_at": np.where(won | forgotten, np.nan, takes),
    }
    days = {name: np.where(created + day < DAYS, created + day, np.nan) for name, day in after.items()}
    skipped = np.isfinite(days["proposed_at"]) & (rng.random(rows) < _SKIPPED)
    days["qualified_at"][skipped] = np.nan
    return pd.DataFrame(
        {
            "lead_id": make_keys("L-", rows, 6),
            "customer_id": make_customer_ids(_become(base, days["won_at"])),
            "created_at": to_times(created),
            "source": rng.choice(["web", "friends", "partner", "fair"], rows, p=[0.5, 0.2, 0.2, 0.1]),
            "seller": rng.choice(5, rows),  # replaced by `crmnb.demo.operations`
            **{name: to_times(day) for name, day in days.items()},
            "amount": np.round(rng.gamma(_AMOUNT_SHAPE, _AMOUNT / _AMOUNT_SHAPE, rows), 0),
        }
    )


def _become(base: CustomerBase, won: np.ndarray) -> np.ndarray:
    """Which customer (a row number) each lead becomes that is won on a day: the next newcomer who is no other's; else -1."""
    come = np.flatnonzero((base.begins[:, 0] >= 0) & np.isfinite(base.begins[:, 0]))
    come = come[np.argsort(base.begins[come, 0], kind="stable")]
    won_leads = np.flatnonzero(np.isfinite(won))
    won_leads = won_leads[np.argsort(won[won_leads], kind="stable")]
    turn = np.arange(len(won_leads))
    next_one = turn + np.maximum.accumulate(np.searchsorted(base.begins[come, 0], won[won_leads]) - turn)
    customers = np.full(len(won), -1)
    there = next_one < len(come)
    customers[won_leads[there]] = come[next_one[there]]
    return customers


# ---- What is true of them --------------------------------------------------------------------------------------------

_FOLLOWED = 90  # days that a lead has
_OF_A_DAY = (np.arange(24) + 0.5) / 24  # places at which what is spread evenly is looked at


def _by(day: np.ndarray, proposed: bool, least: float = 1.0, most: float = 1.0) -> np.ndarray:
    """The chance that a stage is reached within so many days, where it lies at `least` to `most` of the time to the decision."""
    usual, scatter = _PROPOSED if proposed else _NOT_PROPOSED
    places = least + (most - least) * _OF_A_DAY
    with np.errstate(divide="ignore"):
        return ndtr(np.log(np.maximum(day, 0)[..., None] / places / usual) / scatter).mean(axis=-1)


def conversion(rates: Rates, period: TruthPeriod, until: float = DAYS) -> dict[tuple[str, str], float]:
    """(metric, breakdown) -> the true value of the leads created in a window, as known on the day `until`, in percent.

    In closed form but for an average over the days (and over where in its time a stage lies). A lead's outcome
    is drawn first and its times do not depend on whether it is won or lost, so the share won within t days is that of
    those that will ever be won times the lognormal distribution function at t, and the share of the decided proposals
    that are won is `wins`.
    """
    first, last = period.first, period.last
    # Calendar days: from 90 to 91, by the time of day.
    seen = np.minimum((until - np.arange(first + 0.5, last))[:, None], _FOLLOWED + _OF_A_DAY)
    proposes = rates.qualifies * rates.proposes
    ever = proposes * rates.wins
    proposed = proposes * _by(seen, True, *_PROPOSED_AT).mean()
    qualified = proposes * _by(seen, True, *_QUALIFIED_AT).mean()
    qualified += (rates.qualifies - proposes) * _by(seen, False, *_QUALIFIED_AT).mean()
    won = ever * _by(seen, True).mean()
    values = {
        ("lead_conversion_rate", ""): 100 * won,
        ("stage_conversion", "1 lead to qualified"): 100 * qualified,
        ("stage_conversion", "2 qualified to proposed"): 100 * proposed / qualified,
        ("stage_conversion", "3 proposed to won"): 100 * won / proposed,
        ("win_rate", ""): 100 * rates.wins,
    }
    for words, days in {"30 days": 30, "90 days": 90, "180 days": 180, "365 days": 365}.items():
        if days < until - first:  # days are those of the calendar: from 30 to 31, by the time of day
            values["cumulative_win_rate", f"won within {words}"] = 100 * ever * _by(days + _OF_A_DAY, True).mean()
    return values


def velocity(rates: Rates, period: TruthPeriod, base: CustomerBase) -> dict[tuple[str, str], float]:
    """The true pipeline velocity at the end of a window, per customer at the start of its year; `base` of many.

    None of a window that the data do not reach back far enough for.

    Leads of the last 455 days open then x share won by then of those created in the year that ended 90 days before x mean amount / the median of
    those leads' calendar days to the win. In closed form but for averages over the days of creation.
    """
    end, (first, last) = period.last, (period.last - 90 - 365, period.last - 90)
    if first < 0:
        return {}
    created = np.arange(end) + 0.5
    came_in = find_year(created)
    per_day = (np.array(rates.leads) * base.at_start / np.diff(EDGES))[came_in]
    proposes = rates.qualifies * rates.proposes
    seen = end - created
    decided = proposes * _by(seen, True) + (1 - proposes) * (1 - _FORGOTTEN) * _by(seen, False)
    mature = (created >= first) & (created < last)
    weight = per_day[mature] / per_day[mature].sum()
    won = rates.wins * proposes * weight @ _by(seen[mature], True)

    def by(day: int) -> float:
        return weight @ _by(np.minimum(seen[mature][:, None], day + _OF_A_DAY), True).mean(axis=1)

    median = bisect_left(range(456), by(456) / 2, key=by)
    recent = created >= first
    opened = per_day[recent] @ (1 - decided)[recent] / base.at_start[period.place]
    return {("sales_velocity", ""): float(opened) * won * _AMOUNT / median}
