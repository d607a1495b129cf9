"""Service and operations by plain pandas, the dumbest way to each: a dictionary of (metric, breakdown).

`start` and `end` are the period's, half-open; the data end with `until`. What a ticket is (when it ended, whether the first contact resolved it,
the hours that the desk works) is told by the same plain functions as in the benchmark `service`, which share nothing with the suite.
"""

import re
from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmarks.speed.service_pandas_tickets import (
    DAY,
    WorkingHours,
    at_first_contact,
    followed,
    next_openings,
    resolved_in,
    times_to,
    with_ends,
)

Figures = dict[tuple[str, str], float]
_WITHIN = (1, 4, 8, 24, 72, 168)
_WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_KINDS = {
    "letters_sent": "letter",
    "brochures_sent": "brochure",
    "seminar_attendance": "seminar",
    "profile_creation": "profile",
    "calls_made": "call",
    "visits_made": "visit",
    "samples_sent": "sample",
}


class Span:
    """A period, and when the data end."""

    def __init__(self, start, end, until):
        self.start, self.end, self.until = (pd.Timestamp(moment) for moment in (start, end, until))

    def of(self, rows: pd.DataFrame, time: str) -> pd.DataFrame:
        """The rows with a time in the period."""
        return rows[(rows[time] >= self.start) & (rows[time] < self.end)]

    def watched(self, rows: pd.DataFrame, time: str, days: int) -> pd.DataFrame:
        """Those of them that the data follow for so many days."""
        return self.of(rows[rows[time] <= self.until - days * DAY], time)


def counting(tickets: pd.DataFrame) -> pd.DataFrame:
    """The tickets that were not cancelled."""
    if "cancelled_at" in tickets:
        tickets = tickets[tickets["cancelled_at"].isna()]
    return tickets.reset_index(drop=True)


# ---- Service ------------------------------------------------------------------------------------------------------------


def all_of_service(
    tickets: pd.DataFrame,
    span: Span,
    hours: WorkingHours,
    *,
    horizon: float = 720,
    first_days: int = 7,
    customers: float = np.nan,
) -> Figures:
    """What tickets alone tell. customers: how many there are at the start; horizon: hours of the restricted mean."""
    tickets = with_ends(counting(tickets))
    figures = _times(span.of(tickets, "opened_at"), span, hours, horizon) | _first(tickets, span, first_days)
    figures |= _volume(tickets, span) | _quality(tickets, span)
    if customers == customers:
        figures["contact_rate", ""] = 100 * len(span.of(tickets, "opened_at")) / customers
    return figures


def _times(opened: pd.DataFrame, span: Span, hours: WorkingHours, horizon: float) -> Figures:
    curve = _left(times_to(opened, "solved_at", span.until, hours))
    figures = {
        ("median_resolution_time", ""): _first_time(curve, 0.5),
        ("p90_resolution_time", ""): _first_time(curve, 0.1),
        ("mean_resolution_time", ""): _area(curve, horizon),
    }
    for most in _WITHIN:
        reached = curve[curve.index <= most]
        figures["resolution_curve", f"within {most} hour{'s' if most > 1 else ''}"] = 100 * (
            1 - (reached.iloc[-1] if len(reached) else 1.0)
        )
    if "first_response_at" in opened:
        figures["first_response_time", ""] = _first_time(
            _left(times_to(opened, "first_response_at", span.until, hours)), 0.5
        )
    return figures


def _left(cases: pd.DataFrame) -> pd.Series:
    """The share of cases not over, by hours (Kaplan & Meier, time by time)."""
    known = cases[~cases["missing"]]
    share, by_hours = 1.0, {}
    for minutes in np.unique(known.loc[known["event"] == 1, "minutes"]):
        at_risk = (known["minutes"] >= minutes).sum()
        share *= 1 - ((known["minutes"] == minutes) & (known["event"] == 1)).sum() / at_risk
        by_hours[minutes / 60] = share
    return pd.Series(by_hours, dtype=float)


def _first_time(curve: pd.Series, left: float) -> float:
    reached = curve[curve <= left + 1e-9]
    return reached.index[0] if len(reached) else np.nan


def _area(curve: pd.Series, horizon: float) -> float:
    steps = curve[curve.index < horizon]
    edges, heights = [0.0, *steps.index, horizon], [1.0, *steps]
    return sum((end - begin) * height for begin, end, height in zip(edges, edges[1:], heights, strict=False))


def _first(tickets: pd.DataFrame, span: Span, days: int) -> Figures:
    following = None
    if {"customer_id", "topic"} <= {*tickets}:
        codes = [pd.factorize(tickets[name])[0] for name in ("customer_id", "topic")]
        following = next_openings(*codes, tickets["opened_at"])
    rows = span.of(followed(tickets, span.until, days), "opened_at")
    return {
        ("first_contact_resolution", name): 100 * met.mean()
        for name, met in at_first_contact(rows, days, following).items()
    }


def _volume(tickets: pd.DataFrame, span: Span) -> Figures:
    opened = span.of(tickets, "opened_at")
    solved = len(span.of(tickets, "solved_at"))
    end = min(span.end, span.until)
    waiting = tickets[(tickets["opened_at"] < end) & ~(tickets["ended_at"] < end)]
    age = (end - waiting["opened_at"]) / DAY
    figures = {
        ("ticket_volume", ""): len(opened),
        ("ticket_flow", "opened"): len(opened),
        ("ticket_flow", "resolved"): len(span.of(tickets, "ended_at")),
        ("problems_solved", ""): solved,
        ("backlog", ""): len(waiting),
        ("backlog_by_age", "1 under 7 days"): (age < 7).sum(),
        ("backlog_by_age", "2 from 7 to under 30 days"): ((age >= 7) & (age < 30)).sum(),
        ("backlog_by_age", "3 from 30 days"): (age >= 30).sum(),
    }
    for number, name in enumerate(_WEEKDAYS):
        figures["arrival_pattern", name] = 100 * (opened["opened_at"].dt.day_of_week == number).mean()
    return figures


def _quality(tickets: pd.DataFrame, span: Span) -> Figures:
    figures = {}
    if "reopened_at" in tickets:
        resolved = span.watched(tickets, "resolved_at", 30)
        again = resolved["reopened_at"] - resolved["resolved_at"] <= 30 * DAY
        figures["reopen_rate", ""] = 100 * again.mean()
    opened = span.watched(tickets, "opened_at", 14)
    if "escalated" in tickets:
        figures["escalation_rate", ""] = 100 * opened["escalated"].dropna().astype(bool).mean()
    if "reassignments" in tickets:
        figures["transfer_rate", ""] = 100 * (opened["reassignments"].dropna() > 0).mean()
    if "sla_due_at" in tickets:
        due = span.of(tickets, "sla_due_at")
        due = due[due["solved_at"].notna() | due["ended_at"].isna()]
        figures["sla_compliance_rate", ""] = 100 * (due["solved_at"] <= due["sla_due_at"]).mean()
    elif "sla_met" in tickets:
        figures["sla_compliance_rate", ""] = 100 * span.of(tickets, "opened_at")["sla_met"].dropna().astype(bool).mean()
    return figures


def agents_resolved(tickets: pd.DataFrame, span: Span, mix: list[str]) -> pd.Series:
    """By agent, resolved tickets over those that all agents' shares in the same kinds of tickets would make, times the share of all."""
    rows = span.of(followed(with_ends(counting(tickets)), span.until, 7), "opened_at").dropna(subset="agent")
    done = resolved_in(rows, 7)
    kind = rows[mix].astype(object).fillna("?").agg("/".join, axis=1)
    expected = done.groupby(kind).transform("mean").groupby(rows["agent"]).sum()
    return (100 * done.mean() * done.groupby(rows["agent"]).sum() / expected).clip(upper=100)


# ---- Answers about tickets ----------------------------------------------------------------------------------------------


def of_answers(
    tickets: pd.DataFrame, sheets: pd.DataFrame, span: Span, hours: WorkingHours, scale: tuple[int, int] = (1, 5)
) -> Figures:
    """The closed loop, and the regression of points on the doublings of hours and on the first contact."""
    low, high = scale
    sheets = sheets[sheets["satisfied"].notna()]
    sheets = sheets.assign(points=100 * (sheets["satisfied"].astype(float) - low) / (high - low))
    due = span.watched(sheets, "responded_at", 7)
    due = due[due["points"] <= 50]
    figures = {("closed_loop_rate", ""): 100 * (due["followed_up_at"] <= due["responded_at"] + 7 * DAY).mean()}
    tickets = with_ends(counting(tickets))
    codes = [pd.factorize(tickets[name])[0] for name in ("customer_id", "topic")]
    rows = span.of(followed(tickets, span.until, 7), "opened_at")
    loose = at_first_contact(rows, 7, next_openings(*codes, tickets["opened_at"]))["loose"]
    rows = rows.assign(first=loose.astype(float))[rows["solved_at"] < span.until].merge(
        sheets[["ticket_id", "points"]], on="ticket_id"
    )
    minutes = hours.until(rows["solved_at"]) - hours.until(rows["opened_at"])
    design = np.column_stack([np.ones(len(rows)), np.log2(np.maximum(minutes, 1)), rows["first"]])
    _, speed, first = np.linalg.lstsq(design, rows["points"].to_numpy(), rcond=None)[0]
    figures["effect_on_satisfaction", "per doubling of the resolution time"] = speed
    figures["effect_on_satisfaction", "resolved at the first contact"] = first
    return figures


def agents_satisfaction(
    tickets: pd.DataFrame, sheets: pd.DataFrame, span: Span, scale: tuple[int, int] = (1, 5)
) -> pd.Series:
    """By agent, the mean of points moved towards that of all, by Morris's factor and the variance between agents by moments."""
    low, high = scale
    agent = sheets["ticket_id"].map(counting(tickets).set_index("ticket_id")["agent"])
    rows = span.of(sheets.assign(agent=agent), "responded_at").dropna(subset=["agent", "satisfied"])
    points = 100 * (rows["satisfied"].astype(float) - low) / (high - low)
    of_agent = points.groupby(rows["agent"])
    mean, n = of_agent.mean(), of_agent.size()
    chance = ((points - of_agent.transform("mean")) ** 2).sum() / (len(rows) - len(mean)) / n
    return _moved(mean, chance)


def agents_themes(
    tickets: pd.DataFrame, sheets: pd.DataFrame, span: Span, words: Mapping[str, tuple[str, ...]], most: int
) -> list[tuple[str, pd.Series, pd.Series]]:
    """Of the most frequent themes: the name, and by agent the share of the comments with one of its words, in percent, as it is and moved."""
    agent = sheets["ticket_id"].map(counting(tickets).set_index("ticket_id")["agent"])
    rows = span.of(sheets.assign(agent=agent), "responded_at").dropna(subset=["agent", "comment"])
    rows = rows[rows["comment"].str.contains(r"[^\W_]")]
    own = [set(re.findall(r"\w+", text.lower())) for text in rows["comment"]]
    about = {name: pd.Series([bool(theirs & {*nouns}) for theirs in own], rows.index) for name, nouns in words.items()}
    shares = []
    for name in sorted(about, key=lambda name: -about[name].sum())[:most]:
        of_agent = about[name].groupby(rows["agent"])
        pooled, share = about[name].mean(), of_agent.mean()
        shares.append((name, 100 * share, 100 * _moved(share, pooled * (1 - pooled) / of_agent.size()).clip(0, 1)))
    return shares


def _moved(mean: pd.Series, chance: pd.Series) -> pd.Series:
    """Means of which each varies so much by chance, moved towards that of all."""
    weight = 1 / chance
    scatter = (weight * (mean - (weight * mean).sum() / weight.sum()) ** 2).sum()
    between = max((scatter - (len(mean) - 1)) / (weight.sum() - (weight**2).sum() / weight.sum()), 0)
    weight = 1 / (chance + between)
    centre = (weight * mean).sum() / weight.sum()
    moved = (len(mean) - 3) / (len(mean) - 1) * chance / (chance + between)
    return mean + moved * (centre - mean)


# ---- Operations ---------------------------------------------------------------------------------------------------------


def all_of_operations(tables: Mapping[str, pd.DataFrame], span: Span, customers: float) -> Figures:
    """What needs no tickets but for their number. customers: how many there are at the start."""
    leads, activities, runs, teams = (tables[name] for name in ("leads", "activities", "process_runs", "teams"))
    figures = _done(activities, span) | _led(leads, span) | _gaps(activities, leads, span)
    ran = span.of(runs, "started_at")
    alone = ran["automated"] & ran["exception"].isna()
    figures["process_automation_rate", ""] = 100 * alone.mean()
    figures["automated_processes", ""] = 100 * (alone.groupby(ran["process"]).mean() >= 0.9).mean()
    costs = span.of(tables["costs"], "month")
    spent = costs.loc[costs["category"] == "service", "amount"].astype(float).sum()
    tickets = counting(tables["tickets"])
    figures["cost_to_serve", "per customer"] = spent / customers
    figures["cost_to_serve", "per ticket"] = spent / len(span.of(tickets, "opened_at"))
    known = teams.dropna(subset="trained")
    figures["training_coverage", ""] = 100 * known["trained"].sum() / known["headcount"].sum()
    return figures


def referred(customers: pd.DataFrame, span: Span) -> Figures:
    """The customers of the client's list who joined and were referred."""
    joined = span.of(customers, "joined_at")
    return {("referrals", ""): joined["referred_by"].notna().sum()}


def _done(activities: pd.DataFrame, span: Span) -> Figures:
    done = span.of(activities, "happened_at")
    sellers, figures = done["seller"].nunique(), {}
    for metric, kind in _KINDS.items():
        n = (done["kind"] == kind).sum()
        figures |= {(metric, ""): n, (metric, "per seller"): n / sellers}
    watched = span.watched(activities, "happened_at", 30)
    led_on = _led_on(watched)
    return figures | {
        ("next_step_rate", kind): 100 * share for kind, share in led_on.groupby(watched["kind"]).mean().items()
    }


def _led_on(activities: pd.DataFrame) -> pd.Series:
    """Whether a next step came within 30 days, to the minute."""
    return (activities["next_step_at"] - activities["happened_at"]) < 30 * DAY + pd.Timedelta(minutes=1)


def _led(leads: pd.DataFrame, span: Span) -> Figures:
    at = {name: leads[name].where(leads[name] < span.until) for name in ("proposed_at", "won_at", "lost_at")}
    seen = leads.assign(**at)
    over = seen["won_at"].fillna(seen["lost_at"])
    sellers = seen.loc[(seen["created_at"] < span.end) & ~(over < span.start), "seller"].nunique()
    proposed = len(span.of(seen, "proposed_at"))
    won = len(span.of(seen[seen["proposed_at"].notna()], "won_at"))
    created = span.watched(seen, "created_at", 90)
    days = (created["won_at"].dt.normalize() - created["created_at"].dt.normalize()) // DAY
    return {
        ("proposals_made", ""): proposed,
        ("proposals_made", "per seller"): proposed / sellers,
        ("proposals_won", ""): won,
        ("proposals_won", "per seller"): won / sellers,
        ("sales_cycle_length", ""): days[days <= 90].median(),
    }


def _gaps(activities: pd.DataFrame, leads: pd.DataFrame, span: Span) -> Figures:
    """By practice, the mean of the quarter who won most in the period before less that of the middle half."""
    won, lost = (leads[name].where(leads[name] < span.until) for name in ("won_at", "lost_at"))
    decided = leads[["seller"]].assign(at=won.fillna(lost), won=won.notna())
    before = Span(span.start - (span.end - span.start), span.start, span.until)
    done = span.of(activities, "happened_at")
    rank = before.of(decided, "at").groupby("seller")["won"].sum()
    rank = rank[rank.index.isin(done["seller"])]
    watched = span.watched(activities, "happened_at", 30)
    now = span.of(decided, "at")
    practices = {kind: (done["kind"] == kind).groupby(done["seller"]).sum() for kind in done["kind"].unique()}
    practices["next-step rate"] = 100 * _led_on(watched).groupby(watched["seller"]).mean()
    practices["win rate"] = 100 * now["won"].groupby(now["seller"]).mean()
    figures = {}
    for name, quantity in practices.items():
        known = rank[rank.index.isin(quantity.index)]
        place = (known.rank() - 0.5) / len(known)
        top, middle = (quantity[known.index[chosen]] for chosen in (place > 0.75, (place >= 0.25) & (place <= 0.75)))
        figures["seller_gap", name] = top.mean() - middle.mean()
    return figures
