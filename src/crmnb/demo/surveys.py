"""Surveys of the simulated client: invitations, starts, completions and answers."""

import numpy as np
import pandas as pd
from scipy.special import ndtr

from crmnb.demo.answers import ITEMS, choose_answers, item, split_by_region
from crmnb.demo.columns import find_year, make_keys, to_days, to_times
from crmnb.demo.customers import CustomerBase
from crmnb.demo.parameters import DAYS, EDGES, LOW_REGION, REGIONS, YEARS, Rates
from crmnb.demo.service import SPEED

INVITED = 0.35  # of the orders that count
_WALK_IN = 0.015  # answers in a year without invitation or customer, per customer at its start
_ALIKE, _SHEET = 0.35, 0.25  # of an answer's variance: the customer's own, the answer sheet's own
_WILLING = 0.3  # of the variance of whether an invitation is taken up: the customer's own
_NO_ANSWER = 0.04


def simulate_invitations(
    base: CustomerBase, rates: Rates, orders: pd.DataFrame, tickets: pd.DataFrame, rng: np.random.Generator
) -> pd.DataFrame:
    """The invitations to both surveys, within a day of an order, or when a ticket is resolved; up to the last day.

    Whether one is taken up is settled when it is sent, and so is when: after `answer_days` on average. What lies behind the
    end is not known.
    """
    paid = orders[(orders["status"] == "paid") & (orders["who"] >= 0)]
    paid = paid[rng.random(len(paid)) < INVITED]
    solved = tickets[tickets["resolved_at"].notna()]
    invited = pd.DataFrame(
        {
            "survey": ["purchase"] * len(paid) + ["support"] * len(solved),
            "who": np.concatenate([paid["who"], solved["who"]]),
            "customer_id": np.concatenate([paid["customer_id"], solved["customer_id"]]),
            "sent": np.concatenate([to_days(paid["ordered_at"]), to_days(solved["resolved_at"])]),
            "order_id": np.concatenate([paid["order_id"], np.full(len(solved), None)]),
            "ticket_id": np.concatenate([np.full(len(paid), None), solved["ticket_id"]]),
        }
    )
    invited["sent"] += rng.uniform(0.05, 1, len(invited))
    invited = invited[invited["sent"] < DAYS].sort_values("sent", kind="stable").reset_index(drop=True)
    sent, rows = invited.pop("sent").to_numpy(), len(invited)
    year, support = find_year(sent), (invited["survey"] == "support").to_numpy()
    reached = np.where(rng.random(rows) < rates.reached, sent + rng.uniform(0, 0.005, rows), np.nan)
    takes = np.where(support, np.array(rates.support_acceptance)[year], np.array(rates.acceptance)[year])
    own = rng.standard_normal(len(base.region))[invited["who"]]
    willing = np.sqrt(_WILLING) * own + np.sqrt(1 - _WILLING) * rng.standard_normal(rows)
    started = reached + rng.exponential(rates.answer_days, rows)
    started[ndtr(willing) > takes] = np.nan
    completed = started + rng.uniform(0.001, 0.01, rows)
    completed[rng.random(rows) > np.array(rates.completion)[year]] = np.nan
    times = {"sent_at": sent, "reached_at": reached, "started_at": started, "completed_at": completed}
    times = {name: np.where(day < DAYS, day, np.nan) for name, day in times.items()}
    invited.insert(0, "invitation_id", make_keys("", rows, 0, first=500_001))
    return invited.assign(
        channel=rng.choice(["mail", "sms"], rows, p=[0.8, 0.2]), **{n: to_times(d) for n, d in times.items()}
    )


def simulate_responses(
    base: CustomerBase, rates: Rates, invited: pd.DataFrame, speed: pd.Series, rng: np.random.Generator
) -> pd.DataFrame:
    """The answer sheets: one to each completed invitation, and some that came without. A customer's are alike.

    All who answer in a year choose each box exactly as often as the true figures of the year say: what the
    worse region chooses less, the others choose more, at the shares of the regions among those who answer. speed: by ticket, how soon it was
    resolved, which moves the satisfaction with it.
    """
    done = invited[invited["completed_at"].notna()]
    walk_in = rng.poisson(_WALK_IN * base.at_start)
    bounds = [(EDGES[y], EDGES[y + 1], count) for y, count in enumerate(walk_in)]
    day = np.concatenate([to_days(done["completed_at"]), *(rng.uniform(*span) for span in bounds)])
    empty = np.full(walk_in.sum(), None)
    sheet = pd.DataFrame(
        {
            "survey": np.concatenate([done["survey"], np.full(walk_in.sum(), "purchase")]),
            **{
                name: np.concatenate([done[name], empty])
                for name in ("customer_id", "invitation_id", "order_id", "ticket_id")
            },
            "responded_at": to_times(day),
        }
    )
    who = np.concatenate([done["who"], np.full(walk_in.sum(), -1)]).astype(int)
    in_low_region = np.where(who >= 0, np.array(list(REGIONS))[base.region[who]] == LOW_REGION, False)
    soon = sheet["ticket_id"].map(speed).to_numpy(float)
    sheet = sheet.assign(**_items(rates, who, find_year(day), in_low_region, len(base.region), soon, rng))
    sheet = sheet.iloc[np.argsort(day, kind="stable")].reset_index(drop=True)
    sheet.insert(0, "response_id", make_keys("R", len(sheet), 6))
    return sheet


def _items(
    rates: Rates,
    who: np.ndarray,
    year: np.ndarray,
    in_low_region: np.ndarray,
    customers: int,
    soon: np.ndarray,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """The answers to each item, NaN where there is none; soon: how soon the ticket of a sheet was resolved, NaN of other sheets."""
    rows = len(who)
    own = rng.standard_normal(customers)
    shared = np.sqrt(_ALIKE) * np.where(who >= 0, own[who], rng.standard_normal(rows))
    shared += np.sqrt(_SHEET) * rng.standard_normal(rows)
    answers = {}
    for name, scale in ITEMS.items():
        chosen = np.empty((rows, len(scale.shape)))
        for y in range(len(YEARS)):
            known, here = (year == y) & (who >= 0), year == y
            overall = item(rates, name, y)
            others, there = split_by_region(scale, overall, in_low_region[known].mean() if known.any() else 0.0)
            chosen[here] = np.where((who < 0)[here, None], overall, np.where(in_low_region[here, None], there, others))
        feeling = shared + np.sqrt(1 - _ALIKE - _SHEET) * rng.standard_normal(rows)
        if name == "satisfied":
            feeling = np.where(np.isnan(soon), feeling, np.sqrt(1 - SPEED**2) * feeling + SPEED * soon)
        answer = choose_answers(scale, chosen, feeling).astype(float)
        answer[rng.random(rows) < _NO_ANSWER] = np.nan
        answers[name] = answer
    return answers
