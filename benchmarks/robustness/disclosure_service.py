"""A service desk whose tickets are attacked: few customers of an isle, few tickets by fax, and agents of whom one has hardly a ticket."""

import numpy as np
import pandas as pd

_CUSTOMERS, _TICKETS, _ANSWERS = 700, 900, 400
_END = pd.Timestamp("2026-01-01")
_AGENTS = {"Ann": 0.3, "Bea": 0.25, "Cy": 0.2, "Dan": 0.15, "Eve": 0.09, "Fay": 0.01}


def tickets_with_answers(rng: np.random.Generator) -> tuple[dict[str, pd.DataFrame], dict, dict]:
    """Tables, declarations, and no levels inside of others."""
    customers = pd.DataFrame({"customer_id": [f"c{at:03}" for at in range(_CUSTOMERS)], "joined_at": "2023-01-15"})
    customers["region"] = rng.choice(["North", "South", "Isle"], _CUSTOMERS, p=[0.6, 0.38, 0.02])
    tickets = _tickets(customers["customer_id"].to_numpy(), rng)
    answers = tickets.iloc[:_ANSWERS][["ticket_id", "customer_id"]].assign(survey="support")
    answers["response_id"] = [f"r{at}" for at in range(_ANSWERS)]
    answers["responded_at"] = tickets["opened_at"] + pd.Timedelta(days=20)
    answers["satisfied"] = rng.integers(1, 6, _ANSWERS)
    words = rng.choice(["the delivery was late", "the price is high", "no word of you"], _ANSWERS, p=[0.5, 0.4, 0.1])
    answers["comment"] = pd.Series(words).where(rng.random(_ANSWERS) < 0.8)
    answers["followed_up_at"] = answers["responded_at"].where(rng.random(_ANSWERS) < 0.5)
    declared = {
        "items": {"satisfied": {"scale": [1, 5], "name": "Satisfaction"}},
        "segments": {"region": {"column": "customers.region"}, "channel": {"column": "tickets.channel"}},
        "feedback": {"language": "en", "codebook": {"Delivery": ["delivery"], "Price": ["price"]}},
        "churn": {"kind": "contractual", "table": "customers"},
    }
    tables = {
        "customers": customers.assign(left_at=pd.NaT),
        "tickets": tickets,
        "survey_responses": answers[answers["responded_at"] < _END],
    }
    return tables, declared, {}


def _tickets(customers: np.ndarray, rng: np.random.Generator) -> pd.DataFrame:
    """A year and a half of tickets: some open, some reopened, of some the contacts are not known."""
    n = _TICKETS
    opened = pd.Series(pd.Timestamp("2024-06-01") + pd.to_timedelta(rng.integers(0, 570 * 1440, n), unit="min"))
    resolved = opened + pd.to_timedelta(1 + (60 * rng.exponential(60, n)).astype(int), unit="min")
    resolved = resolved.where((rng.random(n) < 0.95) & (resolved < _END))
    first = opened + pd.to_timedelta(rng.integers(1, 300, n), unit="min")
    return pd.DataFrame(
        {
            "ticket_id": [f"t{at}" for at in range(n)],
            "customer_id": rng.choice(customers, n),
            "opened_at": opened,
            "first_response_at": first.where(first < _END),
            "resolved_at": resolved,
            "reopened_at": (resolved - pd.Timedelta(minutes=1)).where(rng.random(n) < 0.05),
            "contacts": np.where(rng.random(n) < 0.01, np.nan, rng.integers(1, 3, n)),
            "reassignments": rng.integers(0, 2, n),
            "escalated": rng.random(n) < 0.05,
            "topic": rng.choice(["delivery", "bill"], n),
            "channel": rng.choice(["mail", "fax"], n, p=[0.96, 0.04]),
            "agent": rng.choice(list(_AGENTS), n, p=list(_AGENTS.values())),
        }
    )
