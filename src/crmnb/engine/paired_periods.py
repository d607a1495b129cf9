"""Pairs: how far two periods' figures move together, as the same customers stand behind both."""

import duckdb
import pandas as pd

from crmnb.engine.evidence import COMPARED, PERIOD, WHOLE, Evidence, Segmentation
from crmnb.engine.reduce_counts import list_rows
from crmnb.schema.tables import UNKNOWN

Correlations = dict[tuple[str, str, str], float]  # by breakdown, segment and level


def correlations(
    con: duckdb.DuckDBPyConnection,
    evidence: Evidence,
    by: list[Segmentation],
    moves: pd.DataFrame,
    *,
    are_listed: bool = False,
) -> Correlations:
    """The correlation of the figures of the current and the comparison period, by the customers seen in both; none where no customer is known.

    moves: what a row moves a figure by (its influence), by `win`, `breakdown`, `segment`, `level` and what the row holds (`at`, in the
    column of that name). A customer moves a figure by the sum of the rows': the correlation is that of these sums, 0 for
    customers not seen: sum(s s') / sqrt(sum(s^2) sum(s'^2)). are_listed: the evidence's rows are in the temporary table `listed` already.
    """
    if moves.empty or "customer_id" not in evidence.types:
        return {}
    segmentations, correlation_of = [WHOLE, *by], {}
    con.register("moves", moves)
    if not are_listed:
        list_rows(con, evidence, segmentations)
    for seg, segmentation in enumerate(segmentations):
        column = moves["column"].iloc[0]
        sums = {win: _sums(place, win, seg, segmentation, column) for place, win in enumerate(COMPARED)}
        rows = con.execute(f"""
            with current as ({sums["current"]}), comparison as ({sums["comparison"]}),
            scatter as (
                select breakdown, level, a.ss as current_ss, b.ss as comparison_ss
                from (select breakdown, level, sum(s * s) as ss from current group by all) a
                    join (select breakdown, level, sum(s * s) as ss from comparison group by all) b using (breakdown, level))
            select breakdown, level, sum(a.s * b.s) / sqrt(any_value(current_ss) * any_value(comparison_ss))
            from current a join comparison b using (breakdown, level, customer_id) join scatter using (breakdown, level)
            where current_ss > 0 and comparison_ss > 0 group by all""").fetchall()
        correlation_of |= {(breakdown, segmentation.name, level): float(value) for breakdown, level, value in rows}
    con.unregister("moves")
    return correlation_of


def _sums(place: int, win: str, seg: int, by: Segmentation, column: str) -> str:
    """The SQL of what each customer moves each figure by in a window, by breakdown and level."""
    level = f"coalesce({'l.level' if by.levels else f'e.level_{seg}'}, '{UNKNOWN}')" if by.name else "''"
    joined = by.join("e.customer_id", "l") if by.levels else ""
    return f"""
        select m.breakdown, m.level, e.customer_id, fsum(m.move) as s
        from (from listed where {PERIOD} = {place}) e {joined} join moves m
            on m.win = '{win}' and m.segment = '{by.name}' and m.level = {level} and m.at = e."{column}"::double
        where e.customer_id is not null group by all"""
