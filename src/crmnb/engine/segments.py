"""Segments: the levels of the client's segmentations, as the engine breaks evidence down by them."""

import re
from itertools import combinations

import duckdb
import narwhals.stable.v2 as nw

from crmnb.core.period import Period
from crmnb.engine.derived_tables import DerivedTables, once
from crmnb.engine.evidence import Evidence, Segmentation
from crmnb.engine.integer_keys import CUSTOMER_NUMBERS
from crmnb.engine.query import Query
from crmnb.engine.session import Tables
from crmnb.schema.client import Segment
from crmnb.schema.tables import OTHER, UNKNOWN

MOST_LEVELS = 50  # of a segmentation, by rows of its table in all data; the others are one level, OTHER
_ALSO = {
    "orders": "all_orders",
    "experiment_units": "experiment_outcomes",
}  # derived tables with the columns of another
_ANY_PERIOD = Period.parse("2025")  # bands of a number are the same in all
_RESERVED = rf'^"*({re.escape(UNKNOWN)}|{re.escape(OTHER)})"*$'  # a client's own names that would be mistaken for ours


def segmentations_of(
    tables: Tables, reads: set[str], evidence: Evidence, period: Period, family: str
) -> list[Segmentation]:
    """The client's segmentations that apply to evidence of a family's metric: by its customers, or by a column of a table that was read (`reads`).

    Levels of customers are as at the start of the period; each is made once, as a temporary table.
    """
    columns, segmentations = evidence.types, []
    for name, segment in tables.client.segments_of(family).items():
        table, column = segment.column.split(".")
        if table != "customers":
            carried = (table in reads or _ALSO.get(table) in reads) and column in columns
            segmentations += [Segmentation(name, own=_level(segment, tables, period))] if carried else []
        elif "customer_id" in columns and table in tables.names:
            level = _level(segment, tables, period)
            levels = f"select customer_id as cluster, {level} as level from ({tables.every(table).sql_query()})"
            levels = tables.derived.table(f"from ({levels}) where level is not null")
            of_all = _everybody_with(levels, tables.derived) if tables.numbers else levels
            segmentations.append(Segmentation(name, levels=of_all, of_everybody=tables.numbers))
    return segmentations


def common_levels(tables: Tables, period: Period) -> dict[tuple[str, str], list[tuple[str, str]]]:
    """Of each two of the client's segmentations of one table: the pairs of levels that some of its rows are in, as at the period's start."""
    by_table: dict[str, list[tuple[str, str]]] = {}
    for name, segment in tables.client.segments.items():
        if _is_there(segment, tables):
            table = segment.column.partition(".")[0]
            by_table.setdefault(table, []).append((name, _level(segment, tables, period)))
    pairs_of = {}
    for table, held in by_table.items():
        if len(held) < 2:
            continue
        rows = tables.every(table).sql_query()
        for (first, level), (second, other_level) in combinations(held, 2):
            pair = ", ".join(f"coalesce({column}, '{UNKNOWN}')" for column in (level, other_level))
            pairs_of[first, second] = tables.con.execute(
                f"select distinct {pair} from ({rows}) order by all"
            ).fetchall()
    return pairs_of


def known_levels(con: duckdb.DuckDBPyConnection, levels: str) -> list[str]:
    """The levels of a segmentation's table of levels, in order, but that of those who have none; none for ""."""
    if not levels:
        return []
    known = con.sql(f"select distinct level::varchar from {levels}").fetchall()
    return sorted(level for (level,) in known if level != UNKNOWN)


def _everybody_with(levels: str, derived: DerivedTables) -> str:
    """The table of the level of everybody who has a number, and of 0, from that of those who have one (cluster, level).

    Levels are of an enumeration, which the engine groups by as by whole numbers.
    """
    key = ("everybody", levels)
    if key not in derived.facts:
        names = sorted({*known_levels(derived.con, levels), UNKNOWN})
        level = f"coalesce(level, '{UNKNOWN}')::enum({', '.join(map(_text, names))})"
        everybody = f"select number as cluster from {CUSTOMER_NUMBERS} union all select 0"
        of_all = f"select cluster, {level} as level from ({everybody}) left join {levels} using (cluster)"
        derived.facts[key] = derived.table(of_all)
    return derived.facts[key]


@once
def levels_of(rows: nw.LazyFrame, column: str) -> nw.LazyFrame:
    """The level (`level`) of each value of a column of a client's table (`own`, as text): itself, or OTHER beyond the largest.

    The largest are those of most rows, whatever the period and the metric, so that all figures are of the same levels.
    """
    known = rows.filter(~nw.col(column).is_null()).select(own=nw.col(column).cast(nw.String))
    counted = known.group_by("own").agg(rows=nw.len())
    is_reserved = nw.col("own").str.contains(_RESERVED)
    quoted = nw.concat_str([nw.lit('"'), nw.col("own"), nw.lit('"')])
    named = counted.with_columns(
        level=nw.when(is_reserved).then(quoted).otherwise(nw.col("own")),
        fewest=-nw.col("rows").cast(nw.Int64),
        unit=nw.lit(1),
    )
    placed = named.with_columns(place=nw.col("unit").cum_sum().over(order_by=["fewest", "own"]))
    large = nw.col("place") <= MOST_LEVELS
    return placed.select("own", level=nw.when(large).then(nw.col("level")).otherwise(nw.lit(OTHER)))


def with_component(rows: nw.LazyFrame, table: nw.LazyFrame, column: str) -> nw.LazyFrame:
    """The rows with the level of a column of theirs, a text, as `breakdown`; the largest are those of the whole `table`."""
    return rows.join(levels_of(table, column).rename({"own": column, "level": "breakdown"}), on=column, how="left")


def many_levels(tables: Tables) -> dict[str, int]:
    """How many levels those segmentations have that have more than are shown."""
    plain = {name: segment for name, segment in tables.client.segments.items() if not (segment.years or segment.bands)}
    counts = {name: len(_levels(segment, tables)) for name, segment in plain.items() if _is_there(segment, tables)}
    return {name: count for name, count in counts.items() if count > MOST_LEVELS}


def _is_there(segment: Segment, tables: Tables) -> bool:
    table, column = segment.column.split(".")
    return table in tables.names and column in tables.every(table).columns


def _levels(segment: Segment, tables: Tables) -> dict[str, str]:
    """The level of each value of a segmentation's column, as text."""
    table, column = segment.column.split(".")
    levels = tables.derived.levels
    if segment.column not in levels:
        named = levels_of(nw.from_native(Query.of(tables.derived, tables.every(table))), column).to_native().sql_query()
        rows = tables.con.sql(f"select own, level from {tables.derived.table(named)}").fetchall()
        levels[segment.column] = dict(rows)
    return levels[segment.column]


def _text(value: str) -> str:
    """A text in SQL."""
    return "'" + value.replace("'", "''") + "'"


def _level(segment: Segment, tables: Tables, period: Period) -> str:
    """The SQL of a row's level."""
    column = f'"{segment.column.partition(".")[2]}"'
    if segment.years:
        at = f"timestamp '{period.start}'"
        steps = [f"when {column} >= {at} then 'joined in the period'"]
        steps += [
            f"when {column} > {at} - interval {round(years * 12)} month then '{band(segment.years, i, 'year')}'"
            for i, years in enumerate(segment.years)
        ]
        last = band(segment.years, len(segment.years), "year")
        return f"case when {column} is null then null {' '.join(steps)} else '{last}' end"
    if segment.bands:
        number = f"try_cast({column} as double)"
        steps = [f"when {number} < {b} then '{band(segment.bands, i)}'" for i, b in enumerate(segment.bands)]
        return f"case when {number} is null then null {' '.join(steps)} else '{band(segment.bands, len(steps))}' end"
    levels = _levels(segment, tables)
    renamed = {own: level for own, level in levels.items() if own != level and level != OTHER}
    steps = "".join(f" when {_text(own)} then {_text(level)}" for own, level in renamed.items())
    text = f"case {column}::varchar{steps} else {column}::varchar end" if renamed else f"{column}::varchar"
    if OTHER not in levels.values():
        return text
    large = ", ".join(_text(own) for own, level in levels.items() if level != OTHER)
    return f"case when {column} is null then null when {column}::varchar in ({large}) then {text} else '{OTHER}' end"


def band(cuts: tuple[float, ...], index: int, unit: str = "") -> str:
    """What the band below `cuts[index]` is called, or the last one: `under 5`, `5 to under 10`, `10 or more`."""

    def quantity(cut: float) -> str:
        return f"{cut:g} {unit}{'' if cut == 1 else 's'}" if unit else f"{cut:g}"

    if index == 0:
        return f"under {quantity(cuts[0])}"
    if index == len(cuts):
        return f"{quantity(cuts[-1])} or more"
    return f"{cuts[index - 1]:g} to under {quantity(cuts[index])}"


def unit_levels(segment: Segment, tables: Tables) -> str:
    """The temporary table of customers' levels (cluster, level) by a column of theirs, each value a level of its own; "" of another table's.

    Bands are levels of their own as in a segmentation.
    """
    table, column = segment.column.split(".")
    if table != "customers" or table not in tables.names or column not in tables.every(table).columns:
        return ""
    level = _level(segment, tables, _ANY_PERIOD) if segment.bands else f'"{column}"::varchar'
    rows = tables.every(table).sql_query()
    return tables.derived.table(
        f"select customer_id as cluster, {level} as level from ({rows}) where {level} is not null"
    )
