"""The import of a client's sources: from the parameters file to canonical tables, step by step."""

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
from crmnb.core.paths import NAME
from crmnb.intake.audit import Profile, TableAudit
from crmnb.intake.data_quality.tables import write_quality_tables
from crmnb.intake.erasure.erasure_list import ErasureList, read_erasure_list
from crmnb.intake.erasure.exclude import sort_parents_first
from crmnb.intake.personal_data import check_segments, customer_columns, personal_columns
from crmnb.intake.profile import profile_tables
from crmnb.intake.readers.read import read_source
from crmnb.intake.row_selection import exclude_rows, flag_cell, split_rows
from crmnb.intake.sources.files import SourceFile, check_unchanged, find_files
from crmnb.intake.sources.json_paths import check_paths
from crmnb.intake.sources.query import OFFLINE_CONFIG, QUERY_SECONDS, find_query_sources, run_query
from crmnb.intake.staging_table import (
    Cell,
    StagingTable,
    classify_type,
    describe_columns,
    fold_key,
    quote_identifier,
    quote_literal,
)
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
from crmnb.intake.timeline import describe_timelines, event_span, read_timelines
from crmnb.intake.validation.acceptance import ImportRefused
from crmnb.intake.validation.contract import build_columns, required_columns
from crmnb.intake.validation.quarantine import Quarantine
from crmnb.intake.validation.referential_checks import check_lines, check_references
from crmnb.intake.validation.refunds import PARENT, with_refunds
from crmnb.intake.validation.validate import validate_rows
from crmnb.intake.validation.validated_rows import Contract
from crmnb.schema.client import Client, ColumnValue, Mapping, Source
from crmnb.schema.tables import ENGINE_TYPES, RESERVED, TABLES, Column, Table

_LOG = logging.getLogger("crmnb")


def import_data(
    client: Client,
    private: Path,
    *,
    on_step: Callable[[str], None] = lambda text: None,
    time_limit: float = QUERY_SECONDS,
) -> Intake:
    """Import a client's sources. Nothing is read again while the files, the parameters and the code are unchanged.

    `private` is the client's private folder. A database is queried each time, because only its rows show whether they
    have changed. The checksums of existing tables are verified once: if a file is damaged, all tables are rebuilt, which
    is logged, and `Intake.rebuilt_files` names the damaged files. Rows of customers on the erasure list are excluded.

    Raises InputError for a fault in the files or the parameters, ImportRefused (with the audits) for too many rejected
    rows, TimeLimitExceeded for a query that takes longer than `time_limit`, and SourceMissing for a missing file. In all
    these cases the tables of the last import stay as they were.
    """
    check_segments(client)
    home = Path(private) / "tables"
    with lock_tables(home), staging_folder(home) as folder:
        erasure_list = read_erasure_list(Path(private))
        files = {name: _locate_files(client, name, folder) for name in _list_sources(client)}
        contents = {name: {"files": [file.describe() for file in parts]} for name, parts in files.items()}
        fingerprint = compute_fingerprint(client, contents, erasure_list)
        damaged = find_damaged_files(home, fingerprint)
        if (unchanged := load_intake(home, fingerprint)) and not damaged:
            return unchanged
        if damaged:
            _LOG.warning(
                "%s: stored files are damaged and the data are imported again: %s", client.id, ", ".join(damaged)
            )
        job = _ImportJob(client, files, folder, home, on_step, erasure_list, time_limit)
        try:
            return replace(_import_tables(job, fingerprint, contents), rebuilt_files=tuple(damaged))
        except InputError as error:
            _keep_quarantine(job)
            if isinstance(error, ImportRefused):
                raise ImportRefused(str(error), (*job.audits, *error.audits), refused_folder(home)) from None
            raise


def find_unchanged_intake(client: Client, private: Path) -> Intake | None:
    """The stored intake that `import_data` would return; None if it would read files again or query a database.

    Raises SourceMissing and InputError for the files as `import_data` does.
    """
    sources = _list_sources(client)
    if any(client.sources[name].database for name in sources):
        return None
    contents = {name: {"files": [file.describe() for file in find_files(client, name)]} for name in sources}
    home = Path(private) / "tables"
    fingerprint = compute_fingerprint(client, contents, read_erasure_list(Path(private)))
    return None if find_damaged_files(home, fingerprint) else load_intake(home, fingerprint)


@dataclass
class _ImportJob:
    """A running import: its input, its folders, and the sources that have been read so far."""

    client: Client
    files: dict[str, list[SourceFile]]
    folder: Path
    home: Path
    on_step: Callable[[str], None]
    erasure_list: ErasureList
    time_limit: float  # time limit of each query
    staging_tables: dict[str, StagingTable] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)  # rows read, by source
    audits: list[TableAudit] = field(default_factory=list)
    erased_keys: dict[str, set[str]] = field(default_factory=dict)  # shared by the contracts of all tables

    @property
    def result_folder(self) -> Path:
        """The folder that becomes the folder of the canonical tables."""
        return self.folder / "done"

    def typed_file(self, source: str) -> Path:
        """The typed rows of a source, which queries read."""
        return self.folder / f"typed_{source}.parquet"

    def quarantine(self, name: str) -> Quarantine:
        """The file for the rejected rows of a table or source."""
        return Quarantine(self.result_folder / "quarantine" / name, refused_folder(self.home) / name)

    @cached_property
    def customer_columns(self) -> frozenset[str]:
        """The columns of the sources that hold customer keys; needed only if the erasure list is not empty."""
        return customer_columns(self.client) if self.erasure_list.digests else frozenset()

    def key(self, path: str) -> str:
        """A key of the parameters file, as messages show it."""
        return f"{self.client.id}.yml, {path}"


def _list_sources(client: Client) -> list[str]:
    """The sources that at least one table reads; the files of other sources may be missing."""
    names = {mapping.source for mapping in client.tables.values() if mapping.source}
    for table, mapping in client.tables.items():
        if mapping.query is not None:
            names |= set(
                find_query_sources(mapping.query, list(client.sources), f"{client.id}.yml, tables.{table}.query")
            )
    return [name for name in client.sources if name in names]


def _locate_files(client: Client, name: str, folder: Path) -> list[SourceFile]:
    """The files of a source; the rows of a database are fetched into one file."""
    if client.sources[name].database is None:
        return find_files(client, name)
    from crmnb.intake.sources.database import fetch

    return [fetch(client, name, folder / f"fetched_{name}.parquet")]


def _import_tables(job: _ImportJob, fingerprint: str, contents: dict[str, dict[str, Any]]) -> Intake:
    job.result_folder.mkdir()
    columns = {}
    shutil.rmtree(refused_folder(job.home), ignore_errors=True)
    # Half of the machine's memory, then disk. The database is temporary, so no checkpoints are written.
    spill = str(job.folder / "spill")
    config = {**OFFLINE_CONFIG, "memory_limit": "50%", "temp_directory": spill, "checkpoint_threshold": "1TB"}
    with duckdb.connect(config=config) as con:
        _type_query_sources(con, job)
        for name in sort_parents_first(job.client.tables):
            columns[name] = _import_table(con, job, TABLES[name], job.client.tables[name])
        for name, files in job.files.items():
            check_unchanged(files, job.key(f"sources.{name}"))
        paths = {name: job.result_folder / f"{name}.parquet" for name in job.client.tables}
        timelines = read_timelines(con, paths, columns)
        first, last = event_span([line for name, line in timelines.items() if TABLES[name].of_events])
        for name, rows in job.rows.items():
            contents[name]["rows"] = rows
        headers = {name: list(staging.columns) for name, staging in job.staging_tables.items()}
        profile = profile_tables(con, job.client, paths, columns, headers)
        audits = [replace(audit, references=check_references(con, audit.table, paths, columns)) for audit in job.audits]
        write_quality_tables(con, job.client, audits, paths, columns, job.result_folder)
    declared_start = job.client.data_from and datetime.combine(job.client.data_from, datetime.min.time())
    intake = Intake(
        folder=job.result_folder,
        fingerprint=fingerprint,
        tables=paths,
        columns=columns,
        audits=tuple(audits),
        profile=profile,
        previous_profile=_find_previous_profile(load_latest_intake(job.home), contents),
        data_from=declared_start or first,
        cutoff=job.client.cutoff or last,
        sources=contents,
        gaps=describe_timelines(timelines, job.client),
    )
    for gap in intake.gaps:
        job.on_step(gap)
    save_intake(intake)
    return publish_intake(job.home, job.result_folder, intake)


def _find_previous_profile(latest: Intake | None, contents: dict[str, dict[str, Any]]) -> Profile | None:
    """The profile to compare the new one with. If the same files are imported again, it is that of the import before."""
    if latest is None:
        return None
    old, new = ({name: source["files"] for name, source in side.items()} for side in (latest.sources, contents))
    return latest.previous_profile if old == new and latest.previous_profile else latest.profile


# ---- Sources ----------------------------------------------------------------------------------------------


def _read_source(con: duckdb.DuckDBPyConnection, job: _ImportJob, name: str) -> StagingTable:
    """The rows of a source as they are in its files; each source is read once."""
    if name not in job.staging_tables:
        source, tables = job.client.sources[name], job.client.tables.values()
        mapped = {header for mapping in tables if mapping.source == name for header in mapping.headers.values()}
        mapped |= {mapping.refunds.parent for mapping in tables if mapping.refunds and mapping.refunds.parent}
        staging = read_source(
            con, name, source, job.files[name], job.folder, job.key(f"sources.{name}"), mapped | set(source.columns)
        )
        ((job.rows[name],),) = con.execute(f"SELECT count(*) FROM {staging.table}").fetchall()
        job.staging_tables[name] = staging
    return job.staging_tables[name]


def _type_query_sources(con: duckdb.DuckDBPyConnection, job: _ImportJob) -> None:
    """Type and validate the sources that queries read, and write the accepted rows to the files for the queries."""
    mappings_by_source: dict[str, list[Mapping]] = {}
    for table, mapping in job.client.tables.items():
        if mapping.query is not None:
            key = job.key(f"tables.{table}.query")
            for name in find_query_sources(mapping.query, list(job.client.sources), key):
                mappings_by_source.setdefault(name, []).append(mapping)
    for name, mappings in mappings_by_source.items():
        staging = _read_source(con, job, name)
        contract = _build_source_contract(staging, job, min(mapping.bad_rows_allowed for mapping in mappings))
        rows, audit = validate_rows(con, staging, contract, job.quarantine(f"sources/{name}.csv"))
        _write_accepted(con, job, audit, rows, job.typed_file(name))


def _build_source_contract(staging: StagingTable, job: _ImportJob, bad_rows_allowed: float) -> Contract:
    """The contract of a source that queries read: declared types; all other columns keep their type."""
    key = job.key(f"sources.{staging.name}")
    for option in ("columns", "personal"):
        for header in getattr(staging.source, option):
            staging.cell(header, f"{key}.{option}")
    names = [name.lower() for name in staging.columns]
    if same := [name for name in staging.columns if names.count(name.lower()) > 1]:
        raise InputError(
            f"{key}: the column names {' and '.join(same)} differ only in upper and lower case, so a query cannot use "
            "them. Rename one in the file."
        )
    types = staging.source.columns
    return Contract(
        name=staging.name,
        source=staging.name,
        columns=[Column(name, types.get(name, "text")) for name in staging.columns],
        cells=dict(staging.columns),
        zone=job.client.time_zone,
        as_is=frozenset(staging.columns) - frozenset(types),
        personal=frozenset(staging.source.personal),
        bad_rows_allowed=bad_rows_allowed,
        key=key,
        erasure_list=job.erasure_list,
        customer_columns=job.customer_columns,
    )


# ---- Tables -----------------------------------------------------------------------------------------------


def _import_table(con: duckdb.DuckDBPyConnection, job: _ImportJob, table: Table, mapping: Mapping) -> dict[str, str]:
    """Make a canonical table; return its columns and their engine types."""
    key = job.key(f"tables.{table.name}")
    if mapping.query is None:
        staging = _read_source(con, job, mapping.source)
        staging = exclude_rows(staging, mapping.where, f"{key}.where")
        staging = split_rows(con, staging, mapping, table.key[0] if table.key else "", key)
        cells = {name: _find_cell(staging, column, f"{key}.columns.{name}") for name, column in mapping.columns.items()}
        check_paths(con, staging, mapping, key)
        cells |= {
            name: Cell(fold_key(cells[name].sql), "text") for name in mapping.ignore_case if cells[name].kind == "text"
        }
        for flag, (name, value) in mapping.flags.items():
            cells[flag] = flag_cell(cells[name], value, mapping.split[name].separator, staging)
    else:
        staging = _run_table_query(con, job, table, mapping)
        cells = dict(staging.columns)
    refunds = mapping.refunds
    if refunds and refunds.parent:
        cells |= {PARENT: staging.cell(refunds.parent, f"{key}.refunds.parent")}
    columns = build_columns(table, [name for name in cells if name != PARENT], job.client)
    end, end_text = _find_end(job.client)
    contract = Contract(
        name=table.name,
        source=mapping.source or "query",
        columns=with_refunds(columns, refunds, table),
        cells=cells,
        headers=mapping.headers,
        constants=mapping.constants,
        zone=job.client.time_zone,
        table=table,
        values=mapping.values,
        personal=personal_columns(job.client, table.name, list(cells)),
        bad_rows_allowed=mapping.bad_rows_allowed,
        end=end,
        end_text=end_text,
        key=key,
        erasure_list=job.erasure_list,
        customer_columns=job.customer_columns,
        erased_keys=job.erased_keys,
        refunds=refunds,
        currency=job.client.currency,
        exchange_rates=job.client.exchange_rates,
    )
    rows, audit = validate_rows(con, staging, contract, job.quarantine(f"{table.name}.csv"))
    if mapping.query is not None:
        audit = _add_line_audit(audit, job, table, mapping)
    if mapping.query is not None or not _is_needed_again(job.client, table.name, mapping.source):
        con.execute(f"DROP TABLE {staging.table}")  # frees memory for sorting
    order = ", ".join(quote_identifier(name) for name in (table.time, *table.key) if name in cells)
    _write_accepted(
        con, job, audit, f"{rows} ORDER BY {order}" if order else rows, job.result_folder / f"{table.name}.parquet"
    )
    return {column.name: ENGINE_TYPES[column.type] for column in contract.columns if column.name != PARENT}


def _find_cell(staging: StagingTable, column: str | ColumnValue, key: str) -> Cell:
    """The cell of a column: that of a header, a constant, or the file and record number of the row."""
    if isinstance(column, str):
        return staging.cell(column, key)
    if column.row_number:
        return Cell("(_file || ' ' || CAST(_record AS VARCHAR))", "text")  # as `StagingTable.rows` names them
    return Cell(f"({quote_literal(column.value)})", "text")


def _is_needed_again(client: Client, table: str, source: str) -> bool:
    """Whether a later table reads columns of the same source."""
    names = sort_parents_first(client.tables)
    return any(client.tables[name].source == source for name in names[names.index(table) + 1 :])


def _add_line_audit(audit: TableAudit, job: _ImportJob, table: Table, mapping: Mapping) -> TableAudit:
    """The audit of a query's rows with that of the source lines, or with a note if `lines:` is not declared."""
    if mapping.lines is None:
        note = "the number of source lines without a row is not known; declare `lines:` to count them"
        return replace(audit, notes=(*audit.notes, note))
    result, typed = job.folder / f"result_{table.name}.parquet", job.typed_file(mapping.lines.source)
    key = job.key(f"tables.{table.name}.lines")
    return replace(audit, lines=check_lines(mapping.lines, table, typed, result, key, job.time_limit))


def _run_table_query(con: duckdb.DuckDBPyConnection, job: _ImportJob, table: Table, mapping: Mapping) -> StagingTable:
    """The result of a table's query as rows to be validated."""
    key = job.key(f"tables.{table.name}.query")
    path = job.folder / f"result_{table.name}.parquet"
    names = find_query_sources(mapping.query, list(job.client.sources), key)
    run_query(mapping.query, {name: job.typed_file(name) for name in names}, path, key, job.time_limit)
    result = quote_identifier(f"result_{table.name}")
    con.execute(f"CREATE TABLE {result} AS SELECT * FROM read_parquet({quote_literal(escape(str(path)))})")
    types = describe_columns(con, result)
    columns = {name: Cell(quote_identifier(name), classify_type(type_)) for name, type_ in types.items()}
    staging = StagingTable(table.name, result, columns, Source(), f"the result of {key}")
    for name in columns:
        if not re.fullmatch(NAME, name) or name in RESERVED - set(table.by_name):
            raise InputError(
                f"{key}: the result has a column {name!r}. Rename it with `AS`: small letters, digits and _ are allowed; "
                f"reserved names are {', '.join(sorted(RESERVED))}."
            )
    with_items = [name for name in job.client.tables if TABLES[name].has_items]
    items = job.client.items if with_items == [table.name] else {}
    for name in [*required_columns(table, columns), *items]:
        staging.cell(name, key)
    for name in (*mapping.values, *mapping.types, *mapping.personal):
        staging.cell(name, job.key(f"tables.{table.name}"))
    return staging


def _find_end(client: Client) -> tuple[datetime, str]:
    """The latest time that a row may have (half-open), and its description: the declared end, or the day of the import."""
    if client.cutoff:
        return client.cutoff, f"the declared end of the data ({client.data_until})"
    today = datetime.now(ZoneInfo(client.time_zone)).replace(hour=0, minute=0, second=0, microsecond=0, tzinfo=None)
    return today + timedelta(days=2), "the day of the import"


# ---- Results ----------------------------------------------------------------------------------------------


def _write_accepted(con: duckdb.DuckDBPyConnection, job: _ImportJob, audit: TableAudit, rows: str, path: Path) -> None:
    """Write accepted rows to a Parquet file, count them in it, and store the audit if every row is accounted for."""
    con.execute(f"COPY ({rows}) TO {quote_literal(path)} (FORMAT parquet, COMPRESSION zstd)")
    ((accepted,),) = con.execute("SELECT count(*) FROM read_parquet(?)", [escape(str(path))]).fetchall()
    name = audit.table or f"source {audit.source}"
    others = {
        "excluded (erasure list)": audit.erased,
        "excluded": audit.excluded_rows,
    }
    others = "".join(f", {rows:,} {what}" for what, rows in others.items() if rows)
    if audit.read != accepted + audit.rejected + audit.left_out:
        raise RuntimeError(
            f"{name}: {audit.read} rows read, but {accepted} accepted, {audit.rejected} rejected and {audit.replaced} "
            f"replaced{others}. A row was lost: this is a fault of crmnb, not of the data."
        )
    job.audits.append(audit)
    job.on_step(f"{name}: {audit.read:,} rows read, {accepted:,} accepted, {audit.rejected:,} rejected{others}")


def _keep_quarantine(job: _ImportJob) -> None:
    """Move the rejected rows of a refused import to the folder that the message names."""
    quarantine = job.result_folder / "quarantine"
    if quarantine.is_dir():
        shutil.rmtree(refused_folder(job.home), ignore_errors=True)
        quarantine.rename(refused_folder(job.home))
