"""Messages sent, and what became of each within some days."""

import narwhals.stable.v2 as nw

from crmnb.core.notes import Note
from crmnb.engine.views import View


def sent(sends: View, channel: str, days: int) -> nw.LazyFrame:
    """The messages of a channel in each period of which it is known whether they arrived, followed for so many days.

    Where no deliveries are recorded, all messages.
    """
    of_channel = sends.filter(nw.col("channel") == channel).during("sent_at", follow_up_days=days)
    return of_channel.filter(~nw.col("delivered").is_null()) if "delivered" in sends.columns else of_channel


def delivered(sends: View, channel: str, days: int) -> nw.LazyFrame:
    """Those of the messages that arrived; where no deliveries are recorded, all."""
    rows = sent(sends, channel, days)
    return rows.filter(nw.col("delivered")) if "delivered" in sends.columns else rows


def not_by_machine(rows: nw.LazyFrame, sends: View) -> nw.LazyFrame:
    """Those of the messages that no mail service opened in advance: of the others nobody knows whether a person did."""
    return rows.filter(~nw.col("machine_open").fill_null(False)) if "machine_open" in sends.columns else rows


def opened(sends: View, days: int) -> nw.Expr:
    """Whether a message was opened within so many days. Who clicks has opened it: a mail program that blocks images reports no opening."""
    in_time = within("opened_at", days)
    return in_time | within("clicked_at", days) if "clicked_at" in sends.columns else in_time


def within(time: str, days: int) -> nw.Expr:
    """Whether something happened within so many days after a message was sent."""
    seconds = (nw.col(time) - nw.col("sent_at")).dt.total_seconds()
    return (seconds <= days * 86_400).fill_null(False)


def notes_on(sends: View) -> tuple[Note, ...]:
    """What the data do not record of messages."""
    deliveries = () if "delivered" in sends.columns else (Note("deliveries_not_recorded"),)
    machines = () if "machine_open" in sends.columns else (Note("machine_opens_not_recorded"),)
    return deliveries + machines
