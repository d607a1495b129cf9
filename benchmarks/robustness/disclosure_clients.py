"""Small clients whose reports are attacked: some made at random, and others in which a small group could be given away."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.robustness import disclosure_audiences, disclosure_comments, disclosure_employees, disclosure_service
from crmnb.demo.draw import simulate_tables
from crmnb.demo.parameters import Rates
from crmnb.schema.client import Client

BELOW = 10
_DECLARED = {
    "currency": "EUR",
    "data_from": "2023-01-01",
    "data_until": "2025-12-31",
    "items": {
        "satisfied": {"scale": [1, 5]},
        "recommend": {"scale": [0, 10]},
        "effort": {"scale": [1, 7], "direction": "effort"},
    },
    "worth": {"margin_rate": 0.4},
    "privacy": {"min_base": 30, "suppress_below": BELOW},
}
_BY_CONTRACT = {"churn": {"kind": "contractual", "table": "subscriptions"}}
_BY_INACTIVITY = {"churn": {"kind": "inactivity", "inactivity_days": 180}}


@dataclass(frozen=True)
class Small:
    """A client: its tables, what it declares, and how two segmentations lie inside one another (their pairs of levels).

    below: of fewer people its report shows nothing. A client of employees alone declares 1 instead.
    """

    name: str
    tables: dict[str, pd.DataFrame]
    declared: dict[str, Any]
    within: dict[tuple[str, str], set]
    below: int = BELOW

    @property
    def suppress_below(self) -> int:
        """What the client declares."""
        return self.below if self.below == BELOW else 1

    def client(self, suppress_below: int | None = None) -> Client:
        """The client, to be measured in memory; suppress_below: where it is not to be what the client declares."""
        suppress_below = self.suppress_below if suppress_below is None else suppress_below
        privacy = {"min_base": 30, "suppress_below": suppress_below}
        said = self.declared | {"privacy": privacy, "tables": {name: {"columns": {}} for name in self.tables}}
        return Client(id=self.name, folder=Path(), name=self.name, sources={}, **said)

    def parameters(self) -> dict[str, Any]:
        """The parameters file of the same client, whose tables lie beside it as CSV."""
        tables = {
            name: {"source": name, "columns": {column: column for column in table.columns}, "bad_rows_allowed": 0.5}
            for name, table in self.tables.items()
        }
        sources = {name: {"file": f"{self.name}/{name}.csv"} for name in self.tables}
        privacy = {"min_base": 30, "suppress_below": self.suppress_below}
        return {"name": self.name, **self.declared, "privacy": privacy, "sources": sources, "tables": tables}


def at_random(count: int) -> Iterator[Small]:
    """Made-up clients of 40 to 400 customers with their usual segmentations, half of them without contracts."""
    segments = {
        "region": {"column": "customers.region"},
        "channel": {"column": "customers.acquisition_channel"},
        "tenure": {"column": "customers.joined_at", "years": [1, 3]},
        "category": {"column": "orders.category"},
        "source": {"column": "leads.source"},
    }
    for seed in range(count):
        customers = int(np.random.default_rng(seed).integers(40, 400))
        tables = dict(simulate_tables(Rates(), customers, seed).tables)
        churn = _BY_CONTRACT if seed % 2 else _BY_INACTIVITY
        if not seed % 2:
            tables.pop("subscriptions")
        yield Small(f"random_{seed}", tables, _DECLARED | churn | {"segments": segments}, {})


def crafted() -> Iterator[Small]:
    """One client for each way in which small groups were once given away, one with a relationship survey, two with employees, one with tickets, one with comments,
    one with e-mails and visits, and one with a survey of brands."""
    for name, make in _MAKERS.items():
        tables, declared, within = make(np.random.default_rng(1))
        below = disclosure_employees.BELOW if make is disclosure_employees.survey else BELOW
        yield Small(name, tables, _DECLARED | declared, within, below)


def _days(rng: np.random.Generator, n: int, first: str = "2025-01-01", days: int = 360) -> pd.Series:
    return pd.Timestamp(first) + pd.to_timedelta(rng.integers(0, days, n), unit="D")


def _customers(n: int, **columns) -> pd.DataFrame:
    return pd.DataFrame({"customer_id": [f"c{at:03}" for at in range(n)], "joined_at": "2023-01-15"} | columns)


def _orders(rng: np.random.Generator, buyers: list[str | None], **columns) -> pd.DataFrame:
    amounts = rng.gamma(4, 20, len(buyers)).round(2)
    frame = {"order_id": range(len(buyers)), "customer_id": buyers, "ordered_at": _days(rng, len(buyers))}
    return pd.DataFrame(frame | {"amount": amounts, "status": "paid"} | columns)


def _funnel(rng: np.random.Generator):
    """C1: who is shown as a numerator is the hidden denominator of the next step."""
    sent = _days(rng, 40)
    done = [pd.Series(sent).where(np.arange(40) < many) for many in (36, 14, 8)]
    simulate_invitations = dict(zip(("reached_at", "started_at", "completed_at"), done, strict=True))
    surveys = pd.DataFrame(
        {
            "invitation_id": range(40),
            "survey": "purchase",
            "customer_id": [f"c{at:03}" for at in range(40)],
            "sent_at": sent,
        }
        | simulate_invitations
    )
    leads = _leads(rng, {"web": 40}, reached=(12, 7, 3))
    return {"customers": _customers(60), "survey_invitations": surveys, "leads": leads}, {}, {}


def _leads(rng: np.random.Generator, sources: dict[str, int], reached: tuple[int, int, int]) -> pd.DataFrame:
    n = sum(sources.values())
    created = pd.Series(_days(rng, n, days=120))
    order = np.argsort(rng.random(n))
    times = {
        name: (created + pd.Timedelta(days=10 * step)).where(order < many)
        for step, (name, many) in enumerate(zip(("qualified_at", "proposed_at", "won_at"), reached, strict=True), 1)
    }
    return pd.DataFrame(
        {"lead_id": range(n), "created_at": created, "source": np.repeat(list(sources), list(sources.values()))} | times
    )


def _left_out(rng: np.random.Generator):
    """C2: a curve leaves a level of four leads out."""
    leads = _leads(rng, {"web": 40, "fair": 25, "friends": 4}, reached=(50, 40, 30))
    segments = {"segments": {"source": {"column": "leads.source"}}}
    return {"customers": _customers(40), "leads": leads}, segments, {}


def _nested(rng: np.random.Generator):
    """C3: 20 and over less 25 and over are three."""
    customers = _customers(83, age=[18] * 40 + [22] * 3 + [30] * 40)
    bands = {"adult": {"column": "customers.age", "bands": [20]}, "grown": {"column": "customers.age", "bands": [25]}}
    within = {
        ("adult", "grown"): {
            ("under 20", "under 25"),
            ("20 or more", "under 25"),
            ("20 or more", "25 or more"),
        }
    }
    buyers = [who for who in customers["customer_id"] for _ in range(2)]
    return {"customers": customers, "orders": _orders(rng, buyers)}, _BY_INACTIVITY | {"segments": bands}, within


def _components(rng: np.random.Generator):
    """C4: response and cooperation have the same numerator and hide different regions beside the small one."""
    regions = np.repeat(["North", "South", "East", "West"], [40, 9, 14, 15])
    sent = pd.Series(_days(rng, 78))
    at = np.arange(78)
    reached = sent.where(~np.isin(at, [63, 64, 65]))  # West: fewer were reached than East has
    surveys = pd.DataFrame(
        {
            "invitation_id": at,
            "survey": "purchase",
            "customer_id": [f"c{each:03}" for each in at],
            "sent_at": sent,
            "reached_at": reached,
            "started_at": reached.where(at % 3 > 0),
            "completed_at": reached.where(at % 3 > 1),
        }
    )
    segments = {"segments": {"region": {"column": "customers.region"}}}
    return {"customers": _customers(78, region=regions), "survey_invitations": surveys}, segments, {}


def _same_people(rng: np.random.Generator):
    """C5: in January and in February the same six bought; in the other months thirty did."""
    few = [f"c{at:03}" for at in range(6)]
    months = [few, few, *([f"c{at:03}" for at in range(30)] for _ in range(10))]
    buyers = [who for held in months for who in held]
    days = [pd.Timestamp(2025, month, 10) for month, held in enumerate(months, 1) for _ in held]
    return {"customers": _customers(40), "orders": _orders(rng, buyers, ordered_at=days)}, _BY_INACTIVITY, {}


def _weeks(rng: np.random.Generator):
    """C6: week by week, single repeat purchases."""
    n = 120
    buyers = [f"c{at:03}" for at in range(n)] + [f"c{at:03}" for at in rng.integers(0, n, 240)]
    days = [*_days(rng, n, "2023-01-01", 500), *_days(rng, 240, "2024-03-01", 660)]
    return {"customers": _customers(n), "orders": _orders(rng, buyers, ordered_at=days)}, _BY_INACTIVITY, {}


def _anonymous(rng: np.random.Generator):
    """C7: one order of all carries no customer."""
    buyers = [f"c{at:03}" for at in rng.integers(0, 40, 90)] + [None]
    return {"customers": _customers(40), "orders": _orders(rng, buyers)}, _BY_INACTIVITY, {}


def _drivers(rng: np.random.Generator):
    """C8: beside the curves of 71 customers by region, the sizes of the groups that leaving goes with."""
    n = 71
    customers = _customers(
        n, region=np.repeat(["North", "South", "East", "West"], [30, 8, 15, 18]), kind=rng.choice(["a", "b"], n)
    )
    begun = _days(rng, n, "2023-02-01", 500)
    ended = pd.Series(begun + pd.to_timedelta(rng.exponential(500, n), unit="D")).dt.floor("D")
    contracts = pd.DataFrame(
        {
            "subscription_id": range(n),
            "customer_id": customers["customer_id"],
            "started_at": begun,
            "ended_at": ended.where(ended < "2026-01-01"),
            "monthly_amount": 10,
        }
    )
    customers["joined_at"] = begun
    segments = {"segments": {"region": {"column": "customers.region"}, "kind": {"column": "customers.kind"}}}
    return {"customers": customers, "subscriptions": contracts}, _BY_CONTRACT | segments, {}


def _relationship(rng: np.random.Generator):
    """C9: two waves of a relationship survey with gaps, by region and by a column of the answers, each with a small level; a region is dissatisfied.

    Few prefer one of the contact channels, and some have opened a ticket.
    """
    n, items = 99, ["s1", "s2", "p1", "p2", "i1", "i2", "l1"]
    regions = rng.choice(["North", "South", "East", "West"], n, p=[0.5, 0.3, 0.14, 0.06])
    channels, opinion = rng.choice(["web", "shop", "phone"], n, p=[0.6, 0.33, 0.07]), rng.normal(size=n)
    opinion = opinion - 2.0 * (regions == "East")
    customers, waves = _customers(n, region=regions), []
    for year in (2024, 2025):
        answers = {item: np.clip(np.round(6.5 + 1.5 * (opinion + rng.normal(size=n))), 1, 10) for item in items}
        wave = pd.DataFrame(answers).mask(rng.random((n, len(items))) < 0.02)
        days = _days(rng, n, f"{year}-01-01")
        wave = wave.assign(response_id=[f"{year}-{at}" for at in range(n)], customer_id=customers["customer_id"])
        waves.append(wave.assign(survey="relationship", channel=channels, responded_at=days).iloc[: n - 9])
    declared = {
        "items": {item: {"scale": [1, 10], "name": item} for item in items},
        "relationship": {
            "index": ["i1", "i2"],
            "drivers": {"Service": ["s1", "s2"], "Price": ["p1", "p2"]},
            "outcomes": {"Loyalty": ["l1"]},
        },
        "segments": {"region": {"column": "customers.region"}, "channel": {"column": "survey_responses.channel"}},
    }
    declared["churn"] = {"kind": "contractual", "table": "customers"}
    reached = [rng.choice(["app", "mail", "fax"], n, p=[0.5, 0.42, 0.08]) for _ in range(2)]
    customers = customers.assign(left_at=pd.NaT, preferred_channel=reached[0], used_channel=reached[1])
    asked = customers["customer_id"][rng.random(n) < 0.4].tolist()
    tickets = pd.DataFrame({"ticket_id": [f"t{at}" for at in range(len(asked))], "customer_id": asked})
    tickets["opened_at"] = _days(rng, len(asked), "2024-06-01", 180)
    return (
        {"customers": customers, "survey_responses": pd.concat(waves, ignore_index=True), "tickets": tickets},
        declared,
        {},
    )


_MAKERS: dict[str, Callable] = {
    "c1_funnel": _funnel,
    "c2_left_out": _left_out,
    "c3_nested": _nested,
    "c4_components": _components,
    "c5_same_people": _same_people,
    "c6_weeks": _weeks,
    "c7_anonymous": _anonymous,
    "c8_drivers": _drivers,
    "c9_relationship": _relationship,
    "c10_employees": disclosure_employees.survey_with_customers,
    "c11_employees_alone": disclosure_employees.survey,
    "c12_service": disclosure_service.tickets_with_answers,
    "c13_comments": disclosure_comments.comments,
    "c14_mailing": disclosure_audiences.mailing,
    "c15_brands": disclosure_audiences.brand_survey,
}
