"""Checking a client: its data taken in, the period chosen, and what is found."""

from collections.abc import Callable
from pathlib import Path

from crmnb.core.paths import private_folder
from crmnb.core.period import Period
from crmnb.engine.segments import many_levels
from crmnb.engine.session import open_tables
from crmnb.evaluate.settings import check_settings
from crmnb.intake.coverage import choose_default_period
from crmnb.intake.sources.query import QUERY_SECONDS
from crmnb.metrics.definition import catalogue
from crmnb.report.data_check.availability import availability, readers
from crmnb.report.data_check.drift import drift
from crmnb.report.data_check.findings import Checked
from crmnb.report.data_check.sections import parts_of
from crmnb.report.pages import check_page
from crmnb.run.data_import import take_in, write_private
from crmnb.schema.client import load_client


def check(
    project: Path,
    client_name: str,
    label: str = "",
    say: Callable[[str], None] = lambda text: None,
    seconds: float = QUERY_SECONDS,
) -> Checked:
    """Take a client's data in, look at them, and write check.html and quarantine.html into its private folder.

    label: the period for which metrics are looked at, else the last whole year of the data. say: told of each step.
    seconds: that a query of the client's may take. Raises InputError for what is wrong in the parameters or the files,
    SourceMissing where there are no files, TimeLimitExceeded for a query that takes longer.
    """
    client = load_client(client_name, project / "parameters")
    check_settings(client)
    asked = Period.parse(label, client.fiscal_year_starts) if label else None
    private = private_folder(project, client.id)
    say("reading the client's files")
    taken = take_in(client, private, say, seconds)
    period, chosen = (asked, "as asked for") if asked else choose_default_period(client, taken)
    period = period.observe(taken.data_from, taken.cutoff)
    say("looking at the metrics")
    metrics = availability(client, taken, period, catalogue().values())
    found = drift(taken.profile, taken.previous_profile, client, readers(client))
    page = private / "check.html"
    many = many_levels(open_tables(client, taken.tables, cutoff=taken.cutoff))
    checked = Checked(client, taken, period, chosen, metrics, found, page, private / "quarantine.html", many)
    write_private(page, check_page(client, parts_of(checked), day=taken.profile.day, quarantine="quarantine.html"))
    return checked
