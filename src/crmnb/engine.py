"""Engine: opens a client's tables in DuckDB, and reduces evidence to sufficient statistics there.

The one place that knows DuckDB after the intake. Metrics see narwhals frames; estimators see small pandas frames.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import duckdb
import narwhals.stable.v2 as nw
import pandas as pd

from crmnb.client import Churn, Client, Segment
from crmnb.errors import Unavailable
from crmnb.period import Period
from crmnb.tables import ENGINE_TYPES, TABLES

UNKNOWN = "(not known)"
GROUP = ["win", "component", "segment", "level"]


@dataclass(frozen=True)
class Tables:
    """A client's canonical tables, open for reading. `frame(name)` is what a metric gets."""

    client: Client
    con: duckdb.DuckDBPyConnection
    names: frozenset[str]

    def frame(self, name: str, *, per_customer: bool = False) -> nw.LazyFrame:
        """The rows of a table that count (of which `per_customer`: those with a customer).

        `tenures` is derived: the spans in which someone is a customer. Raises Unavailable where the client has no such table.
        """
        if name == "tenures":
            return nw.from_native(_tenures(self.client.churn, self.names, self.con))
        if name not in self.names:
            raise Unavailable(f"needs the table {name} ({TABLES[name].grain})")
        rows = _counting(self.con, name)
        if per_customer and "customer_id" in rows.columns:
            rows = rows.filter("customer_id is not null")
        return nw.from_native(rows)

    def source_of(self, name: str) -> str:
        """The canonical table behind a name that a metric reads."""
        return self.client.churn.table if name == "tenures" and self.client.churn else name

    def without_customer(self, name: str, period: Period) -> tuple[int, int]:
        """Of a canonical table's rows that count in the period: how many carry no customer, and how many there are."""
        if name not in self.names or "customer_id" not in self.con.table(name).columns:
            return 0, 0
        rows, time = _counting(self.con, name), TABLES[name].time
        inside = f"{time} >= timestamp '{period.start}' and {time} < timestamp '{period.end}'"
        return rows.filter(inside).aggregate("count(*) - count(customer_id), count(*)").fetchall()[0]


def open_tables(client: Client, files: dict[str, Path], *, threads: int | None = None) -> Tables:
    """The one function that opens the tables: canonical Parquet `files` by table name, in a connection of their own."""
    con = duckdb.connect(config={"threads": threads or os.cpu_count() or 1})
    con.execute("set preserve_insertion_order = false")
    for name, path in files.items():
        con.read_parquet(str(path)).create_view(name)
    return Tables(client, con, frozenset(files))


def in_memory(client: Client, frames: dict[str, pd.DataFrame]) -> Tables:
    """The same from pandas frames that an analyst or a test hands in, cast by the contract."""
    con = duckdb.connect()
    for name, frame in frames.items():
        con.register(f"{name}_given", frame)
        con.execute(f"create table {name} as select {_cast(name, frame.columns)} from {name}_given")
    return Tables(client, con, frozenset(frames))


def _cast(name: str, columns: Iterable[str]) -> str:
    declared = TABLES[name].by_name
    return ", ".join(
        f'"{c}"::{ENGINE_TYPES[declared[c].type]} as "{c}"' if c in declared else f'"{c}"' for c in columns
    )


def _counting(con: duckdb.DuckDBPyConnection, name: str) -> duckdb.DuckDBPyRelation:
    """The rows of a table that count; its rule sees a column that the client does not have as empty."""
    table, rows = TABLES[name], con.table(name)
    absent = [c.name for c in table.columns if c.name in table.counts and c.name not in rows.columns]
    if not absent:
        return rows.filter(table.counts)
    filled = rows.project("*, " + ", ".join(f"null as {name}" for name in absent))
    return filled.filter(table.counts).project(f"* exclude ({', '.join(absent)})")


def _tenures(churn: Churn | None, names: frozenset[str], con: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyRelation:
    """Rows customer_id, since, until: someone is a customer at t where since < t <= until (no `until`: still).

    An order at `since` makes a customer of `[t - d, t)` for every t in (since, since + d].
    """
    if churn is None:
        raise Unavailable("needs churn: in the parameters file (contractual, or by inactivity of so many days)")
    if churn.table not in names:
        raise Unavailable(f"needs the table {churn.table} ({TABLES[churn.table].grain})")
    rows = _counting(con, churn.table).filter("customer_id is not null")
    if churn.kind == "inactivity":
        until = f"ordered_at + interval {churn.inactivity_days} day"
        return rows.project(f"customer_id, ordered_at as since, {until} as until")
    since, until = {"customers": ("joined_at", "left_at"), "subscriptions": ("started_at", "ended_at")}[churn.table]
    for column in (since, until):
        if column not in rows.columns:
            raise Unavailable(f"needs the column {churn.table}.{column}")
    return rows.filter(f"{since} is not null").project(f"customer_id, {since} as since, {until} as until")


# --- segments ---------------------------------------------------------------------------------------------------------


def segment_levels(tables: Tables, name: str, period: Period) -> str:
    """The name of a temporary table (cluster, level) of a segmentation of customers, or of evidence's own column.

    Returns "" where the segmentation belongs to another table than customers: then the evidence carries the column.
    """
    segment = tables.client.segments[name]
    table, column = segment.column.split(".")
    if table != "customers":
        return ""
    view = f"segment_{name}"
    levels = tables.con.table(table).project(f"customer_id as cluster, {_level(segment, column, period)} as level")
    levels.filter("level is not null").create_view(view, replace=True)
    return view


def known_levels(con: duckdb.DuckDBPyConnection, levels: str) -> list[str]:
    """The levels in a table that `segment_levels` named, in order; none for ""."""
    return (
        [level for (level,) in con.sql(f"select distinct level from {levels} order by level").fetchall()]
        if levels
        else []
    )


def _level(segment: Segment, column: str, period: Period) -> str:
    if segment.years:
        at = f"timestamp '{period.start}'"
        steps = [f"when {column} >= {at} then 'joined in the period'"]
        steps += [
            f"when {column} > {at} - interval {round(years * 12)} month then '{_band(segment.years, i, 'year')}'"
            for i, years in enumerate(segment.years)
        ]
        last = _band(segment.years, len(segment.years), "year")
        return f"case when {column} is null then null {' '.join(steps)} else '{last}' end"
    if segment.bands:
        number = f"try_cast({column} as double)"
        steps = [f"when {number} < {b} then '{_band(segment.bands, i)}'" for i, b in enumerate(segment.bands)]
        return f"case when {number} is null then null {' '.join(steps)} else '{_band(segment.bands, len(steps))}' end"
    return f'"{column}"::varchar'


def _band(cuts: tuple[float, ...], index: int, unit: str = "") -> str:
    def said(cut: float) -> str:
        return f"{cut:g} {unit}{'' if cut == 1 else 's'}" if unit else f"{cut:g}"

    if index == 0:
        return f"under {said(cuts[0])}"
    if index == len(cuts):
        return f"{said(cuts[-1])} or more"
    return f"{cuts[index - 1]:g} to under {said(cuts[index])}"


# --- reduction --------------------------------------------------------------------------------------------------------


def gather(windows: dict[str, nw.LazyFrame], own_segments: dict[str, str], tables: Tables) -> None:
    """Compute the evidence of all windows once, as the temporary table `evidence`.

    Columns: win, component, cluster, num, den, weight, at, and one per segmentation that the evidence carries itself
    (`own_segments`: segmentation -> SQL of its level).
    """
    parts = [
        f"select '{win}' as win, {_standard(frame.to_native(), own_segments)} from ({frame.to_native().sql_query()})"
        + (" where weight > 0" if "weight" in frame.to_native().columns else "")
        for win, frame in windows.items()
    ]
    tables.con.execute("create or replace temp table evidence as " + " union all ".join(parts))


def _standard(rows: duckdb.DuckDBPyRelation, own_segments: dict[str, str]) -> str:
    has = set(rows.columns)
    pick = {
        "component": "component::varchar" if "component" in has else "''",
        "cluster": "customer_id" if "customer_id" in has else "null::varchar",
        "num": "value" if "value" in has else "num",
        "den": "den" if "den" in has else "1",
        "weight": "weight" if "weight" in has else "1",  # rows without a weight, or of weight 0, are left out
        "at": '"at"' if "at" in has else "null::timestamp",
    }
    return ", ".join(f'{sql} as "{name}"' for name, sql in (pick | own_segments).items())


def reduce_moments(con: duckdb.DuckDBPyConnection, segment: str, levels: str, *, one_row_each: bool) -> pd.DataFrame:
    """Sufficient statistics of `evidence` per window, component and level of one segmentation.

    segment: "" for the whole; `levels`: the table of a segmentation of customers, or "" where evidence has the column.
    `one_row_each`: evidence has one row per customer, so nothing is to be summed by customer first.
    Columns as `crmnb.estimate` reads them, and `shared`: the sum of u(now) u(before) over customers seen in both.
    """
    level, join = _levels_sql(segment, levels)
    by_customer = "" if one_row_each else "group by all"
    add = (lambda what: what) if one_row_each else (lambda what: f"sum({what})")
    totals = f"""
        select win, component, cluster, {level} as level, {add("num * weight")} as num, {add("den * weight")} as den,
            {"1" if one_row_each else "count(*)"} as n, {add("weight")} as w, {add("weight * weight")} as w2,
            {add("abs(num) * weight")} as magnitude
        from evidence {join} where cluster is not null {by_customer}
        union all
        select win, component, null, {level}, num * weight, den * weight, 1, weight, weight * weight, abs(num) * weight
        from evidence {join} where cluster is null"""
    frame = con.sql(f"""
        with totals as materialized ({totals}),
        whole as materialized (
            select win, component, level, sum(num) as num, sum(den) as den, sum(n) as n, count(*) as clusters,
                sum(w) as w, sum(w2) as w2, sum(magnitude) as magnitude, sum(num) / nullif(sum(den), 0)::double as r
            from totals group by all),
        residuals as (
            select win, component, level, cluster, t.num::double - r * t.den as u
            from totals t join whole using (win, component, level)),
        moments as (
            select win, component, level, fsum(u * u) as ss, fsum(u * u * u) as s3 from residuals group by all),
        pairs as (
            select component, level, fsum(a.u * b.u) as shared
            from residuals a join residuals b using (component, level, cluster)
            where a.win = 'now' and b.win = 'before' group by all)
        select win, component, level, num::double as num, den::double as den, n::double as n,
            clusters::double as clusters, w::double as w, w2::double as w2, magnitude::double as magnitude, ss, s3,
            coalesce(shared, 0) as shared
        from whole join moments using (win, component, level) left join pairs using (component, level)
        order by all""").df()
    return frame.assign(segment=segment)


def reduce_bins(
    con: duckdb.DuckDBPyConnection, segment: str, levels: str, spans: dict[str, tuple[str, int, int]]
) -> pd.DataFrame:
    """Counts of `evidence` per window, component and level, and how they scatter over equal spans of time.

    `spans`: window -> (its first instant, days of a bin, bins). Columns: num, den (exposure), plain (no exposure is
    given, so den is 1),
    n, exposed (rows of exposure: how many the count is out of), bins, ss (squares of the bins' counts about their mean, empty bins among them).
    """
    level, join = _levels_sql(segment, levels)
    rows = ", ".join(f"('{w}', timestamp '{a}', {size}, {bins})" for w, (a, size, bins) in spans.items())
    frame = con.sql(f"""
        with spans(win, start, size, bins) as (values {rows}),
        binned as (
            select win, component, {level} as level, bins, sum(num) as num, sum(den) as den,
                count(*) as rows,
                case when e.at is not null then least(date_diff('day', start, e.at) // size, bins - 1) end as bin
            from evidence e join spans using (win) {join} group by all),
        whole as (
            select win, component, level, bins, sum(num)::double as num, sum(den)::double as den,
                count(bin) as filled, coalesce(sum(rows) filter (where bin is null), 0)::double as exposed
            from binned group by all),
        scattered as (
            select win, component, level, fsum(case when bin is not null then (b.num - w.num / w.bins) ** 2 end) as seen
            from whole w join binned b using (win, component, level) group by all)
        select win, component, level, num, den, num as n, exposed, bins::double as bins,
            coalesce(seen, 0) + (bins - filled) * (num / bins) ** 2 as ss
        from whole join scattered using (win, component, level) order by all""").df()
    plain = frame["den"].isna()
    exposed = frame["exposed"].mask(plain, frame["n"])
    return frame.assign(segment=segment, plain=plain, den=frame["den"].mask(plain, 1.0), exposed=exposed)


def _levels_sql(segment: str, levels: str) -> tuple[str, str]:
    if not segment:
        return "''", ""
    if levels:
        return f"coalesce({levels}.level, '{UNKNOWN}')", f"left join {levels} using (cluster)"
    return f"coalesce(\"{segment}\", '{UNKNOWN}')", ""
