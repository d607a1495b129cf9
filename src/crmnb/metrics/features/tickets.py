"""Tickets: when each ended, and how long it took.

`resolved_at` ends a ticket: the last time at which it was resolved. `closed_at` does not: many desks close a ticket weeks after it was
resolved. A ticket that was reopened after that is open again. One that is closed without a time of its (last) resolution is no longer
open, but nobody knows how long it took: its time is missing.
"""

from datetime import datetime, timedelta
from hashlib import sha256

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.engine.derived_tables import once, once_if_small
from crmnb.engine.views import View
from crmnb.metrics.features.customer_base import distinct
from crmnb.metrics.features.working_time import with_hours
from crmnb.schema.client import Service, TimeZone

KNOWN, MISSING = "", "without a time"  # breakdowns of the evidence of times


def with_ends(tickets: View) -> View:
    """The tickets with `solved_at`, when they were resolved for good as far as is known, and `ended_at`, since when they are not open."""
    return tickets.derive(_with_ends)


@once_if_small
def _with_ends(tickets: nw.LazyFrame) -> nw.LazyFrame:
    columns = tickets.collect_schema().names()
    resolved = nw.col("resolved_at")
    if "reopened_at" in columns:
        is_open_again = (nw.col("reopened_at") > resolved).fill_null(False)
        last_opened = nw.when(is_open_again).then(nw.col("reopened_at")).otherwise(nw.col("opened_at"))
        solved = nw.when(~is_open_again).then(resolved)
    else:
        last_opened, solved = nw.col("opened_at"), resolved
    ended = solved
    if "closed_at" in columns:
        closed = nw.when((nw.col("closed_at") >= last_opened).fill_null(False)).then(nw.col("closed_at"))
        ended = nw.coalesce(solved, closed)
    return tickets.with_columns(solved_at=solved, ended_at=ended)


def times_to(
    tickets: View, end: str, service: Service, time_zone: TimeZone, *, ended: str = "ended_at"
) -> nw.LazyFrame:
    """The tickets opened in each period, with the hours (`duration`) to a time, and whether it came (`event`) before the data end.

    Open tickets are followed until then. Those that ended without that time have the breakdown `MISSING`. Hours are those of the
    working week where there is one. tickets: of `with_ends`.
    """
    periods = tickets.periods
    until = nw.col("period_end") if periods.cutoff is None else nw.lit(periods.cutoff)
    came = (nw.col(end) < until).fill_null(False)
    is_over = (nw.col(ended) < until).fill_null(False)
    rows = tickets.during("opened_at").with_columns(
        event=came.cast(nw.Int64),
        breakdown=nw.when(is_over & ~came).then(nw.lit(MISSING)).otherwise(nw.lit(KNOWN)),
        last=nw.when(came).then(nw.col(end)).otherwise(until),
    )
    return with_hours(rows, "opened_at", "last", periods, service, time_zone)


def first_contact(tickets: View, within_days: int, among: nw.LazyFrame | None = None) -> nw.LazyFrame:
    """The tickets opened in each period that are followed for so many days, once by each `definition` of `at_first_contact`.

    loose: resolved within these days, not reopened, and no other ticket of the customer about the topic in them. strict: also with one contact and
    no reassignment, as far as the client records these; tickets of which they are not known are not there. Nor are those that ended
    without a time of resolution. among: the keys (`ticket_id`) of those that are asked for, if not all. Raises Unavailable where
    neither a reopening nor another ticket could be seen.
    """
    columns = tickets.columns
    can_repeat = {"customer_id", "topic"} <= {*columns}
    if not can_repeat and "reopened_at" not in columns:
        raise Unavailable(Note("needs_column", column="tickets.reopened_at"))
    window = timedelta(days=within_days)
    deadline = nw.col("opened_at") + window
    of_those = tickets if among is None else tickets.derive(lambda rows: rows.join(among, on="ticket_id", how="semi"))
    rows = with_ends(of_those).during("opened_at", follow_up_days=within_days)
    rows = rows.filter(~nw.col("resolved_at").is_null() | nw.col("ended_at").is_null())
    at_first = (nw.col("resolved_at") <= deadline).fill_null(False)
    if "reopened_at" in columns:
        at_first = at_first & ~(nw.col("reopened_at") <= deadline).fill_null(False)
    if can_repeat:
        again = _opened_again(tickets.rows, within_days, tickets.periods.first, tickets.periods.last)
        rows = rows.join(again, on=["customer_id", "topic", "opened_at"], how="left")
        at_first = at_first & nw.col("opened_again").is_null()
    loose = rows.with_columns(at_first_contact=at_first)
    parts = [loose.with_columns(definition=nw.lit("loose"))]
    single = {"contacts": nw.col("contacts") <= 1, "reassignments": nw.col("reassignments") == 0}
    if known := [name for name in single if name in columns]:
        certain = loose.filter(*(~nw.col(name).is_null() for name in known))
        for name in known:
            certain = certain.with_columns(at_first_contact=nw.col("at_first_contact") & single[name])
        parts.append(certain.with_columns(definition=nw.lit("strict")))
    return nw.concat(parts)


@once
def _opened_again(tickets: nw.LazyFrame, within_days: int, first: datetime, last: datetime) -> nw.LazyFrame:
    """The openings (customer, topic, time) from the first time to the last after which the customer opened another ticket about the same topic
    within so many days: few."""
    keys = ["customer_id", "topic", "opened_at"]
    in_time = nw.col("opened_at") >= first, nw.col("opened_at") <= last + timedelta(days=within_days)
    named = tickets.filter(~nw.col("customer_id").is_null(), ~nw.col("topic").is_null(), *in_time)
    openings = distinct(named, *keys)
    following = nw.col("opened_at").shift(-1).over("customer_id", "topic", order_by="opened_at")
    again = openings.with_columns(next_opened_at=following)
    again = again.filter(nw.col("next_opened_at") <= nw.col("opened_at") + timedelta(days=within_days))
    return again.select(*keys, opened_again=nw.lit(1))


def resolved_in(tickets: View, within_days: int) -> nw.LazyFrame:
    """The tickets opened in each period that are followed for so many days, with whether they were resolved then (`is_resolved`).

    Those that ended without a time of resolution are not there. tickets: of `with_ends`.
    """
    deadline = nw.col("opened_at") + timedelta(days=within_days)
    rows = tickets.during("opened_at", follow_up_days=within_days)
    rows = rows.filter(~nw.col("resolved_at").is_null() | nw.col("ended_at").is_null())
    is_resolved = (nw.col("resolved_at") <= deadline).fill_null(False)
    if "reopened_at" in tickets.columns:
        again = (nw.col("reopened_at") > nw.col("resolved_at")) & (nw.col("reopened_at") <= deadline)
        is_resolved = is_resolved & ~again.fill_null(False)
    return rows.with_columns(is_resolved=is_resolved)


def agents_of(tickets: View, answers: View | None = None) -> tuple[str, ...]:
    """The names of all agents, in the order in which they are coded: the same in all metrics, while the data keep their first rows.

    The order is that of a hash of the smallest key of an agent's tickets (of those whom only answers name, of the time of their first answer): a
    hash of names could be computed again by everybody who knows the names. The keys are known to those alone who have the tickets, and so the
    names.
    """
    names = _by_first(tickets.rows, "ticket_id")
    if answers is not None and "agent" in answers.columns:
        names += [name for name in _by_first(answers.rows, "responded_at") if name not in names]
    return tuple(names)


def _by_first(rows: nw.LazyFrame, column: str) -> list[str]:
    first = _firsts(rows, column).to_native().fetchall()
    return [name for name, _ in sorted(first, key=lambda row: (sha256(row[1].encode()).digest(), row[0]))]


@once
def _firsts(rows: nw.LazyFrame, column: str) -> nw.LazyFrame:
    """The smallest value of a column in each agent's rows, as text."""
    named = rows.filter(~nw.col("agent").is_null()).group_by("agent").agg(first=nw.col(column).min())
    return named.select("agent", first=nw.col("first").cast(nw.String))
