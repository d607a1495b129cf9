"""The simulated client's canonical tables, clean and complete, from the true rates."""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pandas as pd

from crmnb.demo.answers import PLATFORMS, rating_shares
from crmnb.demo.columns import make_customer_ids, make_keys, to_times
from crmnb.demo.comments import add_comments
from crmnb.demo.costs import simulate_costs
from crmnb.demo.customers import CustomerBase, are_listed, simulate_customers
from crmnb.demo.data_quality import with_addresses
from crmnb.demo.employees import employees_of
from crmnb.demo.engagement import engagement_of
from crmnb.demo.initiatives import simulate_trained_activities
from crmnb.demo.leads import simulate_leads
from crmnb.demo.market import market_of
from crmnb.demo.operations import operations_of
from crmnb.demo.orders import simulate_orders
from crmnb.demo.parameters import ACCOUNTS, CONTACT_CHANNELS, EDGES, PLANS, REGIONS, YEARS, Rates
from crmnb.demo.plans import simulate_subscriptions
from crmnb.demo.referrals import with_referrals
from crmnb.demo.relationship import draw_accounts, simulate_relationship, story_of
from crmnb.demo.service import simulate_tickets, speed, with_follow_ups
from crmnb.demo.surveys import simulate_invitations, simulate_responses
from crmnb.demo.visits import simulate_visits


@dataclass(frozen=True)
class SimulatedTables:
    """The canonical tables by name, without faulty rows, and the number of customers at the start of each year.

    `streets`: where each customer really lives.
    """

    tables: dict[str, pd.DataFrame]
    at_start: dict[int, int]
    streets: pd.Series


def simulate_tables(rates: Rates, customers: int, seed: int) -> SimulatedTables:
    """Simulate a client with so many customers at the start of the first year. The same seed gives the same rows."""
    streams = iter(np.random.default_rng(seed).spawn(11))
    base = simulate_customers(rates, customers, next(streams))
    bought = simulate_orders(base, rates, next(streams))
    tickets = simulate_tickets(base, next(streams))
    invited = simulate_invitations(base, rates, bought, tickets, next(streams))
    # The relationship survey has random numbers of its own, so that those of all else are the same without it.
    comments = np.random.default_rng([seed, 3])  # their own, for the same reason
    contacts, of_invitations = np.random.default_rng([seed, 2]).spawn(2)
    account = draw_accounts(base, contacts)
    on_list = are_listed(len(account), export_streams(seed, 1)[0])
    invitations, sheets = simulate_relationship(base, account, on_list, story_of(seed), rates, of_invitations)
    tables = {
        "customers": _customers(base, next(streams)).assign(**_contacts(account, contacts)),
        "subscriptions": simulate_subscriptions(base, rates, next(streams)),
        "orders": bought,
        "tickets": tickets,
        "survey_invitations": pd.concat(
            [invited.drop(columns=["order_id", "ticket_id"]), invitations], ignore_index=True
        ),
        "survey_responses": pd.concat(
            [
                _with_channel(
                    add_comments(simulate_responses(base, rates, invited, speed(tickets), next(streams)), comments),
                    bought,
                    tickets,
                ),
                sheets,
            ],
            ignore_index=True,
        ),
        "reviews": _reviews(base, rates, next(streams)),
        "leads": simulate_leads(base, rates, next(streams)),
        "visits": simulate_visits(base, rates, next(streams)),
        "costs": simulate_costs(base, rates, next(streams)),
    }
    tables["customers"] = with_referrals(tables["customers"], seed)
    tables["survey_responses"] = with_follow_ups(tables["survey_responses"], seed)
    tables |= employees_of(tables["tickets"], tables["survey_responses"], seed)
    tables |= operations_of(tables["leads"], tables["customers"], seed)
    tables["activities"] = pd.concat([tables["activities"], simulate_trained_activities(seed)], ignore_index=True)
    tables |= engagement_of(base, seed)
    tables["customers"], streets = with_addresses(tables["customers"], seed)
    tables |= market_of(seed)
    tables = {name: table.drop(columns="who", errors="ignore") for name, table in tables.items()}
    return SimulatedTables(tables, dict(zip(YEARS, base.at_start.tolist(), strict=True)), streets)


def _with_channel(sheets: pd.DataFrame, orders: pd.DataFrame, tickets: pd.DataFrame) -> pd.DataFrame:
    """The answer sheets with the channel of the order or ticket that they are about."""
    of_order, of_ticket = (of.set_index(key)["channel"] for of, key in ((orders, "order_id"), (tickets, "ticket_id")))
    return sheets.assign(channel=sheets["ticket_id"].map(of_ticket).fillna(sheets["order_id"].map(of_order)))


def export_streams(seed: int, tables: int) -> list[np.random.Generator]:
    """The random numbers of the exports of so many tables, in order; that of customers is the first."""
    return np.random.default_rng([seed, 1]).spawn(tables)


def _customers(base: CustomerBase, rng: np.random.Generator) -> pd.DataFrame:
    rows = len(base.region)
    channels = rng.choice(["web", "friends", "shop", "partner"], rows, p=[0.45, 0.25, 0.2, 0.1]).astype(object)
    channels[rng.random(rows) < 0.03] = None
    return pd.DataFrame(
        {
            "customer_id": make_customer_ids(np.arange(rows)),
            "joined_at": to_times(np.floor(base.begins[:, 0])),
            "acquisition_channel": channels,
            "region": np.array(list(REGIONS), dtype=object)[base.region],
            "plan": np.array(list(PLANS), dtype=object)[base.plan],
        }
    )


def _contacts(account: np.ndarray, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """The kind of each customer, and the contact channels that they prefer and used last."""
    channels = np.array(CONTACT_CHANNELS, dtype=object)
    preferred = rng.choice(len(channels), len(account), p=[0.22, 0.28, 0.38, 0.12])
    used = np.where(
        rng.random(len(account)) < 0.5, preferred, rng.choice(len(channels), len(account), p=[0.5, 0.3, 0.1, 0.1])
    )
    unknown = rng.random(len(account)) < 0.05
    return {
        "account": np.array(list(ACCOUNTS), dtype=object)[account],
        "preferred_channel": np.where(unknown, None, channels[preferred]),
        "used_channel": np.where(unknown, None, channels[used]),
    }


def _reviews(base: CustomerBase, rates: Rates, rng: np.random.Generator) -> pd.DataFrame:
    parts = []
    for year, (first, last) in enumerate(pairwise(EDGES)):
        for platform, (share, scale) in PLATFORMS.items():
            rows, best = rng.poisson(rates.reviews[year] * share * base.at_start[year]), scale.boxes[-1]
            rating = rng.choice(scale.boxes, rows, p=rating_shares(rates, platform, year))
            day = rng.uniform(first, last, rows)
            parts.append(pd.DataFrame({"day": day, "platform": platform, "rating": rating, "scale": best}))
    frame = pd.concat(parts).sort_values("day", kind="stable").reset_index(drop=True)
    frame["posted_at"] = to_times(frame.pop("day").to_numpy())
    frame.insert(0, "review_id", make_keys("V", len(frame), 6))
    return frame
