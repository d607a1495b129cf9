"""Processes: how fast, how reliably and how automatically work is done, and what service costs."""

from datetime import datetime
from typing import Any

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.views import View
from crmnb.metrics import estimators
from crmnb.metrics.definition import metric
from crmnb.metrics.estimators import Estimator
from crmnb.metrics.features.customer_base import customers_at_start
from crmnb.metrics.features.leads import as_seen, days_to, own_columns, within_days
from crmnb.metrics.features.purchase_history import joined as side_by_side
from crmnb.metrics.features.tickets import with_ends
from crmnb.metrics.measures import of_counts, share
from crmnb.schema.client import Churn, Segments

_COST_BY_MONTH = Estimator("ratio of sums", "counts", "monthly_costs.cost", "t, by month", sums=("amount", "units"))


@metric(title="Sales cycle length", unit="days", kind="process", direction="down", hand_count="30")
def sales_cycle_length(leads, *, segments: Segments, maturity_days: int = 90):
    """Median days from the creation of a lead to its win, of the leads created in the period and won within the follow-up.

    All leads are followed for as long, so that older cohorts, which could be won later, do not look slower.

    Why: a shorter cycle lets the same sellers work more leads, and brings the money sooner.
    Caution: only leads that were won count. What is won after the follow-up is not in it; the cumulative win rate shows how much that is.
    Formula: median(x), where x = the days from creation to the win of each lead that was won within the follow-up.
    Source: Jordan & Vazzana 2011, Cracking the Sales Management Code; Woodruff 1952, JASA 47:635, with the score limits of Korn & Graubard 1998,
        Survey Methodology 24:193 (interval).
    """
    leads.periods.without_parts()
    seen = leads.derive(as_seen, leads.periods.cutoff, "won_at")
    created = seen.during("created_at", follow_up_days=maturity_days)
    won = created.filter(within_days(maturity_days, "won_at") == 1)
    own = own_columns(leads, "leads", segments, "quantity", "squares", "units")
    rows = won.select("period_id", *own, quantity=days_to("won_at"), squares=nw.lit(1), units=nw.lit(1))
    words = {"numerator": "days to the win of the lead in the middle", "denominator": "leads won within the follow-up"}
    return of_counts(rows, estimators.median_by_customer, **words)


@metric(title="SLA compliance rate", unit="%", kind="process", direction="up", hand_count="4 / 10")
def sla_compliance_rate(tickets):
    """Share of the tickets whose target fell due in the period that were resolved in time; one that is late and still open missed it.

    Where the data have no time at which the target falls due (`sla_due_at`) but say whether it was met (`sla_met`), it is the share of the
    tickets opened in the period of which that is known. A ticket that was closed without a time of resolution is left out.

    Why: it is the promise made to customers, and often a term of a contract.
    Caution: a target that is easy to meet is met. Pausing the clock while the customer is asked raises the rate without a faster solution.
    Source: ITIL Foundation, 4th ed., AXELOS 2019 (service level management); Wilson 1927, JASA 22:209, at the effective n (interval by customer).
    """
    words = {"numerator": "tickets that met their target", "denominator": "tickets whose target fell due in the period"}
    if "sla_due_at" in tickets.columns:
        closed_without_time = nw.col("solved_at").is_null() & ~nw.col("ended_at").is_null()
        due = with_ends(tickets).during("sla_due_at").filter(~closed_without_time)
        return share(due, (nw.col("solved_at") <= nw.col("sla_due_at")).fill_null(False), **words)
    if "sla_met" not in tickets.columns:
        raise Unavailable(Note("needs_column", column="tickets.sla_due_at"))
    known = tickets.during("opened_at").filter(~nw.col("sla_met").is_null())
    return share(known, nw.col("sla_met"), **words | {"denominator": "tickets opened in the period"})


@metric(title="Process automation rate", unit="%", kind="process", direction="up", hand_count="5 / 9")
def process_automation_rate(process_runs):
    """Share of the runs of processes that started in the period and needed no person; a run with an exception counts as manual.

    Why: what runs by itself is cheap, fast and the same for everybody.
    Caution: a process that fails its customers can be fully automated. Runs that nobody records are missing, and these are mostly manual.
    Source: van der Aalst, Bichler & Heinzl 2018, Business & Information Systems Engineering 60:269 (automation of processes); Wilson 1927, JASA
        22:209, at the effective n (interval by process).
    """
    runs = _without_person(process_runs).with_columns(unit=nw.col("process"), met=nw.col("alone").cast(nw.Int64))
    words = {"numerator": "runs without a person", "denominator": "runs of processes"}
    return of_counts(runs, estimators.share_by_unit, **words)


@metric(title="Automated processes", unit="%", kind="process", direction="up", hand_count="1 / 3")
def automated_processes(process_runs, *, least_percent: int = 90):
    """Share of the processes with runs in the period of which at least so many percent of the runs needed no person.

    Why: a single process with many runs can carry the automation rate; this share counts each process alike.
    Caution: a process with few runs passes or fails by chance. All processes are counted, so there is no interval.
    Source: van der Aalst, Bichler & Heinzl 2018, Business & Information Systems Engineering 60:269.
    """
    percent = nw.col("alone").cast(nw.Float64).mean() * 100
    processes = _without_person(process_runs).group_by("period_id", "process").agg(percent=percent)
    is_automated = (nw.col("percent") >= least_percent).cast(nw.Int64)
    return of_counts(
        processes.select("period_id", met=is_automated, size=nw.lit(1)),
        estimators.share_of_units,
        numerator="processes that run without a person",
        denominator="processes with runs in the period",
        aspect_of="process_automation_rate",
    )


def _without_person(process_runs: View) -> nw.LazyFrame:
    """The runs that started in each period, and whether each ran alone: `alone`."""
    alone = nw.col("automated")
    if "exception" in process_runs.columns:
        alone = alone & nw.col("exception").is_null()
    return process_runs.during("started_at").with_columns(alone=alone)


@metric(
    title="Cost to serve",
    unit="money",
    kind="input",
    direction="down",
    hand_count={"per customer": "200 / 8", "per ticket": "200 / 15"},
)
def cost_to_serve(costs, tenures, tickets, *, churn: Churn):
    """Service costs of the period (the category `service`), per customer at its start and per ticket opened in it.

    Costs are known by the month, so a period is to consist of months, and the costs must cover all of them.

    Why: a customer who costs more to serve than he brings is no gain, and an expensive ticket is worth preventing.
    Caution: it is only as complete as the costs: salaries of colleagues who help out are often missing. A mean hides that few customers cause
        most tickets.
    Source: Kaplan & Narayanan 2001, Journal of Cost Management 15(5):5 (customer profitability). Interval: the ratio of sums over months (Kish 1965,
        Survey Sampling, 6.5).
    """
    tenures.periods.require_history(churn.history_days)
    months = costs.periods.table(_months)
    spent = costs.where(
        nw.col("category") == "service",
        nw.col("month") >= nw.col("months_begin"),
        nw.col("month") < nw.col("months_end"),
        windows=months,
    ).select("period_id", month=_month("month"), amount=nw.col("amount").cast(nw.Float64), units=nw.lit(0.0))
    known = costs.rows.select(month=_month("month"))
    covered = known.select(costs_from=nw.col("month").min(), costs_to=nw.col("month").max())
    covered = covered.join(months.select("period_id"), how="cross").with_columns(amount=nw.lit(0.0), units=nw.lit(0.0))
    customers = customers_at_start(tenures, churn.history_days).join(months, on="period_id", how="inner")
    customers = customers.select("period_id", amount=nw.lit(0.0), units=nw.lit(1.0))  # customers of all months alike
    opened = tickets.during("opened_at").join(months, on="period_id", how="inner")
    opened = opened.filter(nw.col("opened_at") < nw.col("months_end"))
    opened = opened.select("period_id", month=_month("opened_at"), amount=nw.lit(0.0), units=nw.lit(1.0))
    rows = [
        side_by_side(spent, units, covered).with_columns(breakdown=nw.lit(breakdown))
        for breakdown, units in (("per customer", customers), ("per ticket", opened))
    ]
    words = {
        "numerator": "service costs",
        "denominator": "customers at the start, or tickets opened",
        "breakdown": "basis",
        "base_nouns": {"per customer": "customers", "per ticket": "tickets"},
    }
    return of_counts(nw.concat(rows), _COST_BY_MONTH, **words)


def _month(column: str) -> nw.Expr:
    return nw.col(column).dt.year().cast(nw.Int64) * 12 + nw.col(column).dt.month().cast(nw.Int64) - 1


def _months(period: Period) -> dict[str, Any]:
    """From and to when the whole months of a period are."""
    if period.start.day != 1 or period.end.day != 1:
        raise Unavailable(Note("costs_by_month"))
    end = datetime(period.observed_end.year, period.observed_end.month, 1)
    if end <= period.start:
        raise Unavailable(Note("no_whole_month_of_costs", period=period.label))
    return {"months_begin": period.start, "months_end": end}
