"""Checking a client: its data taken in, the period chosen, and what is found."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

from crmnb.check.drift import drift
from crmnb.check.found import Checked
from crmnb.check.metrics import availability, readers
from crmnb.check.taking import take_in, write_private
from crmnb.check.told import parts_of
from crmnb.client import Client, load_client
from crmnb.intake import Intake
from crmnb.measure import check_settings
from crmnb.metric import catalogue
from crmnb.page import check_page
from crmnb.period import Period
from crmnb.workbook import private_folder


def check(project: Path, client_name: str, label: str = "", say: Callable[[str], None] = lambda text: None) -> Checked:
    """Take a client's data in, look at them, and write check.html and quarantine.html into its private folder.

    label: the period for which metrics are looked at, else the last whole year of the data. say: told of each step.
    Raises InputError for what is wrong in the parameters or the files, SourceMissing where there are no files.
    """
    client = load_client(client_name, project / "parameters")
    check_settings(client)
    asked = Period.parse(label, client.fiscal_year_starts) if label else None
    private = private_folder(project, client.id)
    say("reading the client's files")
    taken = take_in(client, private, say)
    period, chosen = (asked, "as asked for") if asked else last_whole_year(client, taken)
    period = period.observe(taken.data_from, taken.cutoff)
    say("looking at the metrics")
    metrics = availability(client, taken, period, catalogue().values())
    found = drift(taken.profile, taken.before, client, readers(client))
    page = private / "check.html"
    checked = Checked(client, taken, period, chosen, metrics, found, page, private / "quarantine.html")
    write_private(page, check_page(client, parts_of(checked), day=taken.profile.day, quarantine="quarantine.html"))
    return checked


def last_whole_year(client: Client, taken: Intake) -> tuple[Period, str]:
    """The last year (fiscal, where the client has one) that the data cover, or the span of the data; and which it is, in words."""
    fiscal = "FY" if client.fiscal_year_starts > 1 else ""
    end = taken.cutoff or datetime.now(UTC).replace(tzinfo=None)
    numbers = range(min(end.year + 1, 2200), 1899, -1)  # the years that a period may have
    years = (Period.parse(f"{fiscal}{year}", client.fiscal_year_starts) for year in numbers)
    whole = next((year for year in years if year.end <= end), None)
    if not taken.cutoff:
        return (
            whole,
            "the last whole year: the data hold no dated events, and data_from and data_until are not declared",
        )
    if not whole or (taken.data_from and whole.start < taken.data_from):
        last = (taken.cutoff - timedelta(microseconds=1)).date()
        span = Period.parse(f"{taken.data_from.date() if taken.data_from else last}..{last}")
        return span, "all of the data, as they cover no whole year (choose another with --period)"
    return whole, "the last whole year that the data cover"
