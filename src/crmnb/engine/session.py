"""Engine: opens a client's canonical tables in DuckDB, as the narwhals frames that metrics see."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import narwhals.stable.v2 as nw
import pandas as pd
from narwhals.exceptions import ColumnNotFoundError

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.derived_tables import DerivedTables
from crmnb.engine.experiment_outcomes import experiment_outcomes
from crmnb.engine.integer_keys import VISITOR, held, number_people, numbered
from crmnb.engine.periods import Periods
from crmnb.engine.query import Query
from crmnb.engine.views import View, views
from crmnb.intake.timeline import read_timeline
from crmnb.schema.client import Churn, Client, Mapping
from crmnb.schema.tables import ENGINE_TYPES, TABLES

_SMALL = 4_000_000  # bytes of a table's file
_FEW_PEOPLE = 1_000_000  # bytes of all files: to number people costs more than to work with their texts
_FEW_ROWS = 100_000  # of frames in memory, in all
_ONE_THREAD = "set threads = 1"  # what is small is computed in less time than it takes to deal it out to several
_NO_MAPPING = Mapping()
_READ_TEXTS = ("survey_responses", "social_mentions")  # tables whose free texts metrics read


# What is raised where an expression names a column that a table does not have.
NoColumn = (ColumnNotFoundError, duckdb.BinderException)


def column_of(error: Exception, names: Iterable[str]) -> Note:
    """The reason that names the column that an error of `NoColumn` is about; names: the tables in which it was looked for."""
    column = missing_column(error)
    if not column:
        return Note("needs_unmapped_column")
    tables = [TABLES[name] for name in names]
    holders = [table.name for table in tables if column in table.by_name] or [t.name for t in tables if t.has_items]
    return Note("needs_column", column=".".join([*holders[:1], column]))


def missing_column(error: Exception) -> str:
    """The name of the column that an error of `NoColumn` is about; "" where it names none."""
    text = f"{error.__context__ or ''} {error}"
    match = re.search(r'[Cc]olumn "(\w+)"', text) or re.search(r"not found: \['(\w+)'", text)
    return match[1] if match else ""


@dataclass(frozen=True)
class Tables:
    """A client's canonical tables, open for reading. `frame(name)` is what a metric gets.

    `small_tables`: the tables whose rows, once asked for, are held in memory (their files are opened once rather than for each
    window), and whose metrics are reduced together. `cutoff`: when the data end, half-open; None where nobody knows. `numbers`:
    people are whole numbers (`crmnb.engine.integer_keys`), not the texts that the client calls them by. `derived`: what was computed once.
    `reduced` remembers the statistics of evidence that was reduced already, by its SQL.
    """

    client: Client
    con: duckdb.DuckDBPyConnection
    names: frozenset[str]
    small_tables: frozenset[str] = frozenset()
    cutoff: datetime | None = None
    numbers: bool = False
    derived: DerivedTables | None = field(default=None, repr=False, compare=False)
    _canonical_of: dict[str, dict[bool, duckdb.DuckDBPyRelation]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _by_name: list["Tables"] = field(default_factory=list, repr=False, compare=False)
    _frames: dict[tuple[str, bool], nw.LazyFrame] = field(default_factory=dict, repr=False, compare=False)
    reduced: dict[tuple, pd.DataFrame] = field(default_factory=dict, repr=False, compare=False)
    _firsts: dict[str, datetime | None] = field(default_factory=dict, repr=False, compare=False)
    _facts: dict[str, tuple] = field(default_factory=dict, repr=False, compare=False)
    _today: "Tables | None" = field(
        default=None, repr=False, compare=False
    )  # where these are as known at an earlier time
    _earlier: dict[datetime, "Tables"] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self):
        if self.derived is None:
            object.__setattr__(self, "derived", DerivedTables(self.con, self.small_tables == self.names))

    def with_names(self) -> "Tables":
        """The same tables with the texts that people are called by (a visitor's as "visitor ..."), and the rows' own keys: for looking at rows."""
        if not self.numbers:
            return self
        if not self._by_name:
            self._by_name.append(Tables(self.client, self.con, self.names, self.small_tables, self.cutoff))
        return self._by_name[0]

    def as_known(self, at: datetime | None, ordered_before: datetime) -> "Tables":
        """The same tables by the refunds of orders that were known before a time (None: now), for who looks at orders before another.

        These themselves, where all of those orders' refunds were known.

        Which orders count, and what each brought, is as it was seen then. `all_orders` are as they are: who reads them looks at
        the days of refunds. A refund without a day counts from the beginning.
        """
        if at is None or not self._refunded_later(at, ordered_before):
            return self
        if at not in self._earlier:
            self._earlier[at] = Tables(
                *(self.client, self.con, self.names, self.small_tables, self.cutoff, self.numbers, self.derived),
                _today=self,
            )
            self._earlier[at]._canonical_of["orders"] = {True: self._orders_as_known(at), False: self.every("orders")}
        return self._earlier[at]

    def _refunded_later(self, at: datetime, ordered_before: datetime) -> bool:
        """Whether an order of before a time was refunded after another."""
        if "orders" not in self.names or not {"refunded_at", "refunded_amount"} <= {*self.every("orders").columns}:
            return False
        later = f"refunded_at >= timestamp '{at}' and ordered_at < timestamp '{ordered_before}'"
        first = f"select 1 from ({self.every('orders').sql_query()}) where {later} limit 1"
        return self.fact(f"select count(*) > 0 from ({first})")[0]

    def _orders_as_known(self, at: datetime) -> duckdb.DuckDBPyRelation:
        later, rows = f"refunded_at >= timestamp '{at}'", self.every("orders")
        known = rows.project(f"""* replace (
            case when {later} and status = 'refunded' then 'paid' else status end as status,
            case when {later} then null else refunded_amount end as refunded_amount)""")
        return self._held(known.filter(_counts(rows.columns, "orders", self.client)), "orders")

    def frame(self, name: str, *, per_customer: bool = False) -> nw.LazyFrame:
        """The rows of a table that count (of which `per_customer`: those with a customer).

        Six are derived: `tenures`, the spans in which someone is a customer; `all_orders`, those that do not count among
        them; `payments`, the orders (and credit notes, with negative amounts), or the months of contracts as if they were orders where the client has none; and `joined`,
        since when the client's list says that somebody is a customer (customer_id, joined_at; empty where no list does); `personal_names`, the
        words of names in the client's tables (word, in lower case); and `experiment_outcomes`, the units of experiments with their outcomes
        (`crmnb.engine.experiment_outcomes`). Raises Unavailable where the client has no such table.
        """
        if (name, per_customer) not in self._frames:
            rows = self._held(self._rows(name, per_customer), self.source_of(name))
            self._frames[name, per_customer] = nw.from_native(Query.of(self.derived, rows))
        return self._frames[name, per_customer]

    def views(
        self, names: Iterable[str], periods: Periods, *, per_customer: bool = False, earlier: "Tables | None" = None
    ) -> list[View]:
        """The tables as a metric sees them in its periods (`frame` says which rows); earlier: these tables as they were known for the comparison."""
        names = list(names)
        frames = [self.frame(name, per_customer=per_customer) for name in names]
        if earlier is None or earlier is self:
            return views(periods, frames)
        changed = [name != "all_orders" and self.source_of(name) == "orders" for name in names]
        before = [
            earlier.frame(name, per_customer=per_customer) if other else None
            for name, other in zip(names, changed, strict=True)
        ]
        return views(periods, frames, before)

    def _rows(self, name: str, per_customer: bool) -> duckdb.DuckDBPyRelation:
        if name == "tenures":
            return _tenures(self.client.churn, self)
        if name == "joined":
            return _joined(self)
        if name == "personal_names":
            return _personal_names(self)
        if name == "experiment_outcomes":
            return experiment_outcomes(self.client, self.counting("experiment_units"), self.counting, self.con)
        if name == "payments" and self.source_of(name) == "subscriptions":
            rows = _paid_by_month(self)
        else:
            rows = self._of_every_status() if name == "all_orders" else self.counting(self.source_of(name))
            rows = self._with_credits(rows) if name == "payments" else rows
        return rows.filter("customer_id is not null") if per_customer and "customer_id" in rows.columns else rows

    def _of_every_status(self) -> duckdb.DuckDBPyRelation:
        """All orders, whatever became of them, that were for money (or for nothing, where the client counts these), and credit notes."""
        rows = self.every("orders")
        return rows if self.client.free_orders else rows.filter("amount <> 0")

    def _with_credits(self, orders: duckdb.DuckDBPyRelation) -> duckdb.DuckDBPyRelation:
        """Orders that count, and credit notes: rows with negative amounts, which take revenue back and are no orders."""
        credits = self.every("orders").filter(TABLES["orders"].credits)
        (is_any,) = self.fact(f"select count(*) > 0 from ({credits.limit(1).sql_query()})")
        return orders.union(credits) if is_any else orders

    def counting(self, name: str) -> duckdb.DuckDBPyRelation:
        """The rows of a canonical table that count. Raises Unavailable where the client has no such table."""
        return self._canonical(name)[True]

    def every(self, name: str) -> duckdb.DuckDBPyRelation:
        """All rows of a canonical table. Raises Unavailable where the client has no such table."""
        return self._canonical(name)[False]

    def _canonical(self, name: str) -> dict[bool, duckdb.DuckDBPyRelation]:
        """The rows of a canonical table: those that count, and all."""
        if self._today and name != "orders":
            return self._today._canonical(name)
        if name not in self.names:
            raise Unavailable(Note("needs_table", table=name, grain=TABLES[name].grain))
        if name not in self._canonical_of:
            self._canonical_of[name] = self._read(name)
        return self._canonical_of[name]

    def _read(self, name: str) -> dict[bool, duckdb.DuckDBPyRelation]:
        rows = self.con.table(name)
        if self.numbers and not self._canonical_of:
            number_people(self.con, self.names)
        names_nobody = not {"customer_id", "visitor_id"} & {*rows.columns}
        if self.numbers and name not in self.small_tables and not (names_nobody and not TABLES[name].of_events):
            prose = name in _READ_TEXTS and self.client.feedback is not None
            return held(self.con, name, _counts(rows.columns, name, self.client), prose=prose)
        if self.numbers and not names_nobody:
            rows = numbered(self.con, name)
        elif "visitor_id" in rows.columns:
            rows = rows.project(f"* replace ({VISITOR} as visitor_id)")
        return {True: self._held(rows.filter(_counts(rows.columns, name, self.client)), name), False: rows}

    def _held(self, rows: duckdb.DuckDBPyRelation, table: str) -> duckdb.DuckDBPyRelation:
        """The same rows, those of a small canonical table in memory."""
        return self.con.table(self.derived.table(rows.sql_query())) if table in self.small_tables else rows

    def source_of(self, name: str) -> str:
        """The canonical table behind a name that a metric reads."""
        return source_of(self.client, name)

    def first_day(self, names: Iterable[str]) -> datetime | None:
        """The midnight from which on all of the tables of events have rows, few that lie apart left out; None where none is of events."""
        times = [self._first(name) for name in names if name in self.names and TABLES[name].of_events]
        return max((time for time in times if time), default=None)

    def _first(self, name: str) -> datetime | None:
        if name not in self._firsts:
            line = read_timeline(self.con, name, TABLES[name].time)
            self._firsts[name] = line and datetime.combine(line.first, datetime.min.time())
        return self._firsts[name]

    def without_customer(self, name: str, period: Period) -> tuple[int, int]:
        """Of a canonical table's rows that count in the period: how many carry no customer, and how many there are."""
        if name not in self.names or not {"customer_id", TABLES[name].time} <= {*self.counting(name).columns}:
            return 0, 0
        time = TABLES[name].time
        inside = f"{time} >= timestamp '{period.start}' and {time} < timestamp '{period.end}'"
        rows = self.counting(name).sql_query()
        return self.fact(f"select count(*) - count(customer_id), count(*) from ({rows}) where {inside}")

    def fact(self, sql: str) -> tuple:
        """The only row of a query; it is asked once."""
        if sql not in self._facts:
            self._facts[sql] = self.con.execute(sql).fetchall()[0]
        return self._facts[sql]


def source_of(client: Client, name: str) -> str:
    """The canonical table behind a name that a metric reads."""
    paid_by_month = "subscriptions" in client.tables and "orders" not in client.tables
    derived = {"all_orders": "orders", "payments": "subscriptions" if paid_by_month else "orders"}
    derived |= {"personal_names": "survey_responses", "experiment_outcomes": "experiment_units"}
    derived |= dict.fromkeys(("tenures", "joined"), client.churn.table) if client.churn else {"joined": "customers"}
    return derived.get(name, name)


def open_tables(
    client: Client,
    files: dict[str, Path],
    *,
    cutoff: datetime | None = None,
    threads: int | None = None,
    memory: int | None = None,
    spill: Path | None = None,
) -> Tables:
    """The one function that opens the tables: canonical Parquet `files` by table name, in a connection of their own.

    cutoff: when the data end, half-open, as the intake found it. memory: bytes that it may use before it puts the rest into the folder `spill`.
    """
    limits = {"memory_limit": memory and f"{memory}B", "temp_directory": spill and str(spill)}
    configuration = {name: value for name, value in limits.items() if value}
    con = duckdb.connect(config={"threads": threads or os.cpu_count() or 1, **configuration})
    con.execute("set preserve_insertion_order = false")
    for name, path in files.items():
        con.read_parquet(str(path)).create_view(name)
    small_tables = frozenset(name for name, path in files.items() if path.stat().st_size < _SMALL)
    if small_tables == {*files}:
        con.execute(_ONE_THREAD)
    are_many = small_tables != {*files} or sum(path.stat().st_size for path in files.values()) > _FEW_PEOPLE
    return Tables(client, con, frozenset(files), small_tables, client.cutoff or cutoff, numbers=are_many)


def in_memory(client: Client, frames: dict[str, pd.DataFrame]) -> Tables:
    """The same from pandas frames that an analyst or a test hands in, cast by the contract."""
    con = duckdb.connect()
    if sum(map(len, frames.values())) < _FEW_ROWS:
        con.execute(_ONE_THREAD)
    for name, frame in frames.items():
        con.register(f"{name}_frame", frame)
        con.execute(f"create table {name} as select {_cast(name, frame.columns)} from {name}_frame")
    return Tables(client, con, frozenset(frames), cutoff=client.cutoff or _after_the_newest(con, frames))


def without_rows(client: Client, cutoff: datetime, items: dict[str, str]) -> Tables:
    """Every table with all of its columns and no row; items: the columns of survey items, and their engine types."""
    con = duckdb.connect()
    con.execute(_ONE_THREAD)
    for name, table in TABLES.items():
        columns = {column.name: ENGINE_TYPES[column.type] for column in table.columns}
        columns |= items if table.has_items else {}
        listed = ", ".join(f'"{column}" {type_}' for column, type_ in columns.items())
        con.execute(f'create table "{name}" ({listed})')
    return Tables(client, con, frozenset(TABLES), cutoff=cutoff)


def _after_the_newest(con: duckdb.DuckDBPyConnection, names: Iterable[str]) -> datetime | None:
    """The midnight after the newest event (few that lie apart left out), where the client does not declare when the data end."""
    lines = [read_timeline(con, name, TABLES[name].time) for name in names if TABLES[name].of_events]
    known = [line.last for line in lines if line]
    return datetime.combine(max(known), datetime.min.time()) + timedelta(days=1) if known else None


def _cast(name: str, columns: Iterable[str]) -> str:
    declared = TABLES[name].by_name
    return ", ".join(
        f'"{c}"::{ENGINE_TYPES[declared[c].type]} as "{c}"' if c in declared else f'"{c}"' for c in columns
    )


def _counts(columns: Iterable[str], name: str, client: Client) -> str:
    """The SQL of whether a row of a table counts; the rule sees a column that the client does not have as empty."""
    words = re.split(r"(\w+)", TABLES[name].counts)
    values = {c.name: "null" for c in TABLES[name].columns if c.name not in {*columns}}
    values["free_orders"] = str(client.free_orders).lower()
    return "".join(values.get(word, word) for word in words)


def _tenures(churn: Churn | None, tables: Tables) -> duckdb.DuckDBPyRelation:
    """Rows customer_id, since, until: someone is a customer at t where since < t <= until (no `until`: still).

    An order at `since` makes a customer of `[t - d, t)` for every t in (since, since + d].
    """
    if churn is None:
        raise Unavailable(Note("needs_churn_declaration"))
    rows = tables.counting(churn.table)
    if "customer_id" not in rows.columns:
        raise Unavailable(Note("needs_column", column=f"{churn.table}.customer_id"))
    rows = rows.filter("customer_id is not null")
    if churn.kind == "inactivity":
        until = f"ordered_at + interval {churn.inactivity_days} day"
        return rows.project(f"customer_id, ordered_at as since, {until} as until")
    since, until = {"customers": ("joined_at", "left_at"), "subscriptions": ("started_at", "ended_at")}[churn.table]
    for column in (since, until):
        if column not in rows.columns:
            raise Unavailable(Note("needs_column", column=f"{churn.table}.{column}"))
    return rows.filter(f"{since} is not null").project(f"customer_id, {since} as since, {until} as until")


def _joined(tables: Tables) -> duckdb.DuckDBPyRelation:
    """Rows customer_id, joined_at of the client's list of customers; none where there is no such list or column."""
    if "customers" in tables.names and "joined_at" in (rows := tables.every("customers")).columns:
        return rows.filter("joined_at is not null").project("customer_id, joined_at")
    key = "integer" if tables.numbers else "varchar"
    return tables.con.sql(f"select null::{key} as customer_id, null::timestamp as joined_at where false")


# Columns with the names of people who work for the client.
_STAFF = {"survey_responses": "agent", "tickets": "agent", "orders": "seller", "leads": "seller"}


def _personal_names(tables: Tables) -> duckdb.DuckDBPyRelation:
    """The different words, in lower case, of the names of staff and of the texts that the client declares personal, addresses apart."""
    columns = [(name, column) for name, column in _STAFF.items() if name in tables.names]
    columns += [
        (name, column)
        for name in sorted(tables.names)
        for column in tables.client.tables.get(name, _NO_MAPPING).personal
    ]
    texts = [
        f'select distinct "{column}"::varchar as text from {name}'
        for name, column in dict.fromkeys(columns)
        if column in tables.con.table(name).columns
    ]
    every = " union all ".join(texts) or "select null::varchar as text"
    return tables.con.sql(f"""
        select distinct word from (
            select unnest(regexp_split_to_array(lower(text), '[^\\p{{L}}]+')) as word from ({every}) where text not like '%@%')
        where length(word) > 1""")


def _paid_by_month(tables: Tables) -> duckdb.DuckDBPyRelation:
    """The months of contracts in the shape of orders: each is paid as it begins, until the contract or the data end.

    Raises Unavailable where nobody knows when the data end: the newest start or end of a contract says nothing of it, as
    contracts go on without one.
    """
    if not tables.cutoff:
        raise Unavailable(Note("needs_data_until"))
    rows = tables.counting("subscriptions")
    ended = "ended_at" if "ended_at" in rows.columns else "null::timestamp"
    return tables.con.sql(f"""
        with contracts as (
            select customer_id, started_at, monthly_amount, least({ended}, timestamp '{tables.cutoff}') as until
            from ({rows.sql_query()}) where customer_id is not null)
        select customer_id, started_at + to_months(month::integer) as ordered_at, monthly_amount as amount
        from contracts, unnest(range(datediff('month', started_at, until) + 1)) as months(month)
        where started_at + to_months(month::integer) < until""")
