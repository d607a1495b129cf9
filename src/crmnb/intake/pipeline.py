"""Taking in: from a client's parameters to canonical tables, step by step."""

import logging
import re
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property
from glob import escape
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb

from crmnb.core.errors import InputError
from crmnb.intake.audit import Profile, TableAudit
from crmnb.intake.erasure.erasure_list import ErasureList, forgotten
from crmnb.intake.erasure.exclude import sort_parents_first
from crmnb.intake.personal_data import customer_columns, personal_columns
from crmnb.intake.profile import profile_tables
from crmnb.intake.readers.read import read_source
from crmnb.intake.sources.files import File, find_files, unchanged
from crmnb.intake.sources.query import OFFLINE_CONFIG, QUERY_SECONDS, find_query_sources, run_query
from crmnb.intake.staging_table import Cell, Raw, describe_columns, kind, quote_identifier, quote_literal
from crmnb.intake.store import (
    Intake,
    compute_fingerprint,
    find_damaged_files,
    load_intake,
    load_latest_intake,
    lock_tables,
    publish_intake,
    refused_folder,
    save_intake,
    staging_folder,
)
from crmnb.intake.timeline import TimeLine, read_timeline, said_of
from crmnb.intake.validation.acceptance import ImportRefused
from crmnb.intake.validation.contract import columns_of
from crmnb.intake.validation.quarantine import Quarantine
from crmnb.intake.validation.referential_checks import lines_of, links_of
from crmnb.intake.validation.validate import judge
from crmnb.intake.validation.validated_rows import Contract
from crmnb.schema.client import Client, Mapping, Source
from crmnb.schema.client.models import NAME
from crmnb.schema.tables import ENGINE_TYPES, RESERVED, TABLES, Column, Table

_LOG = logging.getLogger("crmnb")


def import_data(
    client: Client, private: Path, *, say: Callable[[str], None] = lambda text: None, seconds: float = QUERY_SECONDS
) -> Intake:
    """Take in a client's sources; nothing is read again while files, parameters and code are unchanged.

    `private` is the client's folder for what is not to be sent. A database is asked each time, since only its rows say
    whether they are the same. Kept tables are read to their end once: where one is damaged, all are made anew, which is
    logged, and `rebuilt_files` of what is given names them. Raises InputError for what is wrong in the files or the parameters, of which Refused has the
    accounts; TimeLimitExceeded for a query that does not end within the seconds; SourceMissing for a file that is not there. Then the tables of the last intake are as they were.
    Rows of customers who are on the private folder's list of the forgotten are left out.
    """
    _refuse_personal_segments(client)
    home = Path(private) / "tables"
    with lock_tables(home), staging_folder(home) as folder:
        leave_out = forgotten(Path(private))
        files = {name: _found(client, name, folder) for name in _needed(client)}
        contents = {name: {"files": [file.content() for file in found]} for name, found in files.items()}
        mark = compute_fingerprint(client, contents, leave_out)
        wrong = find_damaged_files(home, mark)
        if (known := load_intake(home, mark)) and not wrong:
            return known
        if wrong:
            _LOG.warning("%s: kept files are damaged, so the data are taken in anew: %s", client.id, ", ".join(wrong))
        work = _Work(client, files, folder, home, say, leave_out, seconds)
        try:
            return replace(_take(work, mark, contents), rebuilt_files=tuple(wrong))
        except ImportRefused as wrong:
            _keep_quarantine(work)
            raise ImportRefused(str(wrong), (*work.audits, *wrong.audits), refused_folder(home)) from None
        except InputError:
            _keep_quarantine(work)
            raise


def find_unchanged_intake(client: Client, private: Path) -> Intake | None:
    """What `import_data` would find taken in already and whole; None where it would read files anew, or has to ask a database.

    Raises as `import_data` does for files that are not there, or not what the parameters say.
    """
    needed = _needed(client)
    if any(client.sources[name].database for name in needed):
        return None
    contents = {name: {"files": [file.content() for file in find_files(client, name)]} for name in needed}
    home, mark = Path(private) / "tables", compute_fingerprint(client, contents, forgotten(Path(private)))
    return None if find_damaged_files(home, mark) else load_intake(home, mark)


def _refuse_personal_segments(client: Client) -> None:
    """Raise InputError for a segment that a query makes of a personal column; of mapped columns the parameters tell."""
    for name, segment in client.segments.items():
        table, column = segment.column.split(".")
        if personal_columns(client, table, [column]):
            raise InputError(
                f"{client.id}.yml, segments.{name}.column: {segment.column} is made of a column that is declared personal, so it "
                f"cannot be a segment. If it tells of no single person, say which columns of tables.{table} do: `personal: [...]`."
            )


def _found(client: Client, name: str, folder: Path) -> list[File]:
    """A source's files; the rows of a database become one."""
    if client.sources[name].database is None:
        return find_files(client, name)
    from crmnb.intake.sources.database import fetch

    return [fetch(client, name, folder / f"fetched_{name}.parquet")]


@dataclass
class _Work:
    """An intake under way: what is asked, where the work is done, and the sources read so far."""

    client: Client
    files: dict[str, list[File]]
    folder: Path
    home: Path
    say: Callable[[str], None]
    forgotten: ErasureList
    seconds: float  # that a query may take
    raws: dict[str, Raw] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)  # of each source, as they were read
    audits: list[TableAudit] = field(default_factory=list)
    gone: dict[str, set[str]] = field(default_factory=dict)  # as in the contracts, which share it

    @property
    def done(self) -> Path:
        """The folder that will be the canonical tables' own."""
        return self.folder / "done"

    def typed(self, source: str) -> Path:
        """The rows of a source as the queries read them."""
        return self.folder / f"typed_{source}.parquet"

    def quarantine(self, name: str) -> Quarantine:
        """Where the wrong rows of a table or source go."""
        return Quarantine(self.done / "quarantine" / name, refused_folder(self.home) / name)

    @cached_property
    def customer_columns(self) -> frozenset[str]:
        """The columns (theirs) that hold customers' keys, looked for only where somebody is forgotten."""
        return customer_columns(self.client) if self.forgotten.digests else frozenset()

    def key(self, rest: str) -> str:
        """A key of the parameters file, as messages name it."""
        return f"{self.client.id}.yml, {rest}"


def _needed(client: Client) -> list[str]:
    """The sources that some table reads; a source that none reads need not be there."""
    names = {mapping.source for mapping in client.tables.values() if mapping.source}
    for table, mapping in client.tables.items():
        if mapping.query is not None:
            names |= set(
                find_query_sources(mapping.query, list(client.sources), f"{client.id}.yml, tables.{table}.query")
            )
    return [name for name in client.sources if name in names]


def _take(work: _Work, mark: str, contents: dict[str, dict[str, Any]]) -> Intake:
    work.done.mkdir()
    columns = {}
    shutil.rmtree(refused_folder(work.home), ignore_errors=True)
    # In memory as far as half of the machine's goes, the rest spilled; nothing is kept, so nothing is checkpointed.
    spill = str(work.folder / "spill")
    config = {**OFFLINE_CONFIG, "memory_limit": "50%", "temp_directory": spill, "checkpoint_threshold": "1TB"}
    with duckdb.connect(config=config) as con:
        _type_sources(con, work)
        for name in sort_parents_first(work.client.tables):
            columns[name] = _take_table(con, work, TABLES[name], work.client.tables[name])
        for name, files in work.files.items():
            unchanged(files, work.key(f"sources.{name}"))
        paths = {name: work.done / f"{name}.parquet" for name in work.client.tables}
        lines = _time_lines(con, paths, columns)
        first, last = _span([line for name, line in lines.items() if TABLES[name].of_events])
        for name, rows in work.rows.items():
            contents[name]["rows"] = rows
        profile = profile_tables(
            con, work.client, paths, columns, {name: list(raw.columns) for name, raw in work.raws.items()}
        )
        accounts = [replace(one, references=links_of(con, one.table, paths, columns)) for one in work.audits]
    declared_from = work.client.data_from and datetime.combine(work.client.data_from, datetime.min.time())
    found = Intake(
        folder=work.done,
        fingerprint=mark,
        tables=paths,
        columns=columns,
        audits=tuple(accounts),
        profile=profile,
        previous_profile=_profile_before(load_latest_intake(work.home), contents),
        data_from=declared_from or first,
        cutoff=work.client.cutoff or last,
        sources=contents,
        gaps=_gaps(lines, work.client),
    )
    for said in found.gaps:
        work.say(said)
    save_intake(found)
    return publish_intake(work.home, work.done, found)


def _profile_before(last: Intake | None, contents: dict[str, dict[str, Any]]) -> Profile | None:
    """The profile to hold this one against; the same data taken in anew, by other parameters or code, are held against theirs."""
    if last is None:
        return None
    files = [{name: one["files"] for name, one in of.items()} for of in (last.sources, contents)]
    return last.previous_profile if files[0] == files[1] and last.previous_profile else last.profile


# ---- Sources ----------------------------------------------------------------------------------------------


def _source(con: duckdb.DuckDBPyConnection, work: _Work, name: str) -> Raw:
    """A source's rows as they came, read once."""
    if name not in work.raws:
        where = work.key(f"sources.{name}")
        source, wanted = work.client.sources[name], _wanted(work.client, name)
        work.raws[name] = read_source(con, name, source, work.files[name], work.folder, where, wanted)
        ((work.rows[name],),) = con.execute(f"SELECT count(*) FROM {work.raws[name].table}").fetchall()
    return work.raws[name]


def _wanted(client: Client, source: str) -> frozenset[str]:
    """The columns (theirs) that the parameters name of a source."""
    mapped = (mapping.columns.values() for mapping in client.tables.values() if mapping.source == source)
    return frozenset(client.sources[source].columns) | {theirs for columns in mapped for theirs in columns}


def _type_sources(con: duckdb.DuckDBPyConnection, work: _Work) -> None:
    """Type and judge the sources that queries read, and write what is accepted to where the queries read it."""
    readers: dict[str, list[Mapping]] = {}
    for table, mapping in work.client.tables.items():
        if mapping.query is not None:
            for name in find_query_sources(mapping.query, list(work.client.sources), work.key(f"tables.{table}.query")):
                readers.setdefault(name, []).append(mapping)
    for name, mappings in readers.items():
        raw = _source(con, work, name)
        allowed = min(mapping.bad_rows_allowed for mapping in mappings)
        contract = _source_contract(raw, work, allowed)
        rows, account = judge(con, raw, contract, work.quarantine(f"sources/{name}.csv"))
        _enter(con, work, account, rows, work.typed(name))


def _source_contract(raw: Raw, work: _Work, bad_rows_allowed: float) -> Contract:
    """The contract of a source that queries read: the types declared with it; other columns as they are."""
    key = work.key(f"sources.{raw.name}")
    for where in ("columns", "personal"):
        for theirs in getattr(raw.source, where):
            raw.cell(theirs, f"{key}.{where}")
    names = [name.lower() for name in raw.columns]
    if same := [name for name in raw.columns if names.count(name.lower()) > 1]:
        raise InputError(f"{key}: a query cannot tell the columns {' and '.join(same)} apart; rename one in the file.")
    types = raw.source.columns
    return Contract(
        name=raw.name,
        source=raw.name,
        columns=[Column(name, types.get(name, "text")) for name in raw.columns],
        cells=dict(raw.columns),
        zone=work.client.time_zone,
        as_is=frozenset(raw.columns) - frozenset(types),
        personal=frozenset(raw.source.personal),
        bad_rows_allowed=bad_rows_allowed,
        key=key,
        forgotten=work.forgotten,
        customer_columns=work.customer_columns,
    )


# ---- Tables -----------------------------------------------------------------------------------------------


def _take_table(con: duckdb.DuckDBPyConnection, work: _Work, table: Table, mapping: Mapping) -> dict[str, str]:
    """Make one canonical table; the columns it has, and their types."""
    key = work.key(f"tables.{table.name}")
    if mapping.query is None:
        raw = _source(con, work, mapping.source)
        cells = {ours: raw.cell(theirs, f"{key}.columns.{ours}") for ours, theirs in mapping.columns.items()}
    else:
        raw = _query(con, work, table, mapping)
        cells = dict(raw.columns)
    last, end_words = _end(work.client)
    contract = Contract(
        name=table.name,
        source=mapping.source or "query",
        columns=columns_of(table, list(cells), work.client),
        cells=cells,
        zone=work.client.time_zone,
        table=table,
        values=mapping.values,
        personal=personal_columns(work.client, table.name, list(cells)),
        bad_rows_allowed=mapping.bad_rows_allowed,
        last=last,
        end_words=end_words,
        key=key,
        forgotten=work.forgotten,
        customer_columns=work.customer_columns,
        gone=work.gone,
    )
    rows, account = judge(con, raw, contract, work.quarantine(f"{table.name}.csv"))
    if mapping.query is not None:
        account = _with_lines(account, work, table, mapping)
    if mapping.query is not None or not _is_read_again(work.client, table.name, mapping.source):
        con.execute(f"DROP TABLE {raw.table}")  # makes room for sorting
    order = ", ".join(quote_identifier(name) for name in (table.time, *table.key) if name in cells)
    _enter(con, work, account, f"{rows} ORDER BY {order}" if order else rows, work.done / f"{table.name}.parquet")
    return {column.name: ENGINE_TYPES[column.type] for column in contract.columns}


def _is_read_again(client: Client, table: str, source: str) -> bool:
    """Whether a table after this one is made of the same source's columns."""
    names = sort_parents_first(client.tables)
    return any(client.tables[name].source == source for name in names[names.index(table) + 1 :])


def _with_lines(account: TableAudit, work: _Work, table: Table, mapping: Mapping) -> TableAudit:
    """The account of a query's rows with that of the lines they were made of, or with a note that none was asked for."""
    key = work.key(f"tables.{table.name}.lines")
    if mapping.lines is None:
        note = "how many lines reached no row is not known; declare `lines:` to have them counted"
        return replace(account, notes=(*account.notes, note))
    result = work.folder / f"result_{table.name}.parquet"
    return replace(
        account, lines=lines_of(mapping.lines, table, work.typed(mapping.lines.source), result, key, work.seconds)
    )


def _query(con: duckdb.DuckDBPyConnection, work: _Work, table: Table, mapping: Mapping) -> Raw:
    """What a table's query gives, as rows to be judged."""
    key = work.key(f"tables.{table.name}.query")
    path = work.folder / f"result_{table.name}.parquet"
    names = find_query_sources(mapping.query, list(work.client.sources), key)
    run_query(mapping.query, {name: work.typed(name) for name in names}, path, key, work.seconds)
    result = quote_identifier(f"result_{table.name}")
    con.execute(f"CREATE TABLE {result} AS SELECT * FROM read_parquet({quote_literal(escape(str(path)))})")
    columns = {name: Cell(quote_identifier(name), kind(type_)) for name, type_ in describe_columns(con, result).items()}
    raw = Raw(table.name, result, columns, Source(), f"what {key} gives")
    for name in columns:
        if not re.fullmatch(NAME, name) or name in RESERVED - set(table.by_name):
            raise InputError(
                f"{key} gives a column {name!r}; name it (`AS`) with small letters, digits and _, but none of "
                f"{', '.join(sorted(RESERVED))}."
            )
    with_items = [name for name in work.client.tables if TABLES[name].has_items]
    items = work.client.items if with_items == [table.name] else {}
    for needed in [*(column.name for column in table.columns if column.required), *items]:
        raw.cell(needed, key)
    for name in (*mapping.values, *mapping.types, *mapping.personal):
        raw.cell(name, work.key(f"tables.{table.name}"))
    return raw


def _end(client: Client) -> tuple[datetime, str]:
    """The end, half-open, after which no row's time can lie: the declared one, or the day of the intake."""
    if client.cutoff:
        return client.cutoff, f"the declared end of the data ({client.data_until})"
    today = datetime.now(ZoneInfo(client.time_zone)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return today + timedelta(days=2), "the day on which the data were read"


def _time_lines(
    con: duckdb.DuckDBPyConnection, paths: dict[str, Path], columns: dict[str, dict[str, str]]
) -> dict[str, TimeLine]:
    """The time lines of the tables that have times and rows."""
    found = {}
    for name, path in paths.items():
        if TABLES[name].time in columns[name]:
            rows = f"(SELECT * FROM read_parquet({quote_literal(escape(str(path)))}))"
            found[name] = read_timeline(con, rows, TABLES[name].time)
    return {name: line for name, line in found.items() if line}


def _span(lines: list[TimeLine]) -> tuple[datetime | None, datetime | None]:
    """The days that events span where they are dense, half-open: the oldest one's midnight, and the midnight after the newest."""
    if not lines:
        return None, None
    first, last = min(line.first for line in lines), max(line.last for line in lines)
    midnight = datetime.min.time()
    return datetime.combine(first, midnight), datetime.combine(last, midnight) + timedelta(days=1)


def _gaps(lines: dict[str, TimeLine], client: Client) -> tuple[str, ...]:
    """What is to be said of all tables' time lines; of tables whose times say nothing of which days the data cover, no wish."""
    return tuple(
        said
        for name, line in lines.items()
        for said in said_of(
            name,
            line,
            bool(client.data_from) or not TABLES[name].of_events,
            bool(client.data_until) or not TABLES[name].of_events,
        )
    )


# ---- Accounts ---------------------------------------------------------------------------------------------


def _enter(con: duckdb.DuckDBPyConnection, work: _Work, account: TableAudit, rows: str, path: Path) -> None:
    """Write accepted rows to a Parquet file, count them there, and enter the account if it comes out even."""
    con.execute(f"COPY ({rows}) TO {quote_literal(path)} (FORMAT parquet, COMPRESSION zstd)")
    accepted = con.execute("SELECT count(*) FROM read_parquet(?)", [escape(str(path))]).fetchall()[0][0]
    name = account.table or f"source {account.source}"
    forgotten = f", {account.erased:,} left out as forgotten" if account.erased else ""
    if account.read != accepted + account.rejected + account.replaced + account.erased:
        raise RuntimeError(
            f"{name}: {account.read} rows were read, {accepted} accepted, {account.rejected} quarantined and {account.replaced} replaced"
            f"{forgotten}. A row was lost: this is a fault of crmnb, not of the data."
        )
    work.audits.append(account)
    work.say(f"{name}: {account.read:,} rows read, {accepted:,} accepted, {account.rejected:,} quarantined{forgotten}")


def _keep_quarantine(work: _Work) -> None:
    """Keep the quarantine of an intake that was refused, where the message says it is."""
    found = work.done / "quarantine"
    if found.is_dir():
        shutil.rmtree(refused_folder(work.home), ignore_errors=True)
        found.rename(refused_folder(work.home))
