"""Engagement by plain pandas, the dumbest way to each: a dictionary of (metric, breakdown)."""

from collections.abc import Iterator
from datetime import datetime

import pandas as pd

Figures = dict[tuple[str, str], float]
_WEEK = pd.Timedelta(days=7)
_MONTHS = [pd.Timestamp(2025, month, 1).month_name() for month in range(1, 13)]


def all_of_engagement(tables: dict[str, pd.DataFrame], start: datetime, end: datetime) -> Figures:
    """Every figure of a period with which the data end."""
    period = pd.Timestamp(start), pd.Timestamp(end)
    figures = dict(_emails(_of(tables["sends"], "sent_at", period), period[1]))
    figures |= dict(_website(_of(tables["visits"], "started_at", period), tables["visits"]))
    figures |= dict(_social(tables, period)) | dict(_loyalty(tables["loyalty"], tables["subscriptions"], period[1]))
    return figures | {("active_share", ""): _active_share(_of(tables["usage"], "day", period))}


def _of(rows: pd.DataFrame, time: str, period: tuple) -> pd.DataFrame:
    return rows[(rows[time] >= period[0]) & (rows[time] < period[1])]


def _emails(sends: pd.DataFrame, until: pd.Timestamp) -> Iterator[tuple[tuple[str, str], float]]:
    sent = sends[sends["delivered"].notna() & (sends["sent_at"] <= until - _WEEK)]
    arrived = sent[sent["delivered"].astype(bool)]
    clicked = arrived["clicked_at"] - arrived["sent_at"] <= _WEEK
    opened = (arrived["opened_at"] - arrived["sent_at"] <= _WEEK) | clicked
    seen = ~arrived["machine_open"]
    rates = {
        "delivery_rate": len(arrived) / len(sent),
        "open_rate": opened[seen].mean(),
        "machine_open_rate": 1 - seen.mean(),
        "click_rate": clicked.mean(),
        "click_to_open_rate": clicked[seen & opened].mean(),
        "unsubscribe_rate": (arrived["unsubscribed_at"] - arrived["sent_at"] <= _WEEK).mean(),
    }
    yield from (((metric, ""), 100 * rate) for metric, rate in rates.items())
    steps = {
        "1 sent to delivered": rates["delivery_rate"],
        "2 delivered to not opened by a machine": seen.mean(),
        "3 not opened by a machine to opened": rates["open_rate"],
        "4 opened to clicked": rates["click_to_open_rate"],
    }
    yield from ((("email_funnel", step), 100 * rate) for step, rate in steps.items())
    for month, rate in clicked.groupby(arrived["sent_at"].dt.month).mean().items():
        yield ("click_rate_by_month", f"{month:02} {_MONTHS[month - 1]}"), 100 * rate
    tested = arrived["experiment"].notna()
    yield ("personalisation_lift", "clicks"), 100 * _lift(arrived[tested], clicked[tested])
    yield ("personalisation_lift", "opens"), 100 * _lift(arrived[tested & seen], opened[tested & seen])


def _lift(sends: pd.DataFrame, met: pd.Series) -> float:
    total = weights = 0.0
    for _, own in met.groupby(sends["experiment"]):
        personal = sends.loc[own.index, "personalised"]
        weight = personal.sum() * (~personal).sum() / len(own)
        total += weight * (own[personal].mean() - own[~personal].mean())
        weights += weight
    return total / weights


def _website(visits: pd.DataFrame, every: pd.DataFrame) -> Iterator[tuple[tuple[str, str], float]]:
    known = every.dropna(subset="customer_id").groupby("visitor_id")["customer_id"].agg(["nunique", "first"])
    alone = known.loc[known["nunique"] == 1, "first"]
    who = visits["customer_id"].fillna(visits["visitor_id"].map(alone)).fillna("visitor " + visits["visitor_id"])
    measured = visits["seconds"].notna() & ~((visits["seconds"] == 0) & (visits["pages"] <= 1))
    yield ("website_visits", ""), len(visits)
    yield ("unique_visitors", ""), who.nunique()
    yield ("time_on_site", ""), visits.loc[measured, "seconds"].median()
    yield ("unmeasured_sessions", ""), 100 * (~measured).mean()
    yield ("bounce_rate", ""), 100 * (visits["pages"] <= 1).mean()
    yield from ((("visits_by_source", source), n) for source, n in visits["source"].value_counts().items())
    for month, n in visits["started_at"].dt.month.value_counts().items():
        yield ("visits_by_month", f"{month:02} {_MONTHS[month - 1]}"), n


def _social(tables: dict[str, pd.DataFrame], period: tuple) -> Iterator[tuple[tuple[str, str], float]]:
    posts, mentions = (_of(tables[name], "posted_at", period) for name in ("social_posts", "social_mentions"))
    responses = posts[["likes", "comments", "shares", "saves"]].sum(axis=1)
    for platform, own in responses.groupby(posts["platform"]):
        yield ("social_engagement_rate", platform), 100 * own.sum() / posts.loc[own.index, "reach"].sum()
    yield ("social_mentions", ""), len(mentions)
    score = mentions["sentiment"]
    yield ("mention_sentiment", ""), 100 * ((score >= 0.05).mean() - (score <= -0.05).mean())


def _loyalty(cards: pd.DataFrame, plans: pd.DataFrame, end: pd.Timestamp) -> Iterator[tuple[tuple[str, str], float]]:
    customers = pd.Series(plans.loc[(plans["started_at"] < end) & ~(plans["ended_at"] < end), "customer_id"].unique())
    held = cards[(cards["enrolled_at"] < end) & ~(cards["ended_at"] < end)]
    used = held[held[["enrolled_at", "last_active_at"]].max(axis=1) >= end - pd.Timedelta(days=365)]
    for kind, rows in (("members", held), ("active members", used)):
        yield ("loyalty_participation", kind), 100 * customers.isin(rows["customer_id"]).mean()


def _active_share(usage: pd.DataFrame) -> float:
    """Of whole months: the active days of customers over the days of the months in which they were active."""
    days = usage.assign(day=usage["day"].dt.normalize()).drop_duplicates(["customer_id", "day"])
    months = days.assign(days=days["day"].dt.days_in_month, month=days["day"].dt.month)
    active = months.groupby(["customer_id", "month"])["days"].agg(["size", "first"])
    return 100 * active["size"].sum() / active["first"].sum()
