"""What is kept of a client, and of one person, removed: `purge` and `forget`, which say what they removed."""

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
from crmnb.run.environment import now
from crmnb.schema.client.models import NAME

_ASIDE = ".purged-"
_STAYS = {
    "run.lock",
    "forgotten.json",
    "tables",
    "runs",
    "run.json",
}  # in the private folder; of the last three, a part
_REPORT = "report.json"
_TABLES = "tables"
_LOCK = ".lock"


@dataclass(frozen=True)
class Removed:
    """What was removed of a client.

    periods: of the reports that went; files and bytes: all together. Of a customer: `rows` of each kept table, and `quarantined` rows, by
    file, in a cell of which the key stood. said: what else is to be known, in sentences.
    """

    client: str
    periods: tuple[str, ...] = ()
    files: int = 0
    bytes: int = 0
    rows: dict[str, int] = field(default_factory=dict)
    quarantined: dict[str, int] = field(default_factory=dict)
    said: tuple[str, ...] = ()


# ---- A client ---------------------------------------------------------------------------------------------


def look(project: Path, client: str) -> Removed:
    """What `purge` would remove. Raises InputError for what is no name, and where there is no such client."""
    places = _places(project, client)
    sizes = [size for place in places for size in _sizes(place)]
    own = project / "parameters" / f"{client}.yml"
    said = (
        [f"Not touched: {own.relative_to(project)} and the files that it names, which are yours."]
        if own.is_file()
        else []
    )
    if _forgets(places[0]):
        said.append(
            "Who was to be forgotten is no longer known then: run again on the same files, this client would have them back."
        )
    return Removed(client, _published(places[0]), len(sizes), sum(sizes), said=tuple(said))


def purge(project: Path, client: str) -> Removed:
    """Remove all that is kept of a client (reports, tables, quarantine, notebooks), and make the portfolio anew.

    It is put aside in one step and then deleted, so nobody sees half of it; what a killed purge left is deleted too. Links are
    removed, not followed. The parameters file need not be there or be right. Raises InputError as `look`, and Busy while a
    run of the client is under way.
    """
    place, aside = _places(project, client)
    with _lock(place):
        found = look(project, client)
        _delete(aside)
        with contextlib.suppress(FileNotFoundError):
            place.rename(aside)
    _delete(aside)
    _portfolio(project)
    return found


def _places(project: Path, client: str) -> tuple[Path, Path]:
    """Where a client's outputs lie, and where they are put aside."""
    outputs = project / "outputs"
    place, aside = outputs / _checked(client), outputs / f"{_ASIDE}{client}"
    if not any(map(os.path.lexists, (place, aside, project / "parameters" / f"{client}.yml"))):
        kept = [path.name for path in outputs.glob("*") if re.fullmatch(NAME, path.name)]
        raise InputError(f"nothing is kept of a client {client!r} under outputs/.{nearest(client, kept)}")
    return place, aside


def _checked(client: str) -> str:
    if not re.fullmatch(NAME, client):  # paths are made of it
        raise InputError(
            f"client {client[:80]!r} is not a name: small letters, digits and _, beginning with a letter (the file's name without .yml)."
        )
    return client


def _sizes(place: Path) -> Iterator[int]:
    """The bytes of each file and link at a place and below it."""
    if not _is_folder(place):
        if os.path.lexists(place):
            yield place.lstat().st_size
        return
    for folder, folders, files in os.walk(place):
        paths = [os.path.join(folder, name) for name in (*files, *folders)]
        for path in paths[: len(files)] + list(filter(os.path.islink, paths[len(files) :])):
            with contextlib.suppress(FileNotFoundError):  # a run that is under way has removed it
                yield os.lstat(path).st_size


def _published(place: Path) -> tuple[str, ...]:
    """The periods of which there is a report."""
    pages = place.glob("[!.]*/index.html") if _is_folder(place) else ()
    return tuple(sorted(page.parent.name for page in pages))


def _is_folder(place: Path) -> bool:
    return place.is_dir() and not place.is_symlink()


def _forgets(place: Path) -> bool:
    return _is_folder(place / ".private") and (place / ".private" / "forgotten.json").is_file()


@contextmanager
def _lock(place: Path) -> Iterator[None]:
    """Hold the client's lock, if it has a private folder to hold one in."""
    from crmnb.run.lock import hold

    is_there = _is_folder(place) and _is_folder(place / ".private")
    with hold(place / ".private") if is_there else contextlib.nullcontext():
        yield


def _delete(path: Path) -> None:
    """Remove a file, a link or a folder with all that is in it, if it is there."""
    if _is_folder(path):
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _portfolio(project: Path) -> None:
    from crmnb.report.pages.portfolio import portfolio

    with contextlib.suppress(OSError):  # the page as it was stays; what was to be removed is gone
        portfolio(project / "outputs", now())


# ---- A person ---------------------------------------------------------------------------------------------


def forget(project: Path, client: str, customer: str) -> Removed:
    """Remove one customer's rows from all that is kept of a client, for good.

    The client's files still hold the customer, so a salted digest of the key is put on a list by which every intake leaves
    those rows out; the key itself is kept nowhere. It is put there even where nothing of the customer is found: the next
    delivery may hold them. Then the kept tables, quarantine, pages and notebooks go, and the data are taken in anew; where they
    are not there, or not as they should be, nothing takes their place until they are. Reports that are published stay, except those
    on whose pages the key stands (where the client has lists of customers shown). Raises InputError as `purge`, and for an empty key.
    """
    from crmnb.core.paths import private_folder
    from crmnb.intake.erasure.erasure_list import add_to_erasure_list

    customer = customer.strip()
    if not customer or not customer.isprintable():  # bytes that are no text come as characters that cannot be printed
        raise InputError(
            "the customer's key is empty or no text; give it as it stands in the client's files (007 is not 7)."
        )
    place, aside = _places(project, client)
    for folder in (place, place / ".private"):
        if folder.is_symlink():
            raise InputError(f"{folder.relative_to(project)} is a link; put the folder itself there.")
    private = private_folder(project, client)
    with _lock(place):
        _delete(aside)
        add_to_erasure_list(private, customer)
        named = _reports_with(place, customer)
        named_size = [size for period in named for size in _sizes(place / period)]
        for period in named:
            _delete(place / period)
        rows = _kept_rows(private / _TABLES, customer)
        quarantined = _quarantined_rows(private / _TABLES, customer)
        files, size = _clear(private)
        why = _take_in_anew(project, client, private)
    _portfolio(project)
    said = _said(place, bool(rows or quarantined or named), why, named)
    return Removed(client, named, files + len(named_size), size + sum(named_size), rows, quarantined, said)


def _reports_with(place: Path, customer: str) -> tuple[str, ...]:
    """The periods of the published reports in which the key stands by itself: in a cell of a page's table, or of a spreadsheet."""
    cells = re.compile(rb">\s*" + re.escape(html.escape(customer, quote=False).encode()) + rb"\s*<")
    return tuple(
        period
        for period in _published(place)
        if any(cells.search(text) for path in _files(place / period) for text in _texts(path))
    )


def _files(folder: Path) -> list[Path]:
    """The files below a folder; one that is a link to elsewhere has none here."""
    return (
        [path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()] if _is_folder(folder) else []
    )


def _texts(path: Path) -> Iterator[bytes]:
    """What a page, or each part of a spreadsheet, holds."""
    with contextlib.suppress(OSError, zipfile.BadZipFile):
        if path.suffix == ".xlsx":
            with zipfile.ZipFile(path) as book:
                yield from (book.read(name) for name in book.namelist())
        elif path.suffix == ".html":
            yield path.read_bytes()


def _kept_rows(home: Path, customer: str) -> dict[str, int]:
    """The customer's rows in each of the kept tables; a file that cannot be read goes with the others, uncounted."""
    import duckdb

    from crmnb.intake.erasure.exclude import erased_rows_condition, sort_parents_first
    from crmnb.intake.staging_table import describe_columns, quote_identifier, quote_literal
    from crmnb.schema.tables import TABLES

    paths = {path.stem: path for path in home.glob("*/*.parquet") if path.stem in TABLES}
    gone: dict[str, set[str]] = {}
    found = {}
    with duckdb.connect() as con:
        for name in sort_parents_first(paths):
            table, rows = TABLES[name], f"read_parquet({quote_literal(escape(str(paths[name])))})"
            with contextlib.suppress(duckdb.Error):
                columns = describe_columns(con, rows)
                theirs = erased_rows_condition(table, columns, quote_identifier, [customer], gone, rows)
                key = quote_identifier(table.key[0]) if table.key else "NULL"
                keys = con.execute(f"SELECT {key}::VARCHAR FROM {rows} WHERE {theirs}").fetchall()
                gone[name] = {each for (each,) in keys if each is not None}
                found[name] = len(keys)
    return {name: count for name, count in found.items() if count}


def _quarantined_rows(home: Path, customer: str) -> dict[str, int]:
    """The rows of each file of the quarantine in a cell of which the key stands."""
    csv.field_size_limit(1 << 28)
    found = {}
    for path in sorted(home.rglob("*.csv")):
        with contextlib.suppress(OSError, ValueError, csv.Error), path.open(encoding="utf-8", newline="") as file:
            found[path.name] = sum(customer in (cell.strip() for cell in row) for row in csv.reader(file))
    return {name: count for name, count in found.items() if count}


def _clear(private: Path) -> tuple[int, int]:
    """Remove whatever may hold a person's row, and say how many files and bytes that were; what a run is known by stays."""
    from crmnb.intake.store import lock_tables

    home = private / _TABLES
    with lock_tables(home):  # an intake that is under way ends first
        going = [path for path in private.iterdir() if path.name not in _STAYS]
        going += [path for path in home.iterdir() if path.name != _LOCK]
        going += [path for period in _inside(private / "runs") for path in _inside(period) if path.name != _REPORT]
        sizes = [size for path in going for size in _sizes(path)]
        for path in going:
            _delete(path)
    _without_words(private / "run.json")
    return len(sizes), sum(sizes)


def _inside(folder: Path) -> list[Path]:
    """What lies in a folder; a link to one, and whatever else stands in its place, is removed."""
    if _is_folder(folder):
        return list(folder.iterdir())
    _delete(folder)
    return []


def _without_words(record: Path) -> None:
    """Take out of the record of the last run why it was refused: the reason may show a value of one of the rows."""
    said = read_json(record)
    if said is None:
        return _delete(record)
    if said.get("said"):
        write_json(
            record,
            said | {"said": "why is no longer known, as a customer was forgotten since; the next run says it anew."},
        )
    return None


def _take_in_anew(project: Path, client: str, private: Path) -> str:
    """Why nothing could be taken in, in words that show no row; "" where it could."""
    from crmnb.intake import SourceMissing
    from crmnb.run.data_import import take_in
    from crmnb.schema.client import load_client

    try:
        take_in(load_client(client, project / "parameters"), private)
    except SourceMissing:
        return "the client's files are not here"
    except InputError:
        return f"the client's files cannot be taken in as they are; `crmnb check {client}` says why"
    return ""


def _said(place: Path, is_found: bool, why: str, named: tuple[str, ...]) -> tuple[str, ...]:
    said = []
    if named:
        said.append(
            f"Removed: the reports in which this customer's key stood ({', '.join(named)}). The next run makes them anew."
        )
    if not is_found:
        said.append(
            "Nothing of this customer was found in what was kept. The key is on the list all the same, since the client's files may "
            "hold it, or come to hold it. Is it written as in those files (007 is not 7)?"
        )
    if why:
        said.append(f"The tables are not there any more: {why}. Once they are taken in, it is without the customer.")
    if published := _published(place):
        said.append(
            f"Not touched: the reports that are published ({', '.join(published)}). They hold figures of groups only; the next run "
            "makes them without this customer."
        )
    said.append("Not touched: the client's own files, notebooks that were saved elsewhere, and copies of any of these.")
    return tuple(said)
