"""Taking in, with the page on the quarantine written whether the data are let through or refused."""

from collections.abc import Callable
from pathlib import Path

from crmnb.core.errors import InputError
from crmnb.core.files import write_atomic
from crmnb.intake import ImportRefused, Intake, SourceMissing, import_data
from crmnb.intake.audit import TableAudit
from crmnb.intake.sources.files import find_files
from crmnb.intake.sources.query import QUERY_SECONDS
from crmnb.schema.client import Client


def take_in(
    client: Client, private: Path, say: Callable[[str], None] = lambda text: None, seconds: float = QUERY_SECONDS
) -> Intake:
    """As `crmnb.import_data.import_data`, and write `quarantine.html` into the client's private folder.

    Raises SourceMissing where none of the client's files is there, which is no fault; where only some are missing,
    InputError: a delivery that is not whole must not pass as a client without data.
    """
    page = private / "quarantine.html"
    try:
        taken = import_data(client, private, say=say, seconds=seconds)
    except ImportRefused as no:
        if no.folder:
            _write_page(page, client, no.audits, no.folder, refused=True)
        raise
    except SourceMissing as absent:
        if any(_is_there(client, name) for name in client.sources):
            raise InputError(str(absent)) from None
        raise
    if not (taken.reused and page.is_file()):
        _write_page(page, client, taken.audits, taken.folder / "quarantine")
    return taken


def _write_page(
    page: Path, client: Client, accounts: tuple[TableAudit, ...], folder: Path, *, refused: bool = False
) -> None:
    from crmnb.report.data_check.availability import readers  # heavy, and needed only where the data changed
    from crmnb.report.pages import quarantine_page

    write_private(page, quarantine_page(client, accounts, folder, page.parent, readers(client), refused=refused))


def _is_there(client: Client, name: str) -> bool:
    source = client.sources[name]
    if source.file is None:  # a server is somewhere else, so it is taken to be there
        return not (source.database or "").startswith("sqlite:")
    try:
        return bool(find_files(client, name))
    except SourceMissing:
        return False
    except InputError:  # it is there, and something else is wrong with it
        return True


def write_private(path: Path, text: str) -> None:
    """Write a page for its owner's eyes only, whole or not at all."""
    write_atomic(path, text)
