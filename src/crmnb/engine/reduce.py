"""Reduce: evidence becomes sufficient statistics inside the engine; only these small tables reach pandas."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import duckdb
import pandas as pd

from crmnb.engine.evidence import COMPARED, PERIOD, WHOLE, Evidence, Segmentation
from crmnb.schema.tables import UNKNOWN

# Rows without a customer are clusters of one, with no `cluster`; those that are alike share a row, which stands for `k` clusters
# and has the `num` and `den` of one of them (its `n`, `w` and `w2` are those of all).


@dataclass(frozen=True)
class Sample:
    """A metric's evidence in its periods, of which parts do not overlap, and how these are summed.

    one_row_each: it has one row per customer, so nothing is to be summed by customer first. needs: of the sums that few
    estimators read, those to be taken; the others may be 0.
    """

    evidence: Evidence
    one_row_each: bool = False
    needs: frozenset[str] = frozenset({"magnitude", "s3"})

    @property
    def compared(self) -> bool:
        """Whether it has both of the periods that are compared."""
        return {*COMPARED} <= {*self.evidence.names}


def reduce_moments(
    con: duckdb.DuckDBPyConnection, samples: list[Sample], segmentations: list[Segmentation]
) -> list[pd.DataFrame]:
    """Sufficient statistics of each sample per period and breakdown, and per level where the period is compared.

    Columns: win, breakdown, segment, level, those that `crmnb.metrics.estimators` reads, and `shared`: the sum of u(current) u(comparison)
    over the customers seen in both. Several samples are worked on together, as few rows cost what a query's planning
    costs; of many rows, one at a time is what fits into memory.
    """
    frames = [
        _moments(con, _sum_by_cluster(con, samples, ""), [WHOLE, *(s for s in segmentations if s.levels)], samples)
    ]
    for segmentation in (s for s in segmentations if s.own):
        compared = [replace(sample, one_row_each=False) for sample in samples]
        if any({*COMPARED} & {*sample.evidence.names} for sample in samples):
            frames.append(_moments(con, _sum_by_cluster(con, compared, segmentation.own), [segmentation], compared))
    frame = pd.concat(frames, ignore_index=True)
    return [frame[frame["sample"] == place].drop(columns="sample") for place, _ in enumerate(samples)]


def _sum_by_cluster(con: duckdb.DuckDBPyConnection, samples: list[Sample], level: str) -> str:
    """Evidence summed by period, breakdown, level (SQL; "" for none) and cluster, in a temporary table; the SQL that reads it.

    `sample` is the place in `samples`, `win` that of the period. What is the same in every row of a single sample is
    in the SQL, not in the table.
    """
    places = [place for place, sample in enumerate(samples) if sample.evidence.periods]
    if len(places) == 1:
        (place,) = places
        (first, same), *rest = [_summed(samples[place], level, which) for which in _halves(samples[place], level)]
        con.execute(f"create or replace temp table totals as {first}")
        for rows, _ in rest:
            con.execute(f"insert into totals {rows}")
        return f"select *, {place}::utinyint as sample {same} from totals"
    summed = {place: _summed(samples[place], level) for place in places}
    columns = "win, breakdown, level, cluster, num, den, n, w, w2, magnitude, k"
    selections = (
        f"select {place}::utinyint as sample, {columns} from (select * {same} from ({rows}))"
        for place, (rows, same) in summed.items()
    )
    con.execute(f"create or replace temp table totals as {' union all '.join(selections)}")
    return "from totals"


def _halves(sample: Sample, level: str) -> list[str]:
    """The SQL of which periods are summed at a time: to sum those that are compared and then their parts takes less memory than both at once."""
    parts = "" if level or sample.one_row_each else sample.evidence.parts
    return [f"{PERIOD} < {len(COMPARED)}", parts] if parts else [""]


def _summed(sample: Sample, level: str, which: str = "") -> tuple[str, str]:
    """The SQL of a sample's sums by period, breakdown, level and cluster, and that of columns the same in every row.

    By level, only of the periods that are compared.
    """
    evidence, has = sample.evidence, sample.evidence.types
    num, den = "value" if "value" in has else "num", "den" if "den" in has else "1"
    types = {"num": has[num], "den": has.get("den", "INTEGER")}
    weighted = "weight" in has
    cluster = "customer_id" if "customer_id" in has else "null"
    keys = {"breakdown": "breakdown::varchar"} if "breakdown" in has else {}
    keys |= {"level": level} if level else {}
    picked = ", ".join(
        f"{sql} as {name}" for name, sql in ({"cluster": cluster, "num": num, "den": den} | keys).items()
    )
    add = (lambda what, _="": what) if sample.one_row_each else _of_cluster
    total = "{}".format if sample.one_row_each else "sum({})".format
    sums = {"n": "1::utinyint" if sample.one_row_each else "count(*)::uinteger"}
    if weighted:
        sums |= {name: add(f"{name} * weight") for name in types}
        sums |= {"w": total("weight"), "w2": total("weight * weight")}
    else:
        sums |= {name: add(name, type_) for name, type_ in types.items()}
    if "magnitude" in sample.needs:
        sums["magnitude"] = total("abs(num) * weight" if weighted else "abs(num)")
    by = ", ".join(["win", *keys, "cluster"])
    selected = ", ".join([by, *(f"{sql} as {name}" for name, sql in sums.items())])
    alike = ", ".join(f"case when cluster is null then {what} end" for what in ("num", "den", *["weight"] * weighted))
    k = "1" if sample.one_row_each else "case when cluster is null then n else 1 end"
    counted = (
        [which] * bool(which)
        + ["weight > 0"] * weighted
        + [f"{PERIOD} < {len(COMPARED)}"] * bool(level and evidence.parts)
    )
    inside = f"where {' and '.join(counted)}" if counted else ""
    clusters = f"""
        select *, ({k})::uinteger as k from (
            select {selected}
            from (select {PERIOD} as win, {picked} {", weight" if weighted else ""} from ({evidence.sql}) {inside})
            {"" if sample.one_row_each else f"group by {by}, {alike}"})"""
    has_parts = evidence.parts and not level and which in ("", evidence.parts)
    rows = _alike(clusters, list(keys), sums) if has_parts else clusters
    same = {} if weighted else {"w": "n", "w2": "n"}
    same |= {name: "''" for name in ("breakdown", "level") if name not in keys}
    same |= {} if "magnitude" in sample.needs else {"magnitude": "0"}
    return rows, "".join(f", {sql} as {name}" for name, sql in same.items())


def _alike(clusters: str, keys: list[str], sums: Iterable[str]) -> str:
    """The SQL of clusters, in parts those of the same `num` and `den` in one row: of a part, nobody is asked who they are."""
    by = ", ".join(["win", *keys])
    totals = {"num": "num", "den": "den", "n": "sum(n)::uinteger"}
    summed = ", ".join(f"{totals.get(name, f'sum({name})')} as {name}" for name in sums)
    return f"""
        select {by}, case when win < {len(COMPARED)} then cluster end as cluster, {summed}, sum(k)::uinteger as k
        from ({clusters}) group by {by}, case when win < {len(COMPARED)} then cluster end, num, den"""


def _of_cluster(what: str, type_: str = "") -> str:
    """What a cluster brings: the sum of its rows; where alike rows without a customer share a row, that of one of them."""
    if type_ in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT"):  # 8 bytes are enough, where the engine would take 16
        return f"(case when cluster is null then sum({what}) // count(*) else sum({what}) end)::bigint"
    return f"case when cluster is null then any_value({what}) else sum({what}) end"


def _moments(
    con: duckdb.DuckDBPyConnection, totals: str, by: list[Segmentation], samples: list[Sample]
) -> pd.DataFrame:
    """Sums over the clusters of each window, breakdown and level, then of their residuals: centred first, squared after.

    One query for all segmentations, since on few rows its planning is what costs; `seg` is the place in `by`. Clusters
    with the same `num` and `den` share a row before anything else is done with them: most metrics have few such pairs.
    """
    levels = ",".join(
        f"""level_{seg} as materialized (
            select sample, win, breakdown, {_level_of(segmentation)} as level, num, den, sum(n) as n, sum(w) as w, sum(w2) as w2,
                sum(magnitude) as magnitude, sum(k)::bigint as k
            from totals t {_join_of(segmentation)} {"where win < 2" if segmentation.name else ""} group by all)"""
        for seg, segmentation in enumerate(by)
    )
    leveled = " union all ".join(f"select {seg}::utinyint as seg, * from level_{seg}" for seg, _ in enumerate(by))
    both = any(sample.compared for sample in samples)
    cubed = any("s3" in sample.needs for sample in samples)
    frame = con.execute(f"""
        with totals as not materialized ({totals}), {levels}, leveled as not materialized ({leveled}),
        whole as materialized (
            select seg, sample, win, breakdown, level, sum(num * k) as num, sum(den * k) as den, sum(n) as n,
                sum(k) as clusters, sum(w) as w, sum(w2) as w2, sum(magnitude) as magnitude,
                sum(num * k) / nullif(sum(den * k), 0)::double as r
            from leveled group by all),
        residuals as not materialized (
            select seg, sample, win, breakdown, level, k, t.num::double - r * t.den as u
            from leveled t join whole using (seg, sample, win, breakdown, level)),
        squares as (
            select seg, sample, win, breakdown, level, fsum(u * u * k) as ss,
                {"fsum(u * u * u * k)" if cubed else "0.0"} as s3
            from residuals group by all)
        {_shared(by) if both else ""}
        select seg, sample, win, breakdown, level, num::double as num, den::double as den, n::double as n,
            clusters::double as clusters, w::double as w, w2::double as w2, magnitude::double as magnitude, ss, s3,
            {"coalesce(shared, 0)" if both else "0.0::double"} as shared
        from whole join squares using (seg, sample, win, breakdown, level)
            {"left join shared using (seg, sample, breakdown, level)" if both else ""}
        order by seg, sample, win, breakdown, level""").df()
    frame["segment"] = [by[seg].name for seg in frame.pop("seg")]
    windows = [sample.evidence.periods for sample in samples]
    frame["win"] = [windows[sample][win] for sample, win in zip(frame["sample"], frame["win"], strict=True)]
    return frame


def _shared(by: list[Segmentation]) -> str:
    """The SQL of `shared`: the sum of both windows' residuals' product over the customers seen in both.

    The pairs are joined once for all segmentations, centred on a ratio near to those of the levels, r0; a level's own
    residual is u = v - (r - r0) den, so four sums of products of v and den hold every level's.
    """
    own = any(segmentation.own for segmentation in by)
    near = ", ".join(
        f"sum(num::double) filter (where win = {place}) / nullif(sum(den::double) filter (where win = {place}), 0) as {win}"
        for place, win in enumerate(COMPARED)
    )
    sums = " union all ".join(
        f"""select {seg}::utinyint as seg, sample, breakdown, {_level_of(segmentation)} as level, fsum(va * vb) as vv,
                fsum(va * db) as vd, fsum(da * vb) as dv, fsum(da * db) as dd
            from pairs t {_join_of(segmentation)} group by all"""
        for seg, segmentation in enumerate(by)
    )
    return f""",
        near as materialized (select sample, breakdown, {near} from whole where seg = 0 group by all),
        pairs as materialized (
            select sample, breakdown, {"a.level" if own else "''"} as level, cluster,
                a.num::double - near.current * a.den as va, a.den::double as da,
                b.num::double - near.comparison * b.den as vb, b.den::double as db
            from (from totals where win = 0) a join (from totals where win = 1) b using (sample, breakdown, cluster)
                join near using (sample, breakdown)
            {"where a.level is not distinct from b.level" if own else ""}),
        sums as ({sums}),
        shared as (
            select seg, sample, breakdown, level, vv - (b.r - near.comparison) * vd - (a.r - near.current) * dv
                + (a.r - near.current) * (b.r - near.comparison) * dd as shared
            from sums join (from whole where win = 0) a using (seg, sample, breakdown, level)
                join (from whole where win = 1) b using (seg, sample, breakdown, level) join near using (sample, breakdown))"""


def _level_of(by: Segmentation) -> str:
    """The SQL of the level, in a table of totals: summed by already (the whole's is empty), or joined (`_join_of`)."""
    level = f"{by.levels}.level" if by.levels else "t.level"
    return f"coalesce({level}, '{UNKNOWN}')" if by.name else "''"


def _join_of(by: Segmentation) -> str:
    """The SQL that brings the levels of customers, by their `cluster`."""
    return f"left join {by.levels} using (cluster)" if by.levels else ""
