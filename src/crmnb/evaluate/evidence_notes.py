"""Notes of evidence: the notes beside a metric on the rows that it counts, and on those that it leaves out."""

from datetime import timedelta

from crmnb.core.notes import Count, Note
from crmnb.engine.evidence import COMPARED, PERIOD
from crmnb.engine.misdated_rows import misdated
from crmnb.engine.session import Tables
from crmnb.evaluate.metric_call import of_customers_only
from crmnb.evaluate.new_customers import in_doubt
from crmnb.evaluate.request import Request


def notes_on_rows(request: Request, tables: Tables) -> list[Note]:
    """The notes on rows without a customer, and on payments that are not among those counted."""
    if not request.windows:
        return []
    metric, notes = request.metric, _too_new(request)
    current = COMPARED[0] in request.evidence.names if request.evidence else False
    if current:
        notes += in_doubt(metric, tables, request.period)
    notes += misdated(tables, metric.reads, request.period)
    if "payments" in metric.reads and {"orders", "subscriptions"} <= tables.names:
        notes.append(Note("orders_only"))
    if of_customers_only(metric, tables, request.period):
        for name in dict.fromkeys(map(tables.source_of, metric.reads)):
            without, among = tables.without_customer(name, request.period)
            if without:
                rows = {"rows": Count(without), "total": Count(among)}
                notes.append(Note("rows_without_customer", **rows, table=name, period=request.period.label))
    elif current and metric.estimate.reduces == "moments" and "customer_id" in request.evidence.types:
        counted = "and weight > 0" if "weight" in request.evidence.types else ""
        if metric.estimate.of_both and "breakdown" in request.evidence.types:  # each unit is in every breakdown
            counted += f" and breakdown = (select min(breakdown) from ({request.evidence.sql}))"
        query = (
            f"select count(*) - count(customer_id), count(*) from ({request.evidence.sql}) where {PERIOD} = 0 {counted}"
        )
        without, among = tables.con.execute(query).fetchall()[0]
        if without:
            notes.append(Note("own_customers", rows=Count(without), total=Count(among)))
    return notes


def _too_new(request: Request) -> list[Note]:
    """The notes on rows of the period that the data do not follow for long enough."""
    metric, period = request.metric, request.period
    days = metric.measure.follow_up_days
    if not days or not period.cutoff:
        return []
    followed = period.cutoff - timedelta(days=days)
    if period.end <= followed:
        return []
    last = followed - timedelta(microseconds=1)  # the day that is followed to its end
    return [Note("too_new_left_out", last=f"{last:%Y-%m-%d}", days=days)]
