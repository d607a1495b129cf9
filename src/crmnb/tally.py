"""Tally: evidence becomes counts of alike rows, for what no few sums can tell: curves, medians, fitted models."""

from collections.abc import Iterator

import duckdb

from crmnb.evidence import COMPARED, WHOLE, Evidence, Segmentation
from crmnb.inference import Group
from crmnb.tables import UNKNOWN

_NOT_GROUPED_BY = ("customer_id", "cluster", "component")

# What the key of a row without a customer begins with, and what every client's key begins after.
_ALONE, _KEYS_FROM = "chr(0)", "chr(1)"


def reduce_counts(
    con: duckdb.DuckDBPyConnection,
    evidence: dict[str, Evidence],
    segmentations: list[Segmentation],
    sums: tuple[str, ...] = (),
    folds: int = 0,
) -> list[Group]:
    """The groups of each window, component and (where the window is compared) level of a segmentation, in order.

    sums: the columns that are summed; rows are alike that agree in all others but the customer. folds: into how many groups
    customers (or `cluster`) are dealt by the hash of their key, evenly; each is then a group of its own where they are fewer.
    """
    groups = []
    for win, each in evidence.items():
        by = [WHOLE, *segmentations] if win in COMPARED else [WHOLE]
        con.execute(f"create or replace temp table tallied as {_tallied(each, by, sums, folds)}")
        for seg, segmentation in enumerate(by):
            groups += _groups(con, win, seg, segmentation, each, sums, folds)
    con.execute("drop table if exists tallied")
    return groups


def _tallied(evidence: Evidence, by: list[Segmentation], sums: tuple[str, ...], folds: int) -> str:
    """The SQL of the counts by component, columns, key of the customer and levels of all segmentations.

    The key stays in it, so that customers can be counted in every level.
    """
    columns = _columns(evidence, sums)
    levels = "".join(
        f", coalesce({f'{each.levels}.level' if each.levels else f'e.level_{seg}'}, '{UNKNOWN}') as level_{seg}"
        for seg, each in enumerate(by)
        if each.name
    )
    own = "".join(f", {each.own} as level_{seg}" for seg, each in enumerate(by) if each.own)
    joins = " ".join(f"left join {each.levels} on {each.levels}.cluster = e.customer_id" for each in by if each.levels)
    picked = _listed(columns, "e.") + "".join(f', sum(e."{name}") as "{name}"' for name in sums)
    component = "component::varchar" if "component" in evidence.types else "''"
    deal = f"""
        , dealt as (
            select key, (row_number() over (order by hash(key), key) - 1) % {int(folds)} as fold
            from (select distinct key from rows))"""
    return f"""
        with rows as (select *, {component} as part, {_key(evidence, columns)} as key {own} from ({_inside(evidence)}))
        {deal if folds else ""}
        select e.part as component, e.key as key {", fold" if folds else ""} {picked} {levels}, count(*) as n
        from rows e {"join dealt using (key)" if folds else ""} {joins} group by all"""


def _inside(evidence: Evidence) -> str:
    """The SQL of the evidence's rows in its period."""
    if not evidence.period:
        return evidence.sql
    time, period = evidence.time, evidence.period
    return f"select * from ({evidence.sql}) where {time} >= timestamp '{period.start}' and {time} < timestamp '{period.end}'"


def _key(evidence: Evidence, columns: list[str]) -> str:
    """The SQL of what repeats: `cluster`, else the customer; a row without one is its own (with those alike, if there are)."""
    alone = f"{_ALONE} || concat_ws(' ', ''{_listed(columns)})"
    known = [name for name in ("cluster", "customer_id") if name in evidence.types][:1]
    return f"coalesce({known[0]}, {alone})" if known else alone


def _columns(evidence: Evidence, sums: tuple[str, ...]) -> list[str]:
    return [name for name in evidence.types if name not in (*_NOT_GROUPED_BY, *sums)]


def _listed(columns: list[str], of: str = "") -> str:
    return "".join(f', {of}"{name}"' for name in columns)


def _groups(
    con: duckdb.DuckDBPyConnection,
    win: str,
    seg: int,
    by: Segmentation,
    evidence: Evidence,
    sums: tuple[str, ...],
    folds: int,
) -> Iterator[Group]:
    level = f"level_{seg}" if by.name else "''"
    columns = _columns(evidence, sums) + (["fold"] if folds else [])
    picked = _listed(columns) + "".join(f', sum("{name}")::double as "{name}"' for name in sums)
    counts = con.execute(f"""
        select component, {level} as level {picked}, sum(n)::double as n from tallied group by all order by all""").df()
    told = con.execute(f"""
        select component, {level} as level,
            coalesce(sum(n) filter (where key < {_KEYS_FROM}), 0) + count(distinct key) filter (where key >= {_KEYS_FROM})
        from tallied group by all""").fetchall()
    customers = {(component, name): float(many) for component, name, many in told}
    for (component, name), rows in counts.groupby(["component", "level"], sort=True):
        own = rows.drop(columns=["component", "level"]).reset_index(drop=True)
        yield Group(win, component, by.name, name, own, customers[component, name])
