"""Toy: ten metrics of as many kinds, one function each, in one file."""

import narwhals.stable.v2 as nw

from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.measures import (
    age_band,
    count,
    cumulative_incidence,
    derived,
    mean_on_scale,
    of_counts,
    ratio,
    share,
    survival_median,
)
from crmnb.stats.estimation import Estimates


@metric(title="Reopened tickets", unit="%", kind="process", direction="down", hand_count="1")
def reopened_share(tickets, *, within_days=30):
    """Share of the tickets that were opened again within so many days.

    Why: a share with a look-ahead window, and maturity.
    Caution: a toy.
    Source: none.
    """
    opened = tickets.during("opened_at", follow_up_days=within_days, maturity_days=within_days)
    again = (nw.col("reopened_at") - nw.col("opened_at")).dt.total_minutes() <= within_days * 1440
    return share(opened, again.fill_null(False), numerator="tickets opened again", denominator="tickets")


@metric(title="Contacts per ticket", unit="contacts", kind="process", direction="down", hand_count="1")
def contacts_per_ticket(tickets):
    """Contacts over tickets.

    Why: a ratio of sums by cluster.
    Caution: a toy.
    Source: none.
    """
    opened = tickets.during("opened_at")
    words = {"numerator": "contacts", "denominator": "tickets"}
    return ratio(opened, nw.col("contacts"), nw.lit(1), by={"channel": nw.col("channel")}, **words)


@metric(title="Mean ticket score", unit="points", kind="outcome", direction="up", hand_count="1")
def ticket_score(tickets):
    """Mean score of the tickets, 1 to 5, as 0 to 100.

    Why: a mean on a bounded scale.
    Caution: a toy.
    Source: none.
    """
    scored = tickets.during("opened_at").filter(~nw.col("csat").is_null())
    points = (nw.col("csat") - 1) / 4 * 100
    return mean_on_scale(scored, points, bounds=(0, 100), numerator="points", denominator="tickets with a score")


@metric(title="Tickets per 100 customers", unit="per 100 customers", kind="output", direction="down", hand_count="1")
def tickets_per_100(tickets, subscriptions):
    """Tickets per 100 customers at the start.

    Why: a count per 100 customers.
    Caution: a toy.
    Source: none.
    """
    customers = subscriptions.open_at_start("started_at", "ended_at")
    return count(tickets.during("opened_at"), "opened_at", of="tickets", out_of=customers, per=100)


@metric(title="Backlog", unit="count", kind="process", direction="down", hand_count="1")
def open_tickets(tickets):
    """Tickets that are open at the end, by their age.

    Why: a count at a moment with age bands.
    Caution: a toy.
    Source: none.
    """
    still_open = tickets.open_at_end("opened_at", "resolved_at")
    return count(still_open, of="open tickets", by={"age": age_band("opened_at", 7, 30)})


@metric(title="Median days to resolve", unit="days", kind="process", direction="down", hand_count="1")
def median_days_to_resolve(tickets):
    """Median days until a ticket is resolved; those open still are censored.

    Why: a median duration with censored open cases, on tickets.
    Caution: a toy.
    Source: none.
    """
    opened, until = tickets.during("opened_at"), tickets.periods.cutoff
    words = {"numerator": "days until resolved", "denominator": "tickets"}
    return survival_median(opened, "opened_at", "resolved_at", until=until, **words)


@metric(title="Median days to win", unit="days", kind="process", direction="down", hand_count="1")
def median_days_to_win(leads):
    """Median days until a lead is won; those open still are censored.

    Why: the same on leads.
    Caution: a toy.
    Source: none.
    """
    created, until = leads.during("created_at"), leads.periods.cutoff
    words = {"numerator": "days until won", "denominator": "leads"}
    return survival_median(created, "created_at", "won_at", until=until, **words)


@metric(title="Won in time", unit="%", kind="output", direction="up", hand_count="1")
def won_in_time(leads):
    """Share of the leads that are won so many days after their creation, where they may be lost before.

    Why: a cumulative incidence with a competing event.
    Caution: a toy.
    Source: none.
    """
    created, until = leads.during("created_at"), leads.periods.cutoff
    words = {"numerator": "leads won", "denominator": "leads", "breakdown": "age of the lead"}
    return cumulative_incidence(created, "created_at", "won_at", "lost_at", until=until, **words)


@metric(title="Solved at once, by month and age", unit="%", kind="process", direction="up", hand_count="1")
def solved_by_cohort(tickets):
    """Share of the tickets that are resolved within a week, by the month of opening and how long after.

    Why: a share by cohort and age.
    Caution: a toy.
    Source: none.
    """
    tickets.periods.without_parts()
    week = (nw.col("resolved_at") - nw.col("opened_at")).dt.total_minutes() <= 7 * 1440
    by = {"cohort": nw.col("opened_at").dt.to_string("%Y-%m"), "age": nw.lit("+1")}
    opened = tickets.during("opened_at")
    return share(opened, week.fill_null(False), by=by, numerator="of them within a week", denominator="tickets")


@metric(title="Contacts per point", unit="contacts", kind="process", direction="down", hand_count="1")
def reopened_to_score():
    """Reopened tickets per point of the mean score.

    Why: a metric that is derived from two others.
    Caution: a toy.
    Source: none.
    """
    words = {"numerator": "reopened tickets", "denominator": "points of the score"}
    return derived("reopened_share", "ticket_score", combine=lambda share, score: share / score, **words)


def _levels(groups, context) -> Estimates:
    """The mean of the contacts, and a point for each number of them."""
    rows, points = [], []
    for group in groups:
        contacts, n = group.counts["contacts"], group.counts["n"]
        mean = (contacts * n).sum() / n.sum()
        rows.append(group.row(value=mean, low=mean - 1, high=mean + 1, method="a model of its own"))
        if group.win == "current":
            points += [
                group.point(float(x), float(of / n.sum()), n=float(of)) for x, of in zip(contacts, n, strict=True)
            ]
    return Estimates(rows, points)


@metric(title="Contacts, by a model", unit="contacts", kind="process", direction="down", hand_count="1")
def contacts_model(tickets):
    """What a model makes of the contacts.

    Why: a custom model that returns estimates with chart points.
    Caution: a toy.
    Source: none.
    """
    rows = tickets.during("opened_at").select("period_id", "customer_id", "contacts")
    model = Estimator("a model of its own", "counts", _levels, "none", chart="trend")
    return of_counts(rows, model, numerator="contacts", denominator="tickets")
