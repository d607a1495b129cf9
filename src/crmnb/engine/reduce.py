"""Reduce: evidence becomes sufficient statistics inside the engine; only these small tables reach pandas."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property

import duckdb
import pandas as pd

from crmnb.engine.evidence import COMPARED, PERIOD, WHOLE, Evidence, Segmentation
from crmnb.engine.reduce_together import sum_together
from crmnb.engine.row_steps import Branch, branches_of

# Rows without a customer are clusters of one. Clusters that are alike share a row, which stands for `k` clusters and has the `num` and `den`
# of one of them; its `n`, `w`, `w2` and `magnitude` are those of all.
_FURTHER = {"w": "n", "w2": "n", "magnitude": "0"}  # sums that few samples need, and what they are where none does
_INTEGERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT")
_HALVES = ("customer_id is not null", "customer_id is null")
_ALIKE = ", ".join(f"case when cluster is null then {what} end" for what in ("win", "num", "den"))


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

    @cached_property
    def branches(self) -> list[Branch]:
        """What its evidence counts of the rows of one relation, if that is how it is made."""
        return [] if self.one_row_each or self.needs else branches_of(self.evidence)

    @property
    def values(self) -> dict[str, str]:
        """The SQL of what a row brings to the numerator and to the denominator, before weights."""
        has = self.evidence.types
        return {"num": "value" if "value" in has else "num", "den": "den" if "den" in has else "1"}

    @property
    def terms(self) -> dict[str, str]:
        """The SQL of what a row adds to the numerator and to the denominator."""
        is_weighted = "weight" in self.evidence.types
        return {name: f"{sql} * weight" if is_weighted else sql for name, sql in self.values.items()}

    @property
    def has_integers(self) -> bool:
        """Whether both terms are whole numbers."""
        has = self.evidence.types
        return "weight" not in has and all(has.get(sql, _INTEGERS[0]) in _INTEGERS for sql in self.values.values())

    @property
    def has_alike(self) -> bool:
        """Whether many clusters are alike: those of whole numbers, as most of the samples that are united have."""
        return self.has_integers or "sample" in self.keys

    @property
    def further(self) -> list[str]:
        """The sums of `_FURTHER` that it needs."""
        return ["w", "w2"] * ("weight" in self.evidence.types) + ["magnitude"] * ("magnitude" in self.needs)

    @property
    def keys(self) -> list[str]:
        """The columns by which its rows are told apart, beside period, customer and level."""
        return [name for name in ("sample", "breakdown") if name in self.evidence.types]


def reduce_moments(
    con: duckdb.DuckDBPyConnection, samples: list[Sample], segmentations: list[Segmentation]
) -> list[pd.DataFrame]:
    """Sufficient statistics of each sample per period and breakdown, and per level where the period is compared.

    Columns: win, breakdown, segment, level, those that `crmnb.metrics.estimators` reads, and `shared`: the sum of u(current) u(comparison)
    over the customers seen in both. Several samples are worked on together, as few rows cost what a query's planning
    costs; of many rows, one at a time is what fits into memory, or several of which the `branches` have one base.
    """
    frames = [_moments(con, dict(enumerate(samples)), [WHOLE, *(s for s in segmentations if s.levels)])]
    if any({*COMPARED} & {*sample.evidence.names} for sample in samples):
        at_once = (
            [{place: sample} for place, sample in enumerate(samples)]
            if samples[0].branches
            else [dict(enumerate(samples))]
        )
        own = [segmentation for segmentation in segmentations if segmentation.own]
        frames += [_moments(con, some, [segmentation]) for segmentation in own for some in at_once]
    frame = pd.concat(frames, ignore_index=True)
    return [frame[frame["sample"] == place].drop(columns="sample") for place, _ in enumerate(samples)]


def _sum_by_cluster(
    con: duckdb.DuckDBPyConnection, samples: dict[int, Sample], by: list[Segmentation]
) -> tuple[str, str]:
    """Evidence summed by cluster, in temporary tables: the SQL of the clusters with their sums in both periods that are compared side by side,
    and that of a row for each period.

    Customers are worked on apart from rows without one: the engine sums up fastest by a customer's number alone. Evidence that has one row per
    customer has no rows without one, which need not be looked for.
    """
    if by[0] == WHOLE and all(sample.branches for sample in samples.values()):
        wins = {win for sample in samples.values() for win in sample.evidence.periods}
        branches = {place: sample.branches for place, sample in samples.items()}
        compared, periods = sum_together(con, branches, by, sorted(wins))
        return compared, f"select *, n as w, n as w2, 0 as magnitude from ({periods})"
    place, own = min(samples), next((of.own for of in by if of.own), "")
    sample, own = (samples[place], own) if len(samples) == 1 else (_united(con, samples, own), own and "level")
    halves = _HALVES[: 1 if sample.one_row_each else 2] if "customer_id" in sample.evidence.types else ("",)
    compared = " union all ".join(_compared(sample, place, by, own, half) for half in halves)
    con.execute(f"create or replace temp table compared as {compared}")
    names = ("num", "den", "n", *sample.further, "k")
    levels = "".join(f", level_{seg}" for seg, of in enumerate(by) if of.name)
    periods = [
        f"""select sample, {win}::utinyint as win, breakdown {levels}, {_named({name: f"{name}_{win}" for name in names})}
            from compared where n_{win} > 0"""
        for win, _ in enumerate(COMPARED)
    ]
    if sample.evidence.parts and by[0] == WHOLE:
        parts = " union all ".join(_parts(sample, place, half) for half in halves)
        con.execute(f"create or replace temp table parts as {parts}")
        none = ", ''" * sum(bool(of.name) for of in by)
        periods.append(f"select sample, win, breakdown {none}, {', '.join(names)} from parts")
    same = "".join(f", {sql} as {name}" for name, sql in _FURTHER.items() if name not in sample.further)
    return "from compared", f"select * {same} from ({' union all '.join(periods)})"


def _united(con: duckdb.DuckDBPyConnection, samples: dict[int, Sample], own: str) -> Sample:
    """Samples as one, in a temporary table, with their places as a column (`sample`), and levels of the rows' own (SQL) as another (`level`): few
    rows cost what the planning of a query for each sample would."""
    is_weighted = any("weight" in sample.evidence.types for sample in samples.values())
    rows, periods = [], {}
    for place, sample in samples.items():
        evidence, has = sample.evidence, sample.evidence.types
        columns = {"sample": f"{place}::utinyint", PERIOD: PERIOD, **sample.values}
        columns |= {"customer_id": "customer_id" if "customer_id" in has else "null"}
        columns |= {"breakdown": "breakdown::varchar" if "breakdown" in has else "''"}
        columns |= {"weight": "weight" if "weight" in has else "1.0::double"} if is_weighted else {}
        rows.append(f"select {_named(columns | ({'level': own} if own else {}))} from ({evidence.sql})")
        periods |= evidence.periods
    types = dict.fromkeys(columns, "VARCHAR") | dict.fromkeys(("num", "den"), "DOUBLE")
    needs = frozenset().union(*(sample.needs for sample in samples.values()))
    con.execute(f"create or replace temp table united as {' union all '.join(rows)}")
    return Sample(Evidence("from united", types, periods), needs=needs)


def _compared(sample: Sample, place: int, by: list[Segmentation], own: str, half: str) -> str:
    """The SQL of clusters with their levels and their sums in both of the periods that are compared (`num_0`, `num_1`, ...)."""
    keys = [*sample.keys, *["level"] * bool(own), "cluster"]
    alike = half != _HALVES[0]
    sums = {
        f"{name}_{win}": sql
        for win, _ in enumerate(COMPARED)
        for name, sql in _sums(sample, alike, f"filter (where win = {win})").items()
    }
    rows = _rows(sample, own, f"{PERIOD} < {len(COMPARED)}", half)
    by_cluster = f"group by {', '.join([*keys, *[_ALIKE] * alike])}"
    levels = "".join(
        f", {of.level(f'of_{seg}' if of.levels else 'c')} as level_{seg}" for seg, of in enumerate(by) if of.name
    )
    joins = " ".join(of.join("c.cluster", f"of_{seg}") for seg, of in enumerate(by) if of.levels)
    return f"""
        select {_key(sample, place)} {levels}, {_merged(sample, sums) if sample.has_alike else ", ".join(sums)}
        from (select {", ".join(keys)}, {_named(sums)} from ({rows}) {by_cluster}) c {joins}
        {"group by all" if sample.has_alike else ""}"""


def _parts(sample: Sample, place: int, half: str) -> str:
    """The SQL of the sums of clusters in the parts of a trend; of a part, nobody is asked who they are."""
    keys = ["win", *sample.keys]
    alike = half != _HALVES[0]
    sums = _sums(sample, alike, rows_are_clusters=sample.one_row_each)
    by_cluster = "" if sample.one_row_each else f"group by {', '.join([*keys, 'cluster', *[_ALIKE] * alike])}"
    rows = _rows(sample, "", sample.evidence.parts, half)
    return f"""
        select {_key(sample, place)}, win, {_merged(sample, sums)}
        from (select {", ".join(keys)}, {_named(sums)} from ({rows}) {by_cluster}) group by all"""


def _key(sample: Sample, place: int) -> str:
    """The SQL of the place of the sample, and of the breakdown."""
    places = "sample" if "sample" in sample.keys else f"{place}::utinyint as sample"
    return f"{places}, " + ("breakdown" if "breakdown" in sample.keys else "'' as breakdown")


def _rows(sample: Sample, own: str, *conditions: str) -> str:
    """The SQL of a sample's rows with their period, cluster, terms and, where there are any, breakdown, weight, and level of their own (SQL)."""
    has = sample.evidence.types
    columns = {"win": PERIOD, "cluster": "customer_id" if "customer_id" in has else "null", **sample.terms}
    columns |= {name: f"{name}::varchar" if name == "breakdown" else name for name in sample.keys}
    columns |= ({"weight": "weight"} if "weight" in has else {}) | ({"level": own} if own else {})
    met = [*filter(None, conditions), *["weight > 0"] * ("weight" in has)]
    return f"select {_named(columns)} from ({sample.evidence.sql}) where {' and '.join(met)}"


def _sums(sample: Sample, alike: bool, only: str = "", rows_are_clusters: bool = False) -> dict[str, str]:
    """The SQL of what a cluster brings, and how many there are (`k`): rows without a customer that are alike share a row.

    only: which rows are summed.
    """
    weight = "weight" if "weight" in sample.evidence.types else "1"
    added = {"num": "num", "den": "den", "w": weight, "w2": f"{weight} * {weight}", "magnitude": "abs(num)"}
    if rows_are_clusters:
        sums = added | {"n": "1", "k": "1"}
    else:
        type_ = "::bigint" if sample.has_integers else ""  # 8 bytes are enough, where the engine would take 16
        sums = {name: f"(sum({sql}) {only}){type_ if name in sample.terms else ''}" for name, sql in added.items()}
        sums |= {"n": f"count(*) {only}", "k": "1"}
        if alike:
            sums |= {
                name: f"case when cluster is null then any_value({name}) {only} else {sums[name]} end"
                for name in sample.terms
            }
            sums["k"] = f"case when cluster is null then count(*) {only} else 1 end"
    return {name: sums[name] for name in ("num", "den", "n", *sample.further, "k")}


def _merged(sample: Sample, sums: Iterable[str]) -> str:
    """The SQL of the sums of clusters that share a row, as they have the same terms (`group by all`)."""
    added = {name: f"sum({name})" for name in sums if not name.startswith((*sample.terms,))}
    counts = {name: f"{sql}::bigint" for name, sql in added.items() if sample.has_integers or name[0] in "nk"}
    return _named({name: (added | counts).get(name, name) for name in sums})


def _named(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{sql} as {name}" for name, sql in columns.items())


def _moments(con: duckdb.DuckDBPyConnection, samples: dict[int, Sample], by: list[Segmentation]) -> pd.DataFrame:
    """Sums over the clusters of each window, breakdown and level, then of their residuals: centred first, squared after.

    One query for all segmentations, since on few rows its planning is what costs; `seg` is the place in `by`. Clusters
    with the same `num` and `den` share a row before anything else is done with them: most metrics have few such pairs.
    """
    compared, totals = _sum_by_cluster(con, samples, by)
    levels = ",".join(
        f"""level_{seg} as materialized (
            select sample, win, breakdown, {_level(by, seg)} as level, num, den, sum(n) as n, sum(w) as w, sum(w2) as w2,
                sum(magnitude) as magnitude, sum(k)::bigint as k
            from totals {f"where win < {len(COMPARED)}" if segmentation.name else ""} group by all)"""
        for seg, segmentation in enumerate(by)
    )
    leveled = " union all ".join(f"select {seg}::utinyint as seg, * from level_{seg}" for seg, _ in enumerate(by))
    both = any(sample.compared for sample in samples.values())
    cubed = any("s3" in sample.needs for sample in samples.values())
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
        {_shared(by, compared) if both else ""}
        select seg, sample, win, breakdown, level, num::double as num, den::double as den, n::double as n,
            clusters::double as clusters, w::double as w, w2::double as w2, magnitude::double as magnitude, ss, s3,
            {"coalesce(shared, 0)" if both else "0.0::double"} as shared
        from whole join squares using (seg, sample, win, breakdown, level)
            {"left join shared using (seg, sample, breakdown, level)" if both else ""}
        order by seg, sample, win, breakdown, level""").df()
    frame["segment"] = [by[seg].name for seg in frame.pop("seg")]
    frame["win"] = [
        samples[sample].evidence.periods[win] for sample, win in zip(frame["sample"], frame["win"], strict=True)
    ]
    return frame


def _shared(by: list[Segmentation], compared: str) -> str:
    """The SQL of `shared`: the sum of both windows' residuals' product over the customers seen in both.

    They are centred once for all segmentations, on a ratio near to those of the levels, r0; a level's own
    residual is u = v - (r - r0) den, so four sums of products of v and den hold every level's.
    """
    near = ", ".join(
        f"sum(num::double) filter (where win = {place}) / nullif(sum(den::double) filter (where win = {place}), 0) as {win}"
        for place, win in enumerate(COMPARED)
    )
    levels = "".join(f", level_{seg}" for seg, of in enumerate(by) if of.name)
    sums = " union all ".join(
        f"""select {seg}::utinyint as seg, sample, breakdown, {_level(by, seg)} as level, fsum(va * vb * k) as vv,
                fsum(va * db * k) as vd, fsum(da * vb * k) as dv, fsum(da * db * k) as dd
            from pairs group by all"""
        for seg, _ in enumerate(by)
    )
    return f""",
        near as materialized (select sample, breakdown, {near} from whole where seg = 0 group by all),
        pairs as materialized (
            select sample, breakdown {levels}, k_0 as k,
                num_0::double - near.current * den_0 as va, den_0::double as da,
                num_1::double - near.comparison * den_1 as vb, den_1::double as db
            from ({compared}) join near using (sample, breakdown) where n_0 > 0 and n_1 > 0),
        sums as ({sums}),
        shared as (
            select seg, sample, breakdown, level, vv - (b.r - near.comparison) * vd - (a.r - near.current) * dv
                + (a.r - near.current) * (b.r - near.comparison) * dd as shared
            from sums join (from whole where win = 0) a using (seg, sample, breakdown, level)
                join (from whole where win = 1) b using (seg, sample, breakdown, level) join near using (sample, breakdown))"""


def _level(by: list[Segmentation], seg: int) -> str:
    """The SQL of the level in a segmentation, by its place; the whole's is empty."""
    return f"level_{seg}" if by[seg].name else "''"
