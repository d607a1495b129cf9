"""Together: what several metrics count of the same rows is summed up by customer in one pass over these rows."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

import duckdb

from crmnb.engine.evidence import COMPARED, Segmentation
from crmnb.engine.row_steps import Branch, in_one_pass

_AT_ONCE = 3  # branches: the sums of more would take too much memory


def sum_together(
    con: duckdb.DuckDBPyConnection,
    branches: Mapping[int, Sequence[Branch]],
    by: list[Segmentation],
    periods: Iterable[int],
) -> tuple[str, str]:
    """The branches of samples (by their places) summed by customer, in temporary tables; the SQL of the customers in both compared periods, and of
    those in each period, as `crmnb.engine.reduce` reads them. periods: the places of those that the samples have."""
    placed = [(place, branch) for place, of_sample in branches.items() for branch in of_sample]
    levels = "".join(f", level_{seg}" for seg, of in enumerate(by) if of.name)
    places = [at for at in periods if at < len(COMPARED)], [at for at in periods if at >= len(COMPARED)]
    compared, each_period = [], []
    for table, first in enumerate(range(0, len(placed), _AT_ONCE)):
        chunk = placed[first : first + _AT_ONCE]
        _make(con, table, [branch for _, branch in chunk], by, *places)
        for at, (place, branch) in enumerate(chunk):
            key = f"{place}::utinyint as sample, {branch.breakdown} as breakdown"
            sums = ", ".join(
                f"num_{win}_{at} as num_{win}, n_{win}_{at} as den_{win}, n_{win}_{at} as n_{win}, k as k_{win}"
                for win, _ in enumerate(COMPARED)
            )
            compared.append(f"select {key} {levels}, {sums} from together_{table}")
            each_period += _periods(table, key, at, levels, bool(places[1]))
    return " union all ".join(compared), " union all ".join(each_period)


def _periods(table: int, key: str, at: int, levels: str, has_parts: bool) -> Iterator[str]:
    """The SQL of a branch's clusters in each period."""
    for win, _ in enumerate(COMPARED):
        n = f"n_{win}_{at}"
        yield f"""
            select {key}, {win}::utinyint as win {levels}, num_{win}_{at} as num, {n} as den, {n} * k as n, k
            from together_{table} where {n} > 0"""
    if has_parts:
        none = ", ''" * levels.count(",")
        yield f"select {key}, win {none}, num_{at}, n_{at}, n_{at} * k, k from together_parts_{table} where n_{at} > 0"


def _make(
    con: duckdb.DuckDBPyConnection,
    table: int,
    branches: list[Branch],
    by: list[Segmentation],
    compared: list[int],
    parts: list[int],
) -> None:
    """The temporary tables of some branches: clusters that are alike in all of them share a row."""
    rows = in_one_pass(branches)
    places = range(len(branches))
    wins = range(len(COMPARED))
    levels = "".join(f"{of.level(f'of_{seg}')} as level_{seg}, " for seg, of in enumerate(by) if of.name)
    joins = " ".join(of.join("c.cluster", f"of_{seg}") for seg, of in enumerate(by) if of.levels)
    sums = {f"num_{win}_{at}": f"(sum(num_{at}) filter (where win = {win}))::bigint" for win in wins for at in places}
    sums |= {f"n_{win}_{at}": f"count(*) filter (where win = {win} and kept_{at})" for win in wins for at in places}
    own = {f"num_{win}_{at}": f"case when win = {win} then num_{at} end" for win in wins for at in places}
    own |= {f"n_{win}_{at}": f"(win = {win} and kept_{at})::bigint" for win in wins for at in places}
    inside = f"win in ({', '.join(map(str, compared)) or 'null'})"
    con.execute(f"""
        create or replace temp table together_{table} as
        select {levels} {", ".join(sums)}, count(*) as k
        from (select cluster, {_named(sums)} from ({rows}) where {inside} and cluster is not null group by cluster) c {joins} group by all
        union all
        select {levels} {", ".join(sums)}, count(*) as k
        from (select cluster, {_named(own)} from ({rows}) where {inside} and cluster is null) c {joins} group by all""")
    if parts:
        sums = {f"num_{at}": f"sum(num_{at})::bigint" for at in places} | {
            f"n_{at}": f"count(*) filter (where kept_{at})" for at in places
        }
        own = {f"num_{at}": f"num_{at}" for at in places} | {f"n_{at}": f"kept_{at}::bigint" for at in places}
        inside = f"win in ({', '.join(map(str, parts))})"
        con.execute(f"""
            create or replace temp table together_parts_{table} as
            select win, {", ".join(sums)}, count(*) as k
            from (select win, {_named(sums)} from ({rows}) where {inside} and cluster is not null group by win, cluster) group by all
            union all
            select win, {_named(own)}, count(*) as k from ({rows}) where {inside} and cluster is null group by all""")


def _named(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{sql} as {name}" for name, sql in columns.items())
