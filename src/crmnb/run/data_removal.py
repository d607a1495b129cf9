"""Data removal: `purge` removes the stored data of a client, `forget` those of one customer; both report what they removed."""

import contextlib
import csv
import html
import os
import re
import shutil
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from glob import escape
from pathlib import Path

from crmnb.core.checksum import read_json, write_json
from crmnb.core.errors import InputError, nearest
from crmnb.core.paths import is_client_name
from crmnb.intake.erasure.erasure_list import FILE_NAME as ERASURE_LIST
from crmnb.run.environment import current_time

_PURGED = ".purged-"  # prefix of a folder that is being deleted
# Entries of the private folder that `forget` keeps; of the last three, only a part.
_RETAINED = {"run.lock", ERASURE_LIST, "tables", "runs", "run.json"}
_REPORT = "report.json"
_TABLES = "tables"
_LOCK = ".lock"


@dataclass(frozen=True)
class Removal:
    """The data of a client that were removed.

    periods: of the removed reports. files and bytes: in total. For a customer: `rows` by stored table, and `quarantined` rows,
    by file, with the key in one of their cells. notes: further remarks, in sentences.
    """

    client: str
    periods: tuple[str, ...] = ()
    files: int = 0
    bytes: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


# ---- A client ---------------------------------------------------------------------------------------------


def preview_purge(project: Path, client: str) -> Removal:
    """What `purge` would remove. Raises InputError for an invalid name and if there is no such client."""
    places = _places(project, client)
    sizes = [size for place in places for size in _sizes(place)]
    parameters = project / "parameters" / f"{client}.yml"
    notes = []
    if parameters.is_file():
        notes.append(f"Not removed: {parameters.relative_to(project)} and the files that it names.")
    if _has_erasure_list(places[0]):
        notes.append(
            "This also deletes the erasure list: a new run on the same files would import the erased customers again."
        )
    return Removal(client, _published_periods(places[0]), len(sizes), sum(sizes), notes=tuple(notes))


def purge(project: Path, client: str) -> Removal:
    """Remove all stored data of a client (reports, tables, quarantine, notebooks), and rebuild the index over all clients.

    The folder is renamed in one step and then deleted, so nobody sees a part of it; the rest of a killed purge is deleted too.
    Links are removed, not followed. The parameters file may be missing or wrong. Raises InputError like `preview_purge`, and
    ClientLocked during a run of the client.
    """
    place, purged = _places(project, client)
    with _lock(place):
        removal = preview_purge(project, client)
        _delete(purged)
        with contextlib.suppress(FileNotFoundError):
            place.rename(purged)
    _delete(purged)
    _write_portfolio(project)
    return removal


def _places(project: Path, client: str) -> tuple[Path, Path]:
    """The folder of a client's outputs, and its name while it is being deleted."""
    outputs = project / "outputs"
    place, purged = outputs / _validate_name(client), outputs / f"{_PURGED}{client}"
    if not any(map(os.path.lexists, (place, purged, project / "parameters" / f"{client}.yml"))):
        names = [path.name for path in outputs.glob("*") if is_client_name(path.name)]
        raise InputError(f"outputs/ has no data of a client {client!r}.{nearest(client, names)}")
    return place, purged


def _validate_name(client: str) -> str:
    if not is_client_name(client):  # it becomes part of paths
        raise InputError(
            f"client {client[:80]!r} is not a valid name: lower-case letters, digits and _, starting with a letter (the name of the parameters file without .yml)."
        )
    return client


def _sizes(place: Path) -> Iterator[int]:
    """The size in bytes of each file and link at a path and below it."""
    if not _is_folder(place):
        if os.path.lexists(place):
            yield place.lstat().st_size
        return
    for folder, folders, files in os.walk(place):
        paths = [os.path.join(folder, name) for name in (*files, *folders)]
        for path in paths[: len(files)] + list(filter(os.path.islink, paths[len(files) :])):
            with contextlib.suppress(FileNotFoundError):  # a run in progress has removed it
                yield os.lstat(path).st_size


def _published_periods(place: Path) -> tuple[str, ...]:
    """The periods of the published reports."""
    pages = place.glob("[!.]*/index.html") if _is_folder(place) else ()
    return tuple(sorted(page.parent.name for page in pages))


def _is_folder(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()


def _has_erasure_list(place: Path) -> bool:
    return _is_folder(place / ".private") and (place / ".private" / ERASURE_LIST).is_file()


@contextmanager
def _lock(place: Path) -> Iterator[None]:
    """Hold the client's lock, if the client has a private folder."""
    from crmnb.run.lock import client_lock

    has_folder = _is_folder(place) and _is_folder(place / ".private")
    with client_lock(place / ".private") if has_folder else contextlib.nullcontext():
        yield


def _delete(path: Path) -> None:
    """Remove a file, a link or a folder with its content, if it exists."""
    if _is_folder(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _write_portfolio(project: Path) -> None:
    from crmnb.report.pages.portfolio import portfolio

    with contextlib.suppress(OSError):  # the old page stays; the data are removed
        portfolio(project / "outputs", current_time())


# ---- A person ---------------------------------------------------------------------------------------------


def forget(project: Path, client: str, customer: str) -> Removal:
    """Erase one customer's rows from all stored data of a client, permanently.

    The client's files still contain the customer, so a salted digest of the key goes to the erasure list, by which every import
    leaves those rows out; the key itself is stored nowhere. This also happens if the customer is not found: the next delivery
    may contain them. Then the stored tables, quarantine, pages and notebooks are removed, and the data are re-imported; if the
    files are missing or wrong, the tables stay missing until the files are right. Published reports stay, except those whose
    pages show the key (of clients that allow lists of customers), or quotes of customers, as a quote does not say whose it is. Raises InputError like `purge`, and for an empty key.
    """
    from crmnb.core.paths import private_folder
    from crmnb.intake.erasure.erasure_list import add_to_erasure_list

    customer = customer.strip()
    if not customer or not customer.isprintable():  # bytes that are not text arrive as unprintable characters
        raise InputError(
            "the customer's key is empty or not text; write it exactly as in the client's files (007 is not 7)."
        )
    place, purged = _places(project, client)
    for folder in (place, place / ".private"):
        if folder.is_symlink():
            raise InputError(f"{folder.relative_to(project)} is a link; replace it by the folder itself.")
    private = private_folder(project, client)
    with _lock(place):
        _delete(purged)
        add_to_erasure_list(private, customer)
        periods = _reports_with(place, customer)
        report_sizes = [size for period in periods for size in _sizes(place / period)]
        for period in periods:
            _delete(place / period)
        rows = _stored_rows(private / _TABLES, customer)
        quarantined = _quarantined_rows(private / _TABLES, customer)
        sizes = report_sizes + _clear(private)
        problem = _reimport(project, client, private)
    _write_portfolio(project)
    notes = _notes(place, bool(rows or quarantined or periods), problem, periods)
    return Removal(client, periods, len(sizes), sum(sizes), rows, quarantined, notes)


def _reports_with(place: Path, customer: str) -> tuple[str, ...]:
    """The periods of the published reports with quotes, or with the key in a cell of its own: in a table of a page, or in a spreadsheet."""
    cells = re.compile(rb">\s*" + re.escape(html.escape(customer, quote=False).encode()) + rb"\s*<")
    return tuple(
        period
        for period in _published_periods(place)
        if any(cells.search(text) or _QUOTE in text for path in _files(place / period) for text in _texts(path))
    )


_QUOTE = b"<blockquote>"  # as `crmnb.report.text.quotes` writes one


def _files(folder: Path) -> list[Path]:
    """The files below a folder; a link has none."""
    return (
        [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()] if _is_folder(folder) else []
    )


def _texts(path: Path) -> Iterator[bytes]:
    """The content of a page, or of each part of a spreadsheet."""
    with contextlib.suppress(OSError, zipfile.BadZipFile):
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                yield from (book.read(name) for name in book.namelist())
        elif path.suffix == ".html":
            yield path.read_bytes()


def _stored_rows(home: Path, customer: str) -> dict[str, int]:
    """The number of the customer's rows in each stored table; a file that cannot be read is removed without a count."""
    import duckdb

    from crmnb.intake.erasure.exclude import erased_rows_condition, sort_parents_first
    from crmnb.intake.staging_table import describe_columns, quote_identifier, quote_literal
    from crmnb.schema.tables import TABLES

    paths = {path.stem: path for path in home.glob("*/*.parquet") if path.stem in TABLES}
    erased_keys: dict[str, set[str]] = {}
    counts = {}
    with duckdb.connect() as con:
        for name in sort_parents_first(paths):
            table, rows = TABLES[name], f"read_parquet({quote_literal(escape(str(paths[name])))})"
            with contextlib.suppress(duckdb.Error):
                columns = describe_columns(con, rows)
                condition = erased_rows_condition(table, columns, quote_identifier, [customer], erased_keys, rows)
                key = quote_identifier(table.key[0]) if table.key else "NULL"
                keys = con.execute(f"SELECT {key}::VARCHAR FROM {rows} WHERE {condition}").fetchall()
                erased_keys[name] = {value for (value,) in keys if value is not None}
                counts[name] = len(keys)
    return {name: count for name, count in counts.items() if count}


def _quarantined_rows(home: Path, customer: str) -> dict[str, int]:
    """The number of rows in each file of the quarantine with the key in one of their cells."""
    csv.field_size_limit(1 << 28)
    counts = {}
    for path in sorted(home.rglob("*.csv")):
        with contextlib.suppress(OSError, ValueError, csv.Error), path.open(encoding="utf-8", newline="") as file:
            counts[path.name] = sum(customer in (cell.strip() for cell in row) for row in csv.reader(file))
    return {name: count for name, count in counts.items() if count}


def _clear(private: Path) -> list[int]:
    """Remove everything that may hold a customer's row; returns the sizes of the files in bytes. The records of runs stay."""
    from crmnb.intake.store import lock_tables

    home = private / _TABLES
    with lock_tables(home):  # wait for an intake in progress
        paths = [path for path in private.iterdir() if path.name not in _RETAINED]
        paths += [path for path in home.iterdir() if path.name != _LOCK]
        paths += [path for period in _content(private / "runs") for path in _content(period) if path.name != _REPORT]
        sizes = [size for path in paths for size in _sizes(path)]
        for path in paths:
            _delete(path)
    _remove_message(private / "run.json")
    return sizes


def _content(folder: Path) -> list[Path]:
    """The content of a folder; a link or file in its place is removed."""
    if _is_folder(folder):
        return list(folder.iterdir())
    _delete(folder)
    return []


def _remove_message(path: Path) -> None:
    """Remove the message from the record of the last run: it may show a value of one of the rows."""
    record = read_json(path)
    if record is None:
        _delete(path)
    elif record.get("message"):
        removed = "The reason was removed when a customer was erased; the next run shows it again."
        write_json(path, record | {"message": removed})


def _reimport(project: Path, client: str, private: Path) -> str:
    """Re-import the data; returns why that failed, in words that show no row, or ""."""
    from crmnb.intake import SourceMissing
    from crmnb.run.data_import import import_client_data
    from crmnb.schema.client import load_client

    try:
        import_client_data(load_client(client, project / "parameters"), private)
    except SourceMissing:
        return "the client's files are missing"
    except InputError:
        return f"the client's files cannot be imported; `crmnb check {client}` shows the reason"
    return ""


def _notes(place: Path, is_known: bool, problem: str, periods: tuple[str, ...]) -> tuple[str, ...]:
    notes = []
    if periods:
        notes.append(
            f"Removed: the reports that showed the customer's key, or quotes of customers ({', '.join(periods)}). The next run rebuilds them."
        )
    if not is_known:
        notes.append(
            "The stored data have no rows of this customer. The key is on the erasure list nevertheless, since the client's "
            "files may contain it now or later. Is it written as in those files (007 is not 7)?"
        )
    if problem:
        notes.append(f"The tables are missing now: {problem}. The next import leaves the customer out.")
    if published := _published_periods(place):
        notes.append(
            f"Not removed: the published reports ({', '.join(published)}). They contain figures of groups only; the next run "
            "computes them without this customer."
        )
    notes.append("Not removed: the client's own files, notebooks saved elsewhere, and copies of any of these.")
    return tuple(notes)
