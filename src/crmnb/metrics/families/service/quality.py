"""Quality: tickets that come back, go up or go round."""

import narwhals.stable.v2 as nw

from crmnb.metrics.definition import metric
from crmnb.metrics.measures import share

_OPENED = "tickets followed for these days"


@metric(title="Reopen rate", unit="%", kind="process", direction="down", hand_count="2 / 11")
def reopen_rate(tickets, *, follow_up_days: int = 30):
    """Share of the tickets resolved in the period that were reopened: before their last resolution, or within so many days after it.

    Why: a reopened ticket was not resolved; it takes work twice and the customer's patience.
    Caution: who opens a new ticket instead of the old one is not seen here, but in first contact resolution.
    Source: Dixon, Freeman & Toman 2010, Harvard Business Review 88(7):116; Wilson 1927, JASA 22:209, at the effective n (interval by customer).
    """
    resolved = tickets.during("resolved_at", follow_up_days=follow_up_days)
    minutes = (nw.col("reopened_at") - nw.col("resolved_at")).dt.total_minutes()
    reopened = (minutes <= follow_up_days * 24 * 60).fill_null(False)
    words = {"numerator": "tickets reopened", "denominator": "tickets resolved in the period"}
    return share(resolved, reopened, **words)


@metric(title="Escalation rate", unit="%", kind="process", direction="down", hand_count="2 / 12")
def escalation_rate(tickets, *, follow_up_days: int = 14):
    """Share of the tickets opened in the period that were escalated; each is followed for so many days at least.

    Why: an escalation costs a second person's time, and shows where the first line lacks knowledge or authority.
    Caution: a ticket that stays open for longer can still be escalated. Where it is not known whether a ticket was, it is left out.
    Source: Cleveland 2012, Call Center Management on Fast Forward, 3rd ed., chapter 12; Wilson 1927, JASA 22:209, at the effective n
        (interval by customer).
    """
    opened = tickets.during("opened_at", follow_up_days=follow_up_days).filter(~nw.col("escalated").is_null())
    return share(opened, nw.col("escalated"), numerator="tickets escalated", denominator=_OPENED)


@metric(title="Transfer rate", unit="%", kind="process", direction="down", hand_count="2 / 12")
def transfer_rate(tickets, *, follow_up_days: int = 14):
    """Share of the tickets opened in the period that were reassigned; each is followed for so many days at least.

    Why: with each transfer the customer waits, and often explains the problem again.
    Caution: a first assignment is no transfer. A ticket that stays open for longer can still be reassigned. Where reassignments are not
        known, the ticket is left out.
    Source: Dixon, Freeman & Toman 2010, Harvard Business Review 88(7):116; Wilson 1927, JASA 22:209, at the effective n (interval by customer).
    """
    opened = tickets.during("opened_at", follow_up_days=follow_up_days).filter(~nw.col("reassignments").is_null())
    return share(opened, nw.col("reassignments") > 0, numerator="tickets reassigned", denominator=_OPENED)
