"""Imports a client's data and writes the page of the quarantine, whether the data are accepted or refused."""

from collections.abc import Callable
from pathlib import Path

from crmnb.core.errors import InputError
from crmnb.core.files import write_atomic
from crmnb.intake import ImportRefused, Intake, SourceMissing, import_data
from crmnb.intake.audit import TableAudit
from crmnb.intake.sources.files import find_files
from crmnb.intake.sources.query import QUERY_SECONDS
from crmnb.schema.client import Client


def import_client_data(
    client: Client, private: Path, on_step: Callable[[str], None] = lambda text: None, time_limit: float = QUERY_SECONDS
) -> Intake:
    """Import a client's data (`crmnb.intake.import_data`) and write `quarantine.html` into the client's private folder.

    time_limit: of a query, in seconds. Raises SourceMissing if none of the client's files is here, which is not an error;
    if only some are missing, InputError: an incomplete delivery must not look like a client without data.
    """
    page = private / "quarantine.html"
    try:
        imported = import_data(client, private, on_step=on_step, time_limit=time_limit)
    except ImportRefused as refusal:
        if refusal.folder:
            _write_page(page, client, refusal.audits, refusal.folder, refused=True)
        raise
    except SourceMissing as missing:
        if any(_exists(client, name) for name in client.sources):
            raise InputError(str(missing)) from None
        raise
    if not (imported.reused and page.is_file()):
        _write_page(page, client, imported.audits, imported.folder / "quarantine")
    return imported


def _write_page(
    page: Path, client: Client, audits: tuple[TableAudit, ...], folder: Path, *, refused: bool = False
) -> None:
    from crmnb.report.data_check.readers import readers  # heavy, and needed only if the data changed
    from crmnb.report.pages import quarantine_page

    write_atomic(page, quarantine_page(client, audits, folder, page.parent, readers(client), refused=refused))


def _exists(client: Client, name: str) -> bool:
    source = client.sources[name]
    if source.file is None:  # a database server is elsewhere and is assumed to exist
        return not (source.database or "").startswith("sqlite:")
    try:
        return bool(find_files(client, name))
    except SourceMissing:
        return False
    except InputError:  # the file exists and has another problem
        return True
