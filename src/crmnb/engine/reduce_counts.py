"""Tally: evidence becomes counts of alike rows, for what no few sums can tell: curves, medians, fitted models."""

from collections.abc import Iterator

import duckdb
import numpy as np

from crmnb.engine.evidence import COMPARED, WHOLE, Evidence, Segmentation
from crmnb.schema.tables import UNKNOWN
from crmnb.stats.estimation import LEVEL_OF, Group

_KEYS = ("cluster", "customer_id")  # of what repeats: the first that is there
_GROUPED = "group by all having count(*) > 0"  # by constants alone there would be a group of no rows


def reduce_counts(
    con: duckdb.DuckDBPyConnection,
    evidence: dict[str, Evidence],
    segmentations: list[Segmentation],
    sums: tuple[str, ...] = (),
    folds: int = 0,
    joint: bool = False,
) -> list[Group]:
    """The groups of each window, breakdown and (where the window is compared) level of a segmentation, in order.

    sums: the columns that are summed; rows are alike that agree in all others but the customer. folds: into how many groups
    customers (or `cluster`) are dealt by the hash of their key, evenly; each is then a group of its own where they are fewer.
    Rows without one are dealt by the hash of what they hold. joint: counts also carry their customers' level in every segmentation
    of customers, in columns `of <name>`, so that one segmentation can be told from another that goes along with it.
    """
    groups = []
    for win, each in evidence.items():
        by = [WHOLE, *segmentations] if win in COMPARED else [WHOLE]
        con.execute(f"create or replace temp table listed as {listed(each, by)}")
        con.execute(f"create or replace temp table tallied as {_tallied(each, by, sums, folds)}")
        con.execute(f"create or replace temp table people as {_people(each, by)}")
        for seg, _ in enumerate(by):
            once = not any(segmentation.own for segmentation in by) and not {*_KEYS} <= {*each.types}
            columns = _columns(each, sums) + ["fold"] * bool(folds)
            groups += _groups(con, win, seg, by, columns, sums, once, _joint(by) if joint else {})
    for table in ("listed", "tallied", "people", "places"):
        con.execute(f"drop table if exists {table}")
    return groups


def _joint(by: list[Segmentation]) -> dict[str, str]:
    """The columns of the customers' level in each segmentation of customers, by the tally's own name of it."""
    return {f"level_{seg}": f"{LEVEL_OF}{each.name}" for seg, each in enumerate(by) if each.levels}


def listed(evidence: Evidence, by: list[Segmentation]) -> str:
    """The SQL of the evidence's rows in its period, once worked out, with the levels of their own."""
    own = "".join(f", {each.own} as level_{seg}" for seg, each in enumerate(by) if each.own)
    period = evidence.period
    inside = (
        f"where {evidence.time} >= timestamp '{period.start}' and {evidence.time} < timestamp '{period.end}'"
        if period
        else ""
    )
    return f"select * {own} from ({evidence.sql}) {inside}"


def _tallied(evidence: Evidence, by: list[Segmentation], sums: tuple[str, ...], folds: int) -> str:
    """The SQL of the counts by breakdown, columns, fold and levels of all segmentations."""
    columns, key = _columns(evidence, sums), _key(evidence)
    picked = _picked(columns, "e.") + "".join(f', sum(e."{name}") as "{name}"' for name in sums)
    if not folds:
        return (
            f"select {_component(evidence)} as breakdown {picked} {_levels(by)}, count(*) as n {_from(by)} {_GROUPED}"
        )
    alone = f"hash({_component(evidence)} {_picked(columns, 'e.')}) % {int(folds)}"
    fold = f"coalesce(fold, {alone})::bigint" if key else f"({alone})::bigint"
    numbers = (
        key and evidence.types[key] != "VARCHAR"
    )  # in the order of the hash already, or the hash (crmnb.engine.integer_keys)
    dealt = f"""
        with dealt as (
            select key, (row_number() over (order by {"abs(key), key" if numbers else "hash(key), key"}) - 1) % {int(folds)} as fold
            from (select distinct {key} as key from listed where {key} is not null))"""
    return f"""
        {dealt if key else ""}
        select {_component(evidence)} as breakdown, {fold} as fold {picked} {_levels(by)}, count(*) as n
        {_from(by)} {f"left join dealt on dealt.key = e.{key}" if key else ""} {_GROUPED}"""


def _people(evidence: Evidence, by: list[Segmentation]) -> str:
    """The SQL of who stands behind the rows: key and levels once each, and how many rows name nobody, each its own."""
    key = _key(evidence)
    keys = [name for name in _KEYS if name in evidence.types]
    own = [f"level_{seg}" for seg, each in enumerate(by) if each.own]
    return f"""
        with who as (
            select {", ".join([f"{_component(evidence)} as breakdown", *keys, *own])}, count(*) as n from listed e {_GROUPED})
        select e.breakdown, {f"e.{key}" if key else "null"} as key {_levels(by)}, e.n {_from(by, "who")}"""


def _component(evidence: Evidence) -> str:
    return "e.breakdown::varchar" if "breakdown" in evidence.types else "''"


def _from(by: list[Segmentation], rows: str = "listed") -> str:
    joins = (f"left join {each.levels} on {each.levels}.cluster = e.customer_id" for each in by if each.levels)
    return f"from {rows} e {' '.join(joins)}"


def _levels(by: list[Segmentation]) -> str:
    """The SQL of the levels, by their segmentation's place in `by`."""
    return "".join(
        f", coalesce({f'{each.levels}.level' if each.levels else f'e.level_{seg}'}, '{UNKNOWN}') as level_{seg}"
        for seg, each in enumerate(by)
        if each.name
    )


def _key(evidence: Evidence) -> str:
    """The column of what repeats: `cluster`, else the customer; "" where neither is there."""
    return next((name for name in _KEYS if name in evidence.types), "")


def _columns(evidence: Evidence, sums: tuple[str, ...]) -> list[str]:
    return [name for name in evidence.types if name not in (*_KEYS, "breakdown", *sums)]


def _picked(columns: list[str], of: str = "") -> str:
    return "".join(f', {of}"{name}"' for name in columns)


def _groups(
    con: duckdb.DuckDBPyConnection,
    win: str,
    seg: int,
    by: list[Segmentation],
    columns: list[str],
    sums: tuple[str, ...],
    once: bool,
    joint: dict[str, str],
) -> Iterator[Group]:
    """The groups of a window by the segmentation at the place `seg`; once: nobody is among the people twice."""
    level = f"level_{seg}" if by[seg].name else "''"
    con.execute(f"""
        create or replace temp table places as
        select breakdown, {level} as level, (row_number() over (order by breakdown, {level}) - 1)::integer as place,
            coalesce(sum(n) filter (where key is null), 0) + count({"" if once else "distinct"} key) as customers
        from people group by breakdown, {level}""")
    asked = {*joint, *([f"level_{seg}"] if by[seg].name else [])}
    alike = len(by) - 1 > len(asked)  # in several rows, which differ in levels that are not asked for
    total = "sum({})".format if alike else "{}".format
    summed = {name: total(f'"{name}"') for name in sums}
    picked = _picked(columns) + "".join(f', {own} as "{name}"' for own, name in joint.items())
    picked += "".join(f', {sql}::double as "{name}"' for name, sql in summed.items())
    counts = con.execute(f"""
        select place {picked}, {total("n")}::double as n
        from (select *, {level} as level from tallied) join places using (breakdown, level)
        {"group by all" if alike else ""} order by all""").df()
    told = con.execute("select breakdown, level, customers from places order by place").fetchall()
    edges = np.searchsorted(counts.pop("place"), range(len(told) + 1))
    for (breakdown, name, customers), first, last in zip(told, edges[:-1], edges[1:], strict=True):
        yield Group(win, breakdown, by[seg].name, name, counts[first:last].reset_index(drop=True), float(customers))
