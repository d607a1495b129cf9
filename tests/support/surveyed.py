"""A client with a survey, and its answers."""

from datetime import datetime
from pathlib import Path

import pandas as pd

from crmnb.schema.client import Client

SEEN = (datetime(2023, 1, 1), datetime(2026, 1, 1))


def client(**changes) -> Client:
    given = {
        "id": "harbour",
        "folder": Path(),
        "name": "Harbour",
        "currency": "GBP",
        "sources": {},
        "tables": {},
        "items": {"satisfied": {"scale": (1, 5)}, "effort": {"scale": (1, 7), "direction": "ease"}},
        "privacy": {"min_base": 1, "suppress_below": 1},
    }
    return Client(**(given | changes))


def answers(year: int, satisfied: list[int], customers: list[str], **more) -> pd.DataFrame:
    days = pd.date_range(f"{year}-01-05", periods=len(satisfied), freq="7D")
    frame = pd.DataFrame({"customer_id": customers, "responded_at": days, "satisfied": satisfied, "survey": "s"})
    return frame.assign(response_id=[f"{year}-{i}" for i in range(len(frame))], **more)
