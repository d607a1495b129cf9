"""The facts of the capstone's client: what is counted of a simulated client by a seed, in plain pandas."""

from dataclasses import dataclass
from typing import Any

YEAR = 2025
CUSTOMERS = 400
SATISFIED = 4  # of 5: the two best answers
LAST_DAY = "15 November"  # until when the data of the running quarter reach


@dataclass(frozen=True)
class Facts:
    """Counts of the year and of the year before, as the report's own table and its lines use them."""

    invited: int
    reached: int
    answered: int
    promoters: dict[str, int]
    detractors: dict[str, int]
    scored: dict[str, int]
    satisfied: dict[int, int]
    rated: dict[int, int]
    unrated: int
    points: float
    quarter: dict[int, float]
    quarter_to_date: dict[int, float]
    orders: int
    cancelled: int
    buyers: int
    revenue: float
    amount_of_cancelled: float
    abroad: float
    home: float
    regions: dict[str, tuple[int, int]]
    groups: dict[str, int]
    threshold: int
    customers: int
    retained: int
    lost_new: int
    tickets: int
    open_tickets: int
    median_of_closed: float
    median: float


def facts_of(seed: int) -> Facts:
    """The facts of the client that is simulated with this seed."""
    from crmnb.demo.draw import simulate_tables
    from crmnb.demo.parameters import Rates

    tables = simulate_tables(Rates(), CUSTOMERS, seed).tables
    return Facts(**_survey(tables), **_orders(tables), **_groups(tables), **_customers(tables), **_tickets(tables))


def _of(rows: Any, column: str, year: int = YEAR) -> Any:
    return rows[rows[column].dt.year == year]


def _survey(tables: dict[str, Any]) -> dict[str, Any]:
    invitations = _of(tables["survey_invitations"], "sent_at")
    invitations = invitations[invitations["survey"] == "purchase"]
    answers = tables["survey_responses"]
    survey_answers = answers[answers["survey"].isin(("purchase", "support"))]
    scores = _of(survey_answers, "responded_at").dropna(subset=["recommend"]).groupby("survey")["recommend"]
    of_year = {year: _of(survey_answers, "responded_at", year) for year in (YEAR - 1, YEAR)}
    rated = {year: rows["satisfied"].dropna() for year, rows in of_year.items()}
    return {
        "invited": len(invitations),
        "reached": int(invitations["reached_at"].notna().sum()),
        "answered": int(invitations["completed_at"].notna().sum()),
        "promoters": {name: int((values >= 9).sum()) for name, values in scores},
        "detractors": {name: int((values <= 6).sum()) for name, values in scores},
        "scored": {name: len(values) for name, values in scores},
        "satisfied": {year: int((values >= SATISFIED).sum()) for year, values in rated.items()},
        "rated": {year: len(values) for year, values in rated.items()},
        "unrated": len(of_year[YEAR]) - len(rated[YEAR]),
        "points": float(rated[YEAR].sum()),
    }


def _orders(tables: dict[str, Any]) -> dict[str, Any]:
    every = tables["orders"]
    orders, valid = _of(every, "ordered_at"), every[every["status"] != "cancelled"]
    counted = _of(valid, "ordered_at")
    last = {year: _of(valid, "ordered_at", year) for year in (YEAR - 1, YEAR)}
    quarter = {year: rows[rows["ordered_at"].dt.month >= 10] for year, rows in last.items()}
    to_date = {year: rows[rows["ordered_at"] < f"{year}-11-16"]["amount"].sum() for year, rows in quarter.items()}
    cancelled = orders[orders["status"] == "cancelled"]
    abroad = counted[counted["channel"] == "phone"]["amount"].sum()
    return {
        "quarter": {year: float(rows["amount"].sum()) for year, rows in quarter.items()},
        "quarter_to_date": {year: float(amount) for year, amount in to_date.items()},
        "orders": len(counted),
        "cancelled": len(cancelled),
        "buyers": int(counted["customer_id"].nunique()),
        "revenue": float(counted["amount"].sum()),
        "amount_of_cancelled": float(cancelled["amount"].sum()),
        "abroad": float(abroad),
        "home": float(counted["amount"].sum() - abroad),
    }


def _groups(tables: dict[str, Any]) -> dict[str, Any]:
    """Satisfied and rated answers by region; and refunds by category, of which one group is too small to be shown."""
    region = tables["customers"].set_index("customer_id")["region"]
    answers = _of(tables["survey_responses"], "responded_at").dropna(subset=["satisfied"])
    by_region = answers.groupby(answers["customer_id"].map(region))["satisfied"]
    orders = _of(tables["orders"], "ordered_at")
    refunds = orders[orders["status"] == "refunded"]["category"].value_counts().sort_values(kind="stable")
    return {
        "regions": {name: (int((values >= SATISFIED).sum()), len(values)) for name, values in by_region},
        "groups": {str(name): int(number) for name, number in refunds.items()},
        "threshold": int(refunds.iloc[0]) + 1,
    }


def _customers(tables: dict[str, Any]) -> dict[str, Any]:
    plans = tables["subscriptions"]
    start, end = f"{YEAR}-01-01", f"{YEAR + 1}-01-01"
    at_start = set(plans[(plans["started_at"] < start) & ~(plans["ended_at"] < start)]["customer_id"])
    at_end = set(plans[(plans["started_at"] < end) & ~(plans["ended_at"] < end)]["customer_id"])
    ever = set(plans[plans["started_at"] < end]["customer_id"])
    begun = set(plans[(plans["started_at"] >= start) & (plans["started_at"] < end)]["customer_id"])
    return {
        "customers": len(at_start),
        "retained": len(at_start & at_end),
        "lost_new": len((ever & begun) - at_start - at_end),
    }


def _tickets(tables: dict[str, Any]) -> dict[str, Any]:
    tickets = _of(tables["tickets"], "opened_at")
    tickets = tickets[tickets["cancelled_at"].isna()]
    hours = ((tickets["resolved_at"] - tickets["opened_at"]).dt.total_seconds() / 3600).sort_values()
    closed = hours.dropna()
    return {
        "tickets": len(tickets),
        "open_tickets": int(hours.isna().sum()),
        "median_of_closed": float(closed.median()),
        "median": float(hours.fillna(float("inf")).median()),
    }
