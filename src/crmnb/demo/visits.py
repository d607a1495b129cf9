"""Visits of the simulated web site: visitors, sessions and conversions."""

from itertools import pairwise

import numpy as np
import pandas as pd

from crmnb.demo.columns import make_customer_ids, make_keys, to_times
from crmnb.demo.customers import CustomerBase, draw_events
from crmnb.demo.parameters import DAYS, EDGES, Rates
from crmnb.demo.truth.periods import TruthPeriod

GOALS = {
    "purchase": 0.65,
    "newsletter": 0.33,
    None: 0.02,
}  # and the share of the conversions (of some nobody knows which)
_KEEN = (
    (0.8, 0.5),
    (0.2, 3.0),
)  # kinds of visitors: their share, and how often they convert, as multiples of `converts`
_OWN_SHAPE = 0.8  # of the gamma that customers' rates of sessions follow
_AT_HOME, _LOGGED_IN = (
    0.8,
    0.7,
)  # share of a customer's sessions on a device where they log in, and how often they do there
_STRANGERS, _STRANGERS_SESSIONS = 0.9, 1.6  # visitors in a year per customer at its start; sessions of each on average
_STRANGERS_DAYS = 30  # from their first session to the last, at most
_LOG_SECONDS = 4.6  # mean of the logarithm of a session's seconds
_SINGLE_PAGE = 0.4  # of the sessions: no second page, so that nobody knows how long they took


def simulate_visits(base: CustomerBase, rates: Rates, rng: np.random.Generator) -> pd.DataFrame:
    """The web sessions of customers under contract and of strangers, in the order of their times.

    A customer's sessions come at a rate of the customer's own, gamma about `visits`, on two devices, on one of which they
    never log in; a stranger is seen within 30 days of one year. Some visitors are keen; in a session, each converts by chance.
    """
    own = rng.gamma(_OWN_SHAPE, rates.visits / _OWN_SHAPE, len(base.region))
    who, day = draw_events(base, own, rng)
    at_home = rng.random(len(who)) < _AT_HOME
    logged_in = at_home & (rng.random(len(who)) < _LOGGED_IN)
    device = 10 * who + at_home
    strangers, days = _strangers(base, rng)
    keen = np.concatenate([_multiples(len(own), rng)[who], _multiples(strangers.max(initial=-1) + 1, rng)[strangers]])
    day = np.concatenate([day, days])
    device = np.concatenate([device, 10 * strangers + 9])
    customer = np.concatenate([np.where(logged_in, who, -1), np.full(len(days), -1)])
    order, rows = np.argsort(day, kind="stable"), len(day)
    converted = rng.random(rows) < rates.converts * keen[order]
    goal = rng.choice(np.array(list(GOALS), dtype=object), rows, p=list(GOALS.values()))
    pages = np.where(rng.random(rows) < _SINGLE_PAGE, 1, 2 + rng.poisson(3, rows)) + converted
    return pd.DataFrame(
        {
            "visit_id": make_keys("", rows, 7),
            "visitor_id": np.char.mod("w%d", device[order]).astype(object),
            "customer_id": make_customer_ids(customer[order]),
            "started_at": to_times(day[order]),
            "seconds": np.where(pages == 1, np.nan, np.round(rng.lognormal(_LOG_SECONDS, 1.0, rows))),
            "pages": pages,
            "goal": np.where(converted, goal, None),
            "converted": converted,
            "source": rng.choice(["search", "direct", "mail", "ads"], rows, p=[0.4, 0.3, 0.2, 0.1]),
        }
    )


def _strangers(base: CustomerBase, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Visitors who are no customers: a number and the day of each of their sessions."""
    visitors, days, known = [np.empty(0, int)], [np.empty(0)], 0
    for (first, last), start in zip(pairwise(EDGES), base.at_start, strict=True):
        count = rng.poisson(_STRANGERS * start)
        sessions = rng.geometric(1 / _STRANGERS_SESSIONS, count)
        begin = np.repeat(rng.uniform(first, last, count), sessions)
        days.append(begin + rng.uniform(0, 1, len(begin)) * np.minimum(_STRANGERS_DAYS, last - begin))
        visitors.append(np.repeat(known + np.arange(count), sessions))
        known += count
    return np.concatenate(visitors), np.concatenate(days)


def _multiples(visitors: int, rng: np.random.Generator) -> np.ndarray:
    shares, multiples = zip(*_KEEN, strict=True)
    return rng.choice(multiples, visitors, p=shares)


def conversion(base: CustomerBase, rates: Rates, period: TruthPeriod, of_all: bool) -> dict[tuple[str, str], float]:
    """(metric, breakdown) -> the true value in a window, in percent, in closed form for this customer base.

    of_all: with strangers and devices that nobody knows; else of a group of customers, as far as they are known.

    A customer is two visitors: one on the device where they log in, one elsewhere. Sessions on each are Poisson, at the
    customer's rate for the days under contract: none at all and none with a goal have the chance that a gamma mixture
    gives. A stranger's number of sessions is geometric. A device is known by any session of three years in which the
    customer logs in; of sessions in the window without that, the chance of no log-in at any time is taken off.
    """
    per_day = rates.visits / 365.25 / _OWN_SHAPE * _AT_HOME
    inside = per_day * base.days(period.first, period.last)
    ever = per_day * base.days(0, DAYS)[inside > 0]
    inside = inside[inside > 0]
    strangers = _STRANGERS * base.at_start[period.place] if of_all else 0
    stops, falls_in = 1 / _STRANGERS_SESSIONS, _falls_in(period)

    def none(expected: np.ndarray) -> np.ndarray:
        return (1 + expected) ** -_OWN_SHAPE

    def some(chance: float) -> float:
        """How many customers' devices have at least one session of a kind that has this chance."""
        if of_all:
            return (1 - none(chance * inside)).sum() + (1 - none((1 / _AT_HOME - 1) * chance * inside)).sum()
        never = _LOGGED_IN * ever
        return (1 - none(chance * inside) - none(never) + none(never + (1 - _LOGGED_IN) * chance * inside)).sum()

    def a_stranger(chance: float) -> float:
        none_of_one = 1 - chance * falls_in
        return (1 - stops * none_of_one / (1 - (1 - stops) * none_of_one)).mean()

    seen = some(1) + strangers * a_stranger(1)
    values = {("session_conversion_rate", ""): 100 * rates.converts}
    for goal, of_them in GOALS.items():
        chances = [(share, rates.converts * keen * of_them) for share, keen in _KEEN]
        reached = sum(share * (some(chance) + strangers * a_stranger(chance)) for share, chance in chances)
        if goal:
            values["visitor_conversion_rate", goal] = 100 * reached / seen
    return values


def true_sessions(rates: Rates) -> dict[tuple[str, str], float]:
    """(metric, breakdown) -> the true value of the sessions of any period: a session with a single page and no goal is not measured."""
    single = 100 * _SINGLE_PAGE * (1 - rates.converts)
    shares = {("bounce_rate", ""): single, ("unmeasured_sessions", ""): single}
    return shares | {("time_on_site", ""): float(np.exp(_LOG_SECONDS))}


def _falls_in(period: TruthPeriod) -> np.ndarray:
    """The chance that a stranger's session falls into a window, by when in the year the stranger is first seen."""
    first, last = EDGES[period.place], EDGES[period.place + 1]
    begin = first + (last - first) * (np.arange(2000) + 0.5) / 2000
    end = np.minimum(begin + _STRANGERS_DAYS, last)
    return (end.clip(None, period.last) - begin.clip(period.first)).clip(0) / (end - begin)
