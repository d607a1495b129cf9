"""The periods that a client's data cover: the last whole year, quarter or month."""

from datetime import UTC, datetime, timedelta

from crmnb.core.errors import InputError
from crmnb.core.period import Period
from crmnb.intake.store import Intake
from crmnb.schema.client import Client

RELATIVE = ("year", "quarter", "month")  # as labels: the last whole one that the data cover


def choose_period(client: Client, taken: Intake, label: str = "") -> Period:
    """The period of a label (see `Period.parse`, or one of RELATIVE), as observed; without one, that of `choose_default_period`.

    Raises InputError for a label that is none, and where the data cover no whole one.
    """
    if not label:
        period, _ = choose_default_period(client, taken)
    elif label in RELATIVE:
        period = _last_whole(client, taken, label)
        if period is None:
            raise InputError(f"period {label!r}: the data of {client.id} cover no whole {label}; name a period.")
    else:
        period = Period.parse(label, client.fiscal_year_starts)
    return period.observe(taken.data_from, taken.cutoff)


def choose_default_period(client: Client, taken: Intake) -> tuple[Period, str]:
    """The last year (fiscal, where the client has one) that the data cover, or the span of the data; and which it is, in words."""
    if not taken.cutoff:
        year = _last_ended(client, datetime.now(UTC).replace(tzinfo=None), "year")
        return (
            year,
            "the last whole year: the data hold no dated events, and data_from and data_until are not declared",
        )
    if whole := _last_whole(client, taken, "year"):
        return whole, "the last whole year that the data cover"
    last_day = (taken.cutoff - timedelta(microseconds=1)).date()
    span = Period.parse(f"{taken.data_from.date() if taken.data_from else last_day}..{last_day}")
    return span, "all of the data, as they cover no whole year (choose another with --period)"


def _last_whole(client: Client, taken: Intake, kind: str) -> Period | None:
    if not taken.cutoff:
        return None
    last = _last_ended(client, taken.cutoff, kind)
    return last if last and not (taken.data_from and last.start < taken.data_from) else None


def _last_ended(client: Client, end: datetime, kind: str) -> Period | None:
    """The last year, quarter (of the fiscal year, where the client has one) or month that ended by then."""
    fiscal = "FY" if client.fiscal_year_starts > 1 and kind != "month" else ""
    inside = {"year": [""], "quarter": [f"Q{n}" for n in (4, 3, 2, 1)], "month": [f"-{n:02}" for n in range(12, 0, -1)]}
    for year in range(min(end.year + 1, 2200), 1899, -1):  # the years that a period may have
        for part in inside[kind]:
            period = Period.parse(f"{fiscal}{year}{part}", client.fiscal_year_starts)
            if period.end <= end:
                return period
    return None
