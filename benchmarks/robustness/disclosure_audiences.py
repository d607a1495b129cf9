"""Audiences that are attacked: a mailing to few of an isle, few mailings by post, few visits from a leaflet, and a survey that asks few about a small brand."""

import numpy as np
import pandas as pd

_CUSTOMERS, _SENDS, _VISITS, _RESPONDENTS = 260, 1400, 900, 220
_BRANDS = {
    "Ours": (1.0, 0.8),
    "Superstore": (1.0, 0.9),
    "Deli": (0.16, 0.5),
}  # of each: who are asked about it, who of these are aware
_NEXT = {"considers": 0.6, "prefers": 0.5, "uses": 0.7}  # of those at the stage before


def mailing(rng: np.random.Generator) -> tuple[dict[str, pd.DataFrame], dict, dict]:
    """E-mails with tests of personalisation, visits, a loyalty programme and days of use; declarations, and no levels inside of others."""
    customers = pd.DataFrame({"customer_id": [f"c{at:03}" for at in range(_CUSTOMERS)], "joined_at": "2023-01-15"})
    customers["region"] = rng.choice(["North", "South", "East", "Isle"], _CUSTOMERS, p=[0.5, 0.3, 0.17, 0.03])
    ids = customers["customer_id"].to_numpy()
    declared = {
        "segments": {
            "region": {"column": "customers.region"},
            "campaign": {"column": "sends.campaign"},
            "source": {"column": "visits.source"},
        },
        "churn": {"kind": "contractual", "table": "customers"},
    }
    tables = {
        "customers": customers.assign(left_at=pd.NaT),
        "sends": _sends(rng, ids),
        "visits": _visits(rng, ids),
        "loyalty": _loyalty(rng, ids),
        "usage": _usage(rng, ids),
    }
    return tables, declared, {}


def brand_survey(rng: np.random.Generator) -> tuple[dict[str, pd.DataFrame], dict, dict]:
    """Two waves of a survey on three brands of which one is asked about rarely, by a region of few; declarations, and no levels inside of others."""
    rows = []
    for wave in ("2024", "2025"):
        regions = rng.choice(["North", "South", "Isle"], _RESPONDENTS, p=[0.55, 0.41, 0.04])
        days = pd.Timestamp(f"{wave}-01-01") + pd.to_timedelta(rng.integers(0, 360, _RESPONDENTS), unit="D")
        for brand, (asked, aware) in _BRANDS.items():
            n = _RESPONDENTS
            answers = {"aware": rng.random(n) < aware}
            for stage, share in _NEXT.items():
                answers[stage] = rng.random(n) < share
            answers |= {"quality": rng.integers(1, 11, n), "trust": rng.integers(1, 11, n)}
            frame = pd.DataFrame(answers | {"asked_at": days, "region": regions, "brand": brand, "wave": wave})
            frame["respondent_id"] = [f"{wave}-{at}" for at in range(n)]
            frame["fair_price"] = rng.gamma(20, 0.5, n).round(2)
            rows.append(frame[rng.random(n) < asked])
    declared = {
        "items": {name: {"scale": [1, 10], "name": name} for name in ("quality", "trust")},
        "market": {"own_brand": "Ours", "pillars": {"Quality": ["quality"], "Trust": ["trust"]}},
        "segments": {"region": {"column": "brand_survey.region"}},
    }
    return {"brand_survey": pd.concat(rows, ignore_index=True)}, declared, {}


def _moments(rng: np.random.Generator, n: int) -> pd.Series:
    """Minutes of two years."""
    return pd.Series(pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(0, 729 * 1440, n), unit="min"))


def _later(rng: np.random.Generator, time: pd.Series, chance: float) -> pd.Series:
    """Within a day of each moment, where chance has it."""
    later = time + pd.to_timedelta(rng.integers(1, 1440, len(time)), unit="min")
    return later.where(rng.random(len(time)) < chance)


def _sends(rng: np.random.Generator, ids: np.ndarray) -> pd.DataFrame:
    """Messages of three campaigns, the third to few; a quarter take part in a test of personalisation."""
    sent = _moments(rng, _SENDS)
    opened = _later(rng, sent, 0.3)
    in_test = rng.random(_SENDS) < 0.25
    return pd.DataFrame(
        {
            "send_id": [f"s{at}" for at in range(_SENDS)],
            "campaign": rng.choice(["spring", "news", "isle"], _SENDS, p=[0.5, 0.48, 0.02]),
            "channel": rng.choice(["e-mail", "post"], _SENDS, p=[0.97, 0.03]),
            "customer_id": rng.choice(ids, _SENDS),
            "sent_at": sent,
            "delivered": rng.random(_SENDS) < 0.97,
            "opened_at": opened,
            "machine_open": opened.notna() & (rng.random(_SENDS) < 0.1),
            "clicked_at": _later(rng, opened, 0.3),
            "unsubscribed_at": _later(rng, sent, 0.02),
            "personalised": rng.random(_SENDS) < 0.5,
            "experiment": np.where(in_test, "greeting", None),
        }
    )


def _visits(rng: np.random.Generator, ids: np.ndarray) -> pd.DataFrame:
    """Sessions, some of nobody who is known, few from a leaflet."""
    visitors = rng.integers(0, 300, _VISITS)
    return pd.DataFrame(
        {
            "visit_id": [f"v{at}" for at in range(_VISITS)],
            "visitor_id": [f"d{at}" for at in visitors],
            "customer_id": np.where(visitors < len(ids), ids[np.minimum(visitors, len(ids) - 1)], None),
            "started_at": _moments(rng, _VISITS),
            "seconds": rng.exponential(90, _VISITS).round().clip(1),
            "pages": rng.integers(1, 6, _VISITS),
            "source": rng.choice(["search", "direct", "leaflet"], _VISITS, p=[0.6, 0.38, 0.02]),
            "converted": rng.random(_VISITS) < 0.05,
        }
    )


def _loyalty(rng: np.random.Generator, ids: np.ndarray) -> pd.DataFrame:
    members = ids[rng.random(len(ids)) < 0.4]
    enrolled = _moments(rng, len(members))
    active = enrolled + pd.to_timedelta(rng.integers(0, 400, len(members)), unit="D")
    last = active.where(active < pd.Timestamp("2026-01-01"))
    return pd.DataFrame({"customer_id": members, "enrolled_at": enrolled, "last_active_at": last})


def _usage(rng: np.random.Generator, ids: np.ndarray) -> pd.DataFrame:
    days = pd.date_range("2024-01-01", "2025-12-31")
    active = rng.random((len(ids), len(days))) < rng.beta(0.3, 20, len(ids))[:, None]
    who, when = np.nonzero(active)
    return pd.DataFrame({"customer_id": ids[who], "day": days[when]})
