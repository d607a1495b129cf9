"""Draw: a made-up client's canonical tables, clean and whole, from the true rates."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from crmnb.demo.answers import PLATFORMS, stars
from crmnb.demo.columns import at, customer_ids, numbered
from crmnb.demo.costs import costs
from crmnb.demo.customers import Lives, events, live
from crmnb.demo.leads import leads
from crmnb.demo.orders import orders
from crmnb.demo.parameters import DAYS, EDGES, PLANS, REGIONS, YEARS, Rates
from crmnb.demo.plans import subscriptions
from crmnb.demo.surveys import invitations, responses
from crmnb.demo.visits import visits

TICKETS = 0.35  # a year, on average


@dataclass(frozen=True)
class Drawn:
    """Canonical tables by name, every row good, and by year how many customers there were at its start."""

    tables: dict[str, pd.DataFrame]
    at_start: dict[int, int]


def draw(rates: Rates, customers: int, seed: int) -> Drawn:
    """A made-up client who has so many customers at the start of the first year. The same seed gives the same rows."""
    streams = iter(np.random.default_rng(seed).spawn(11))
    lives = live(rates, customers, next(streams))
    bought = orders(lives, rates, next(streams))
    tickets = _tickets(lives, next(streams))
    asked = invitations(lives, rates, bought, tickets, next(streams))
    tables = {
        "customers": _customers(lives, next(streams)),
        "subscriptions": subscriptions(lives, rates, next(streams)),
        "orders": bought,
        "tickets": tickets,
        "survey_invitations": asked.drop(columns=["order_id", "ticket_id"]),
        "survey_responses": responses(lives, rates, asked, next(streams)),
        "reviews": _reviews(lives, rates, next(streams)),
        "leads": leads(lives, rates, next(streams)),
        "visits": visits(lives, rates, next(streams)),
        "costs": costs(lives, rates, next(streams)),
    }
    tables = {name: table.drop(columns="who", errors="ignore") for name, table in tables.items()}
    return Drawn(tables, dict(zip(YEARS, lives.at_start.tolist(), strict=True)))


def _customers(lives: Lives, rng: np.random.Generator) -> pd.DataFrame:
    rows = len(lives.region)
    found = rng.choice(["web", "friends", "shop", "partner"], rows, p=[0.45, 0.25, 0.2, 0.1]).astype(object)
    found[rng.random(rows) < 0.03] = None
    return pd.DataFrame(
        {
            "customer_id": customer_ids(np.arange(rows)),
            "joined_at": at(np.floor(lives.begins[:, 0])),
            "acquisition_channel": found,
            "region": np.array(list(REGIONS), dtype=object)[lives.region],
            "plan": np.array(list(PLANS), dtype=object)[lives.plan],
        }
    )


def _tickets(lives: Lives, rng: np.random.Generator) -> pd.DataFrame:
    own = rng.gamma(0.8, TICKETS / 0.8, len(lives.region))
    who, day = events(lives, own, rng)
    order = np.argsort(day, kind="stable")
    who, day, rows = who[order], day[order], len(day)
    cancelled = rng.random(rows) < 0.03
    solved = day + rng.lognormal(-0.2, 1.1, rows)
    solved[cancelled | (solved >= DAYS)] = np.nan
    closed = solved + rng.exponential(2, rows)
    closed[closed >= DAYS] = np.nan
    again = np.where(rng.random(rows) < 0.06, solved + rng.exponential(3, rows), np.nan)
    again[again >= DAYS] = np.nan
    first = day + np.minimum(rng.exponential(0.15, rows), 0.4 * np.where(np.isnan(solved), 9, solved - day))
    first[first >= DAYS] = np.nan
    times = {
        "opened_at": day,
        "first_response_at": first,
        "resolved_at": solved,
        "closed_at": closed,
        "reopened_at": again,
        "cancelled_at": np.where(cancelled, np.minimum(day + 0.1, DAYS - 0.001), np.nan),
    }
    return pd.DataFrame(
        {
            "who": who,
            "ticket_id": numbered("", rows, 7),
            "customer_id": customer_ids(who),
            **{name: at(days).astype("datetime64[m]").astype("datetime64[s]") for name, days in times.items()},
            "contacts": 1 + rng.poisson(0.7, rows),
            "channel": rng.choice(["mail", "phone", "chat"], rows, p=[0.5, 0.3, 0.2]),
            "topic": rng.choice(["delivery", "bill", "product", "contract"], rows),
            "agent": rng.choice(["Ana", "Bram", "Chloé", "Dov", "Eli"], rows),
            "priority": rng.choice(["low", "normal", "high"], rows, p=[0.3, 0.55, 0.15]),
        }
    )


def _reviews(lives: Lives, rates: Rates, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for year, (first, last) in enumerate(pairwise(EDGES)):
        for platform, (share, scale) in PLATFORMS.items():
            rows, best = rng.poisson(rates.reviews[year] * share * lives.at_start[year]), scale.boxes[-1]
            rating = rng.choice(scale.boxes, rows, p=stars(rates, platform, year))
            day = rng.uniform(first, last, rows)
            parts.append(pd.DataFrame({"day": day, "platform": platform, "rating": rating, "scale": best}))
    frame = pd.concat(parts).sort_values("day", kind="stable").reset_index(drop=True)
    frame["posted_at"] = at(frame.pop("day").to_numpy())
    frame.insert(0, "review_id", numbered("V", len(frame), 6))
    return frame
