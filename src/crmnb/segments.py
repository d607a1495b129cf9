"""Segments: the levels of the client's segmentations, as the engine breaks evidence down by them."""

import duckdb

from crmnb.client import Segment
from crmnb.engine import Tables
from crmnb.evidence import Evidence, Segmentation
from crmnb.period import Period


def segmentations_of(tables: Tables, reads: set[str], evidence: Evidence, period: Period) -> list[Segmentation]:
    """The client's segmentations that apply to evidence: by its customers, or by a column of a table that was read (`reads`).

    Levels of customers are as at the start of the period; each is made once, as a temporary table.
    """
    columns, found = evidence.types, []
    for name, segment in tables.client.segments.items():
        table, column = segment.column.split(".")
        if table != "customers":
            carried = table in reads and column in columns
            found += [Segmentation(name, own=_level(segment, f'"{column}"', period))] if carried else []
        elif "customer_id" in columns and table in tables.names:
            level = _level(segment, f'"{column}"', period)
            told = f"select customer_id as cluster, {level} as level from ({tables.every(table).sql_query()})"
            found.append(Segmentation(name, levels=tables.kept.table(f"from ({told}) where level is not null")))
    return found


def known_levels(con: duckdb.DuckDBPyConnection, levels: str) -> list[str]:
    """The levels of a segmentation's table of levels, in order; none for ""."""
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
            f"when {column} > {at} - interval {round(years * 12)} month then '{band(segment.years, i, 'year')}'"
            for i, years in enumerate(segment.years)
        ]
        last = band(segment.years, len(segment.years), "year")
        return f"case when {column} is null then null {' '.join(steps)} else '{last}' end"
    if segment.bands:
        number = f"try_cast({column} as double)"
        steps = [f"when {number} < {b} then '{band(segment.bands, i)}'" for i, b in enumerate(segment.bands)]
        return f"case when {number} is null then null {' '.join(steps)} else '{band(segment.bands, len(steps))}' end"
    return f"{column}::varchar"


def band(cuts: tuple[float, ...], index: int, unit: str = "") -> str:
    """What the band below `cuts[index]` is called, or the last one: `under 5`, `5 to under 10`, `10 or more`."""

    def said(cut: float) -> str:
        return f"{cut:g} {unit}{'' if cut == 1 else 's'}" if unit else f"{cut:g}"

    if index == 0:
        return f"under {said(cuts[0])}"
    if index == len(cuts):
        return f"{said(cuts[-1])} or more"
    return f"{cuts[index - 1]:g} to under {said(cuts[index])}"
