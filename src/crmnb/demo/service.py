"""Service of the simulated client: when tickets come, how long they take, who works on them, and how far speed pleases.

A ticket takes T hours of the working week until its last resolution; its logarithm is normal, about a mean that its year, its topic and its agent set. A first
response comes after hours of its own, or with the resolution. Which tickets are reopened, transferred, escalated or lose their time of resolution is drawn
apart from all that. A customer's satisfaction with a resolved ticket is drawn by a standard normal feeling, of which SPEED is the
correlation with how soon the ticket was resolved.
"""

from datetime import timedelta

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import log_ndtr, ndtr, ndtri

from crmnb.demo.answers import ITEMS, item
from crmnb.demo.columns import find_year, make_customer_ids, make_keys, to_times
from crmnb.demo.customers import CustomerBase, draw_events
from crmnb.demo.parameters import DAYS, ORIGIN, YEARS, Rates

TICKETS = 0.35  # mean per customer and year
MEDIAN_HOURS = (24.0, 21.0, 17.0)  # of a ticket of the middling topic and agent, by year
HORIZON = 200  # hours, of the restricted mean
WITHIN = (1, 4, 8, 24, 72, 168)
TARGET_HOURS = 40.0  # of the working week, in which a ticket is to be resolved
TOPICS = {
    "delivery": (0.35, 0.0),
    "bill": (0.25, -0.4),
    "product": (0.25, 0.4),
    "contract": (0.15, 0.0),
}  # share, effect
# What each agent adds to the logarithm of the hours: one is slow, one is quick, the others are much alike.
AGENTS = {
    **{"Ana": 0.1, "Bram": -0.1, "Chloé": 0.0, "Dov": 0.05, "Eli": -0.05, "Finn": 0.9, "Gül": -0.5, "Hugo": 0.0},
    **{"Ines": 0.1, "Jan": -0.1, "Kofi": 0.0, "Lena": 0.05, "Mila": -0.05, "Noor": 0.0, "Oto": 0.1, "Pia": -0.1},
}
_DISSATISFIED = 3  # of the answers 1 to 5: the best of the lower half
SPEED = 0.3  # correlation of the feeling with how soon a ticket is resolved
_OWN = 1.4  # standard deviation of the logarithm of the hours, beside topic and agent
_RESPONSE, _RESPONSE_SPREAD = 1.5, 0.9  # hours: the median, and the standard deviation of the logarithm
CANCELLED, REOPENED, TRANSFERRED, ESCALATED = 0.03, 0.06, 0.25, 0.05
FOLLOWED_UP, _CALLED_LATE = (
    0.6,
    0.1,
)  # shares of the dissatisfied customers who hear from the desk within 5 days, and later than 10
_WITHOUT_TIME = 0.06  # of the tickets that are over: closed without a time of resolution
RESOLVED = (1 - CANCELLED) * (1 - _WITHOUT_TIME)  # share of the tickets with a time of resolution, sooner or later
_WITHOUT_RESPONSE = 0.04
_OPENS, _CLOSES, _WORKDAYS = 8.0, 18.0, 5  # of the working week, from Monday
_PER_DAY = _CLOSES - _OPENS
_AT_NIGHT, _AT_WEEKENDS = (
    0.12,
    0.3,
)  # share of tickets that come at any hour; of those of a weekend, the share that come then and not on a working day
_MONDAY = (7 - ORIGIN.weekday()) % 7  # days from ORIGIN to the first Monday


def simulate_tickets(base: CustomerBase, rng: np.random.Generator) -> pd.DataFrame:
    """The tickets in the order in which they are opened."""
    own = rng.gamma(0.8, TICKETS / 0.8, len(base.region))
    who, day = draw_events(base, own, rng)
    day = _at_usual_times(day, rng)
    order = np.argsort(day, kind="stable")
    who, day, rows = who[order], day[order], len(day)
    topic = rng.choice(list(TOPICS), rows, p=[share for share, _ in TOPICS.values()])
    agent = rng.choice(list(AGENTS), rows)
    mean = np.log(np.array(MEDIAN_HOURS))[find_year(day)]
    mean = mean + np.array([TOPICS[name][1] for name in topic]) + np.array([AGENTS[name] for name in agent])
    hours = np.exp(mean + _OWN * rng.standard_normal(rows))
    response = np.minimum(_RESPONSE * np.exp(_RESPONSE_SPREAD * rng.standard_normal(rows)), hours)
    solved, first = (_after(day, worked) for worked in (hours, response))
    draws = rng.random((6, rows))
    cancelled, again, lost, silent = (
        draws[at] < share for at, share in enumerate((CANCELLED, REOPENED, _WITHOUT_TIME, _WITHOUT_RESPONSE))
    )
    reopened = np.where(again & (solved < DAYS), day + (solved - day) * rng.uniform(0.3, 0.9, rows), np.nan)
    closed = np.where(lost, solved, solved + rng.exponential(2, rows))
    over = cancelled | (solved >= DAYS)
    times = {
        "opened_at": day,
        "first_response_at": np.where(silent | (first >= DAYS), np.nan, first),
        "resolved_at": np.where(over | lost, np.nan, solved),
        "closed_at": np.where(over | (closed >= DAYS), np.nan, closed),
        "reopened_at": np.where(over | lost, np.nan, reopened),
        "cancelled_at": np.where(cancelled, np.minimum(day + 0.1, DAYS - 0.001), np.nan),
        "sla_due_at": _after(day, np.full(rows, TARGET_HOURS)),
    }
    return pd.DataFrame(
        {
            "who": who,
            "ticket_id": make_keys("", rows, 7),
            "customer_id": make_customer_ids(who),
            **{name: to_times(days).astype("datetime64[m]").astype("datetime64[s]") for name, days in times.items()},
            "contacts": 1 + rng.poisson(0.5, rows),
            "reassignments": np.where(draws[4] < TRANSFERRED, 1 + rng.poisson(0.3, rows), 0),
            "escalated": draws[5] < ESCALATED,
            "channel": rng.choice(["mail", "phone", "chat"], rows, p=[0.5, 0.3, 0.2]),
            "topic": topic.astype(object),
            "agent": agent.astype(object),
            "priority": rng.choice(["low", "normal", "high"], rows, p=[0.3, 0.55, 0.15]),
        }
    )


def with_follow_ups(sheets: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The answer sheets with `followed_up_at`, when somebody got in touch with a dissatisfied customer.

    Its random numbers are its own, two for each sheet in turn, so that further sheets at the end change nothing for the others.
    """
    draws, days = np.random.default_rng([seed, 14]).random((len(sheets), 2)).T
    days = 0.1 + 4.9 * days
    answered = ((sheets["responded_at"] - pd.Timestamp(ORIGIN)) / timedelta(days=1)).to_numpy()
    called = answered + np.where(draws < FOLLOWED_UP, days, 10 + 3 * days)
    due = (sheets["satisfied"] <= _DISSATISFIED).to_numpy() & (draws < FOLLOWED_UP + _CALLED_LATE) & (called < DAYS)
    return sheets.assign(followed_up_at=to_times(np.where(due, called, np.nan)))


def speed(tickets: pd.DataFrame) -> pd.Series:
    """How soon each resolved ticket was resolved, as a standard normal variable (high is soon), by its key."""
    resolved = tickets[tickets["resolved_at"].notna()]
    opened, solved = (
        ((resolved[name] - pd.Timestamp(ORIGIN)) / timedelta(days=1)).to_numpy()
        for name in ("opened_at", "resolved_at")
    )
    hours = np.maximum(_worked(solved) - _worked(opened), 1 / 60)
    logs, year = np.log(hours), find_year(opened)
    means, spread = np.log(np.array(MEDIAN_HOURS)) + _shift(), _spread()
    return pd.Series(-(logs - means[year]) / spread, resolved["ticket_id"].to_numpy())


def true_service(rates: Rates, year: int) -> dict[tuple[str, str], float]:
    """(metric, breakdown) -> the figure of a year without chance: of the mixture over topics and agents."""
    at = YEARS.index(year)
    slope = -SPEED * _answer_slope(rates, at) * np.log(2) / _spread()
    figures = {
        ("median_resolution_time", ""): _time_until(0.5, at),
        ("p90_resolution_time", ""): _time_until(0.9, at),
        ("mean_resolution_time", ""): _restricted_mean(HORIZON, at),
        ("first_response_time", ""): brentq(lambda t: _open(t, at) * _waiting(t) - 0.5, 1e-3, 100),
        ("sla_compliance_rate", ""): 100 * (1 - _open(TARGET_HOURS, at)),
        ("transfer_rate", ""): 100 * TRANSFERRED,
        ("escalation_rate", ""): 100 * ESCALATED,
        ("reopen_rate", ""): 100 * REOPENED,
        ("closed_loop_rate", ""): 100 * FOLLOWED_UP,
        ("effect_on_satisfaction", "per doubling of the resolution time"): slope,
    }
    within = {f"within {hours} {'hour' if hours == 1 else 'hours'}": 100 * (1 - _open(hours, at)) for hours in WITHIN}
    return figures | {("resolution_curve", name): share for name, share in within.items()}


# ---- The working week ---------------------------------------------------------------------------------------------------


def _at_usual_times(day: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Days with the hours at which people write: most of them on working days, between 8 and 18."""
    whole, draws = np.floor(day), rng.random((3, len(day)))
    weekday = (whole - _MONDAY) % 7
    moved = (weekday >= _WORKDAYS) & (draws[0] > _AT_WEEKENDS)
    whole = np.where(moved, whole - (weekday - _WORKDAYS) - 1 - np.floor(_WORKDAYS * draws[2]).clip(0, 3), whole)
    usual = np.clip(11.5 + 2.6 * rng.standard_normal(len(day)), 7.0, 19.9)
    hour = np.where(draws[1] < _AT_NIGHT, 24 * (day % 1), usual)
    return np.where(whole + hour / 24 < 0, day, whole + hour / 24)


def _worked(day: np.ndarray) -> np.ndarray:
    """The hours worked from the first Monday until a day."""
    weeks, weekday = np.divmod(np.floor(day) - _MONDAY, 7)
    today = np.where(weekday < _WORKDAYS, np.clip(24 * (day % 1) - _OPENS, 0, _PER_DAY), 0)
    return weeks * _WORKDAYS * _PER_DAY + np.minimum(weekday, _WORKDAYS) * _PER_DAY + today


def _after(day: np.ndarray, hours: np.ndarray) -> np.ndarray:
    """When so many hours of work have passed since a day."""
    days, rest = np.divmod(_worked(day) + hours, _PER_DAY)
    weeks, weekday = np.divmod(days, _WORKDAYS)
    return _MONDAY + 7 * weeks + weekday + (_OPENS + rest) / 24


# ---- The truth ----------------------------------------------------------------------------------------------------------


def _kinds() -> tuple[np.ndarray, np.ndarray]:
    """The shares of the combinations of topic and agent, and what each adds to the logarithm of the hours."""
    shares = [share / len(AGENTS) for share, _ in TOPICS.values() for _ in AGENTS]
    effects = [of_topic + of_agent for _, of_topic in TOPICS.values() for of_agent in AGENTS.values()]
    return np.array(shares), np.array(effects)


def _shift() -> float:
    shares, effects = _kinds()
    return float(shares @ effects)


def _spread() -> float:
    """The standard deviation of the logarithm of the hours, of all tickets."""
    shares, effects = _kinds()
    return float(np.sqrt(_OWN**2 + shares @ (effects - _shift()) ** 2))


def _open(hours: float, year: int) -> float:
    """The share of tickets not resolved within so many hours."""
    shares, effects = _kinds()
    return float(shares @ ndtr(-(np.log(hours / MEDIAN_HOURS[year]) - effects) / _OWN))


def _waiting(hours: float) -> float:
    return float(ndtr(-np.log(hours / _RESPONSE) / _RESPONSE_SPREAD))


def _time_until(share: float, year: int) -> float:
    return brentq(lambda hours: 1 - _open(hours, year) - share, 1e-3, 1e5)


def _restricted_mean(horizon: float, year: int) -> float:
    """Of a lognormal cut at the horizon, over the mixture."""
    shares, effects = _kinds()
    mean, cut = np.log(MEDIAN_HOURS[year]) + effects, np.log(horizon)
    below = np.exp(mean + _OWN**2 / 2 + log_ndtr((cut - mean - _OWN**2) / _OWN))
    return float(shares @ (below + horizon * ndtr(-(cut - mean) / _OWN)))


def _answer_slope(rates: Rates, year: int) -> float:
    """Points of satisfaction per standard deviation of the feeling: the answers rise by a box at each threshold of it."""
    cuts = ndtri(np.cumsum(item(rates, "satisfied", year))[:-1])
    step = 100 / (len(ITEMS["satisfied"].shape) - 1)
    return float(step * (np.exp(-(cuts**2) / 2) / np.sqrt(2 * np.pi)).sum())
