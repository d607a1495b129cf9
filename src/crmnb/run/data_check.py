"""The data quality check of a client: imports the data, selects the period and writes the pages."""

from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from crmnb.core.files import write_atomic
from crmnb.core.paths import private_folder
from crmnb.core.period import Period
from crmnb.engine.segments import many_levels
from crmnb.engine.session import open_tables
from crmnb.evaluate.availability import availability
from crmnb.evaluate.settings import check_settings
from crmnb.intake.coverage import choose_default_period
from crmnb.intake.sources.query import QUERY_SECONDS
from crmnb.intake.store import NEAR_DUPLICATES
from crmnb.metrics.definition import catalogue
from crmnb.report.data_check.drift import drift
from crmnb.report.data_check.findings import Checked
from crmnb.report.data_check.readers import readers
from crmnb.report.data_check.sections import parts_of
from crmnb.report.pages import check_page
from crmnb.run.data_import import import_client_data
from crmnb.schema.client import load_client


def check(
    project: Path,
    client_name: str,
    label: str = "",
    on_step: Callable[[str], None] = lambda text: None,
    time_limit: float = QUERY_SECONDS,
) -> Checked:
    """Import a client's data, check them, and write check.html and quarantine.html into the private folder.

    label: the period for the availability of metrics, by default the last complete year of the data. on_step: receives each
    step. time_limit: of a query, in seconds. Raises InputError if the parameters or the files are wrong, SourceMissing if
    there are no files, TimeLimitExceeded for a query that takes longer.
    """
    client = load_client(client_name, project / "parameters")
    check_settings(client)
    requested = Period.parse(label, client.fiscal_year_starts) if label else None
    private = private_folder(project, client.id)
    on_step("reading the client's files")
    imported = import_client_data(client, private, on_step, time_limit)
    period, origin = (requested, "as asked for") if requested else choose_default_period(client, imported)
    period = period.observe(imported.data_from, imported.cutoff)
    on_step("checking the metrics")
    tables = open_tables(client, imported.tables, cutoff=imported.cutoff)
    metrics = availability(catalogue().values(), tables, period)
    changes = drift(imported.profile, imported.previous_profile, client, readers(client))
    page = private / "check.html"
    many = many_levels(tables)
    checked = Checked(client, imported, period, origin, metrics, changes, page, private / "quarantine.html", many)
    files = sorted((imported.folder / NEAR_DUPLICATES).glob("*.csv"))
    pairs = tuple(quote(file.relative_to(private).as_posix()) for file in files)
    links = {"quarantine": "quarantine.html", "near_duplicates": pairs}
    html = check_page(client, parts_of(checked), day=imported.profile.day, **links)
    write_atomic(page, html)
    return checked
