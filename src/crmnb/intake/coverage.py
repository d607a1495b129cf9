"""The periods that a client's data cover: the last complete year, quarter or month."""

from datetime import UTC, datetime, timedelta

from crmnb.core.errors import InputError
from crmnb.core.period import Period
from crmnb.intake.store import Intake
from crmnb.schema.client import Client

RELATIVE = ("year", "quarter", "month")  # labels of the last complete one that the data cover


def choose_period(client: Client, intake: Intake, label: str = "") -> Period:
    """The period of a label (see `Period.parse`, or one of RELATIVE), as observed; without a label the default period.

    Raises InputError for an invalid label, and for a relative label if the data cover no complete period of that kind.
    """
    if not label:
        period, _ = choose_default_period(client, intake)
    elif label in RELATIVE:
        period = _find_last_complete(client, intake, label)
        if period is None:
            raise InputError(
                f"period {label!r}: the data of {client.id} do not cover a complete {label}. Name a period."
            )
    else:
        period = Period.parse(label, client.fiscal_year_starts)
    return period.observe(intake.data_from, intake.cutoff)


def choose_default_period(client: Client, intake: Intake) -> tuple[Period, str]:
    """The last (fiscal) year that the data cover, or the span of the data; and the reason for the choice."""
    if not intake.cutoff:
        year = _find_last_ended(client, datetime.now(UTC).replace(tzinfo=None), "year")
        return (
            year,
            "the last complete year: the data have no dated events, and data_from and data_until are not declared",
        )
    if period := _find_last_complete(client, intake, "year"):
        return period, "the last complete year that the data cover"
    last_day = (intake.cutoff - timedelta(microseconds=1)).date()
    span = Period.parse(f"{intake.data_from.date() if intake.data_from else last_day}..{last_day}")
    return span, "all data, because they do not cover a complete year (choose another period with --period)"


def _find_last_complete(client: Client, intake: Intake, unit: str) -> Period | None:
    if not intake.cutoff:
        return None
    last = _find_last_ended(client, intake.cutoff, unit)
    return last if last and not (intake.data_from and last.start < intake.data_from) else None


def _find_last_ended(client: Client, end: datetime, unit: str) -> Period | None:
    """The last (fiscal) year, (fiscal) quarter or month that ended by then."""
    fiscal = "FY" if client.fiscal_year_starts > 1 and unit != "month" else ""
    parts_by_unit = {
        "year": [""],
        "quarter": [f"Q{n}" for n in (4, 3, 2, 1)],
        "month": [f"-{n:02}" for n in range(12, 0, -1)],
    }
    for year in range(min(end.year + 1, 2200), 1899, -1):  # the years that periods support
        for part in parts_by_unit[unit]:
            period = Period.parse(f"{fiscal}{year}{part}", client.fiscal_year_starts)
            if period.end <= end:
                return period
    return None
