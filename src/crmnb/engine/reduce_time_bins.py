"""Bins: evidence of counts becomes how many there were, and how they scatter over equal spans of time."""

import duckdb
import pandas as pd

from crmnb.engine.evidence import COMPARED, PERIOD, Evidence, Segmentation
from crmnb.engine.row_steps import breakdowns_of
from crmnb.schema.tables import UNKNOWN


def reduce_bins(
    con: duckdb.DuckDBPyConnection,
    evidence: Evidence,
    segmentations: list[Segmentation],
    spans: dict[str, tuple[str, int, int]],
    *,
    are_many: bool = False,
    are_states: bool = False,
) -> pd.DataFrame:
    """Counts of evidence per period and breakdown (and level, where compared), and how they scatter over equal spans of time.

    spans: period -> (its first instant, days of a bin, bins). Columns: win, breakdown, segment, level, num, den (exposure),
    plain (there is no exposure, so den is 1), n, exposed (rows of exposure: how many the count is out of), bins, binned
    (events in them: days left over at the end are in none), ss (squares of the bins' counts about their mean, empty
    bins among them), squares (of the customers' counts; where nobody is known each event is a customer's of its own).
    are_many: the squares of the periods that are compared and those of their parts are taken one after the other, which takes less memory.
    are_states: all are counted, so that no squares are asked for.
    """
    squares = _customer_squares(evidence, segmentations, are_states)
    for number, part in enumerate(squares if are_many else []):
        con.execute(
            f"{'insert into' if number else 'create or replace temp table'} customer_squares {'' if number else 'as'} {part}"
        )
    rows = ", ".join(
        f"({place}::utinyint, timestamp '{spans[win][0]}', {spans[win][1]}, {spans[win][2]})"
        for place, win in evidence.periods.items()
    )
    frame = con.execute(f"""
        with spans(win, start, size, bins) as (values {rows}),
        cells as materialized ({_cells(evidence, segmentations)}),
        binned as materialized ({_binned(segmentations)}),
        {"" if are_many else f"customer_squares as materialized ({' union all '.join(squares)}),"}
        squared as ({_squared(segmentations)}),
        whole as (
            select seg, win, breakdown, level, bins, sum(num)::double as num, sum(den)::double as den,
                coalesce(sum(num) filter (where bin < bins), 0)::double as binned,
                count(bin) filter (where bin < bins) as filled,
                coalesce(sum(rows) filter (where bin is null), 0)::double as exposed
            from binned join spans using (win) group by all),
        scattered as (
            select seg, win, breakdown, level,
                fsum(case when b.bin < w.bins then (b.num - w.binned / w.bins) ** 2 end) as seen
            from whole w join binned b using (seg, win, breakdown, level) group by all)
        select seg, win, breakdown, level, num, den, num as n, exposed, bins::double as bins, binned,
            coalesce(seen, 0) + (bins - filled) * (binned / bins) ** 2 as ss, coalesce(squares, num) as squares
        from whole join scattered using (seg, win, breakdown, level) left join squared using (seg, win, breakdown, level)
        order by seg, win, breakdown, level""").df()
    frame["segment"] = [["", *(s.name for s in segmentations)][seg] for seg in frame.pop("seg")]
    frame["win"] = [evidence.periods[win] for win in frame["win"]]
    plain = frame["den"].isna()
    exposed = frame["exposed"].mask(plain, frame["n"])
    return frame.assign(plain=plain, den=frame["den"].mask(plain, 1.0), exposed=exposed)


def _cells(evidence: Evidence, segmentations: list[Segmentation]) -> str:
    """The SQL of the counts by period, breakdown, levels of all segmentations (`level_1` ...) together, and bin; first by day, as these are few."""
    days = " union all ".join(
        f"""select win, {f"e.{key}" if (key := _key(evidence, breakdown)) else breakdown or "''"} as breakdown {levels}, e.at::date as day,
                sum(num) as num, sum(den) as den, count(*) as rows
            from ({rows} {_of(breakdown)}) e {joins} group by all"""
        for rows, _, levels, joins in _halves(evidence, segmentations)
        for breakdown in breakdowns_of(evidence) or [""]
    )
    columns = "".join(f", level_{seg}" for seg, _ in enumerate(segmentations, 1))
    return f"""
        select win, breakdown {columns}, sum(num) as num, sum(den) as den, sum(rows) as rows,
            case when day is not null then least(date_diff('day', start, day::timestamp) // size, bins) end as bin
        from ({days}) join spans using (win) group by all"""


def _customer_squares(evidence: Evidence, segmentations: list[Segmentation], are_states: bool) -> list[str]:
    """The SQL of the squares of customers' counts, by period, breakdown and levels; who has no customer is one's own.

    What a customer has is counted as a whole (`counted_by` 0) for the client and for the levels of customers, and within each level of a
    segmentation of the rows themselves (`counted_by` its place): one customer may be in several of those.
    """
    if are_states or "customer_id" not in evidence.types:
        none = "".join(f", null::varchar as level_{seg}" for seg, _ in enumerate(segmentations, 1))
        return [
            f"select 0::utinyint as counted_by, 0::utinyint as win, '' as breakdown {none}, 0.0::double as squares where false"
        ]
    (rows, own, levels, joins), *parts = _halves(evidence, segmentations)
    queries = []
    for breakdown in breakdowns_of(evidence) or [""]:  # one after the other, as texts among the keys cost most
        key, inside = _key(evidence, breakdown), _of(breakdown)
        for counted_by in (0, *own):
            columns = levels if not own else _levels_counted_by(counted_by, segmentations)
            of_levels = columns, "" if counted_by else joins
            queries.append(_squares_compared(f"{rows} {inside}", key, breakdown, counted_by, *of_levels))
        queries += [_squares_in_parts(f"{part} {inside}", key, breakdown, none) for part, _, none, _ in parts]
    return queries


def _squares_compared(rows: str, key: str, breakdown: str, counted_by: int, levels: str, joins: str) -> str:
    """The SQL of the squares in the periods that are compared: a customer's counts in both stand side by side, as the engine sums up fastest by
    a customer's number alone. key: the breakdown, if it is not the same of all rows (`breakdown`)."""
    keys = ", ".join(["cluster", *[key] * bool(key), *[f"level_{counted_by}"] * bool(counted_by)])
    places = range(len(COMPARED))
    counts = ", ".join(f"(sum(num) filter (where win = {win}))::double as num_{win}" for win in places)
    squares = ", ".join(f"sum({_square(f'num_{win}')}) as squares_{win}" for win in places)
    picked = " ".join(f"when {win} then squares_{win}" for win in places)
    columns = ", ".join(f"squares_{win}" for win in places)
    return f"""
        select {counted_by}::utinyint as counted_by, win, * exclude (win, {columns}), case win {picked} end as squares
        from (
            select {f"e.{key}" if key else breakdown or "''"} as breakdown {levels}, {squares}
            from (select {keys}, {counts} from ({rows} and num <> 0) group by {keys}) e {joins} group by all)
        cross join (values {", ".join(f"({win}::utinyint)" for win in places)}) as compared(win)"""


def _squares_in_parts(rows: str, key: str, breakdown: str, levels: str) -> str:
    keys = ", ".join(["win", *[key] * bool(key), "cluster"])
    return f"""
        select 0::utinyint as counted_by, win, {f"e.{key}" if key else breakdown or "''"} as breakdown {levels}, sum({_square("num")}) as squares
        from (select {keys}, sum(num)::double as num from ({rows} and num <> 0) group by {keys}) e group by all"""


def _of(breakdown: str) -> str:
    """The SQL of a condition: rows of a breakdown (SQL), or of all."""
    return f"and breakdown = {breakdown}" if breakdown else ""


def _key(evidence: Evidence, breakdown: str) -> str:
    """The column of the breakdown, where rows have several."""
    return "breakdown" if "breakdown" in evidence.types and not breakdown else ""


def _square(count: str) -> str:
    """The SQL of a customer's count squared; where nobody is known each row is one's own."""
    return f"case when e.cluster is null then {count} else {count} * {count} end"


def _levels_counted_by(counted_by: int, segmentations: list[Segmentation]) -> str:
    """The SQL of the levels that are known where customers' counts are taken as a whole (0), or by the level of one segmentation of the rows."""
    known = {
        seg: f"e.level_{seg}" if counted_by else f"{segmentation.levels}.level"
        for seg, segmentation in enumerate(segmentations, 1)
        if seg == counted_by or not (counted_by or segmentation.own)
    }
    return "".join(f", {known.get(seg, 'null::varchar')} as level_{seg}" for seg, _ in enumerate(segmentations, 1))


def _halves(evidence: Evidence, segmentations: list[Segmentation]) -> list[tuple[str, list[int], str, str]]:
    """The rows of the periods that are compared, and of the others: their SQL, the places of segmentations with levels of their own, and the
    SQL of levels and of the joins for these. Levels are looked up for compared periods only."""
    types = evidence.types
    cluster = "customer_id" if "customer_id" in types else "null::varchar"
    breakdown = ", breakdown::varchar as breakdown" if "breakdown" in types else ""
    owns = {seg: of.own for seg, of in enumerate(segmentations, 1) if of.own}
    picked = f'select {PERIOD} as win {breakdown}, {cluster} as cluster, num, den, "at"'
    levels = "".join(
        f", {f'{segmentation.levels}.level' if segmentation.levels else f'e.level_{seg}'} as level_{seg}"
        for seg, segmentation in enumerate(segmentations, 1)
    )
    none = "".join(f", null::varchar as level_{seg}" for seg, _ in enumerate(segmentations, 1))
    joins = " ".join(
        segmentation.join("e.cluster", segmentation.levels) for segmentation in segmentations if segmentation.levels
    )
    with_own = "".join(f", {own} as level_{seg}" for seg, own in owns.items())
    compared = f"{picked} {with_own} from ({evidence.sql}) where {PERIOD} < {len(COMPARED)}"
    halves = [(compared, list(owns), levels, joins)]
    parts = f"{picked} from ({evidence.sql}) where {evidence.parts}"
    return halves + ([(parts, [], none, "")] if evidence.parts else [])


def _binned(segmentations: list[Segmentation]) -> str:
    """The SQL of the counts by segmentation (`seg`, its place; 0 is none), period, breakdown, level and bin."""
    return _by_level("bin, sum(num) as num, sum(den) as den, sum(rows) as rows", "cells", segmentations)


def _squared(segmentations: list[Segmentation]) -> str:
    """The SQL of the squares of customers' counts by segmentation, period, breakdown and level."""
    counted_by = [0, *(seg if segmentation.own else 0 for seg, segmentation in enumerate(segmentations, 1))]
    wanted = [f"counted_by = {by}" for by in counted_by]
    return _by_level("sum(squares)::double as squares", "customer_squares", segmentations, wanted)


def _by_level(columns: str, table: str, segmentations: list[Segmentation], wanted: list[str] | None = None) -> str:
    """The SQL of aggregates of a table of this query by segmentation, period, breakdown and level; wanted: for each segmentation, its rows."""
    levels = ["''", *(f"coalesce(level_{seg}, '{UNKNOWN}')" for seg, _ in enumerate(segmentations, 1))]
    return " union all ".join(
        f"""select {seg}::utinyint as seg, win, breakdown, {level} as level, {columns} from {table}
            where {f"win < {len(COMPARED)}" if seg else "true"} and {wanted[seg] if wanted else "true"} group by all"""
        for seg, level in enumerate(levels)
    )
