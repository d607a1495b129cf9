"""Volume: how many tickets come and go, and how many wait."""

import narwhals.stable.v2 as nw

from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import OF_ALL, Estimator
from crmnb.metrics.features.customer_base import customers_at_start
from crmnb.metrics.features.tickets import with_ends
from crmnb.metrics.measures import age_band, count, of_counts
from crmnb.schema.client import Churn

_ARRIVALS = Estimator(
    "shares of a week",
    "counts",
    "arrivals.pattern",
    OF_ALL,
    columns=("slot",),
    whole_only=True,
    chart="arrivals",
)


@metric(title="Tickets opened", unit="count", kind="input", direction="-", hand_count="15")
def ticket_volume(tickets):
    """Number of tickets opened in the period.

    Why: it is the workload of the service desk, and what its staffing follows from.
    Caution: more tickets can mean more problems, more customers, or an easier way to ask. See the contact rate.
    Source: Cleveland 2012, Call Center Management on Fast Forward, 3rd ed., chapter 5 (workload); McCullagh & Nelder 1989, Generalized
        Linear Models, 6.2 (interval: over-dispersed counts).
    """
    return count(tickets.during("opened_at"), "opened_at", of="tickets opened")


@metric(
    title="Contact rate",
    unit="per 100 customers",
    kind="input",
    direction="down",
    hand_count="15 / 8 * 100",
)
def contact_rate(tickets, tenures, *, churn: Churn):
    """Tickets opened in the period per 100 customers at its start.

    Why: it separates more problems per customer from more customers.
    Caution: tickets of people who are no customers count too.
    Formula: 100 * k / n.
    Source: Cleveland 2012, Call Center Management on Fast Forward, 3rd ed., chapter 5; McCullagh & Nelder 1989, Generalized Linear
        Models, 6.2 (interval: over-dispersed counts).
    """
    tenures.periods.require_history(churn.history_days)
    customers = customers_at_start(tenures, churn.history_days)
    opened = tickets.during("opened_at")
    return count(
        opened, "opened_at", of="tickets opened", out_of=customers, per=100, denominator="customers at the start"
    )


@metric(
    title="Tickets opened and resolved",
    unit="count",
    kind="process",
    direction="-",
    hand_count={"opened": "15", "resolved": "11"},
)
def ticket_flow(tickets):
    """Tickets opened in the period, and tickets that ended in it: resolved, or closed without a resolution.

    Why: where more come than go, the backlog grows, whatever the speed of single tickets.
    Caution: a ticket that was reopened ends with its last resolution.
    Source: Little 1961, Operations Research 9:383 (arrivals, time in the system, and how many are in it); McCullagh & Nelder 1989, Generalized
        Linear Models, 6.2 (interval: over-dispersed counts).
    """
    ended = with_ends(tickets)
    flows = {"opened": ended.during("opened_at"), "resolved": ended.during("ended_at")}
    times = {"opened": nw.col("opened_at"), "resolved": nw.col("ended_at")}
    rows = nw.concat([rows.with_columns(flow=nw.lit(name), at_time=times[name]) for name, rows in flows.items()])
    facts = {"of": "tickets", "by": "flow", "always": ("opened", "resolved"), "aspect_of": "ticket_volume"}
    return count(rows, "at_time", **facts)


@metric(
    title="Arrivals by weekday and hour",
    unit="%",
    kind="input",
    direction="-",
    hand_count={
        "Monday": "5 / 15",
        "Tuesday": "4 / 15",
        "Wednesday": "3 / 15",
        "Thursday": "1 / 15",
        "Friday": "1 / 15",
        "Saturday": "1 / 15",
        "Sunday": "0 / 15",
    },
)
def arrival_pattern(tickets):
    """Share of the tickets of the period that were opened on each weekday; its chart shows every hour of the week.

    Why: staff has to be there when customers ask.
    Caution: an e-mail that is read in the morning may have come at night. Times are those of the client's clock.
    Formula: k_j / n, where k_j = the number of tickets opened on weekday j.
    Source: Cleveland 2012, Call Center Management on Fast Forward, 3rd ed., chapter 6 (arrival patterns).
    """
    opened = tickets.during("opened_at")
    slot = (nw.col("opened_at").dt.weekday() - 1) * 24 + nw.col("opened_at").dt.hour()
    words = {"numerator": "tickets opened", "denominator": "tickets opened in the period"}
    return of_counts(opened.with_columns(slot=slot), _ARRIVALS, breakdown="weekday", trend=False, **words)


@metric(title="Ticket backlog", unit="count", kind="process", direction="down", hand_count="6")
def backlog(tickets):
    """Tickets that are open at the end of the period.

    Why: a backlog that grows shows that capacity is missing, before customers complain.
    Caution: a ticket opened before the data begin is missing. A busy last day alone makes many new tickets: see their age. A ticket that was
        reopened and is resolved by now counts as open up to its last resolution.
    Source: Little 1961, Operations Research 9:383 (arrivals, time in the system, and how many are in it).
    """
    return count(with_ends(tickets).open_at_end("opened_at", "ended_at"), of="tickets open at the end", always=("",))


@metric(
    title="Ticket backlog by age",
    unit="count",
    kind="process",
    direction="down",
    hand_count={
        "1 under 7 days": "1",
        "2 from 7 to under 30 days": "2",
        "3 from 30 days": "3",
    },
)
def backlog_by_age(tickets):
    """Tickets that are open at the end of the period, by the days since they were opened.

    Why: old tickets are the ones at risk: customers write again, complain or leave.
    Caution: days are those of the calendar. A ticket opened before the data begin is missing.
    Source: Little 1961, Operations Research 9:383 (arrivals, time in the system, and how many are in it).
    """
    still_open = with_ends(tickets).open_at_end("opened_at", "ended_at")
    ages = {"age": age_band("opened_at", 7, 30)}
    names = ("1 under 7 days", "2 from 7 to under 30 days", "3 from 30 days")
    return count(still_open, of="tickets open at the end", by=ages, always=names, aspect_of="backlog")
