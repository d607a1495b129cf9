"""Counts: evidence becomes counts of alike rows, for what does not follow from a few sums: curves, medians, fitted models."""

from dataclasses import replace

import duckdb
import numpy as np

from crmnb.engine.evidence import COMPARED, PERIOD, WHOLE, Evidence, Segmentation
from crmnb.schema.tables import UNKNOWN
from crmnb.stats.estimation import LEVEL_OF, GroupedCounts

_KEYS = ("cluster", "customer_id")  # of what repeats: the first that is there
_BITS = 64  # of a number that says in which periods somebody is
_GROUPED = "group by all having count(*) > 0"  # by constants alone there would be a group of no rows


def reduce_counts(
    con: duckdb.DuckDBPyConnection,
    evidence: Evidence,
    segmentations: list[Segmentation],
    sums: tuple[str, ...] = (),
    folds: int = 0,
    joint: bool = False,
    agreeing: tuple[str, ...] = (),
    together: bool = False,
    keeps_rows: bool = False,
) -> list[GroupedCounts]:
    """The groups of each period, breakdown and (where the period is compared) level of a segmentation, in order.

    sums: the columns that are summed; rows are alike that agree in all others but the customer (of `agreeing`, where
    there are any: the others tell levels only), and in their levels. folds: into how many groups
    customers (or `cluster`) are dealt by the hash of their key, evenly; each is then a group of its own where they are fewer.
    Rows without one are dealt by the hash of what they hold. together: a customer is in the same fold in all periods, which
    may then be uneven within one. joint: counts also carry their customers' level in every segmentation
    of customers, in columns `of <name>`, so that the effect of a segmentation can be separated from that of a correlated one.
    keeps_rows: the rows stay in the temporary table `listed`, for `crmnb.engine.paired_periods`.
    """
    by = [WHOLE, *segmentations]
    columns = "*"
    if agreeing:
        counted = {PERIOD, "breakdown", *_KEYS, *sums, *agreeing}
        evidence = replace(evidence, types={name: of for name, of in evidence.types.items() if name in counted})
        columns = ", ".join(f'"{name}"' for name in evidence.types)
    counted_as_read = not (_key(evidence) or folds or keeps_rows)
    list_rows(con, evidence, by, columns, as_view=counted_as_read)
    if _key(evidence):
        con.execute(f"create or replace temp table seen as {_seen(evidence, by)}")
    once = not any(segmentation.own for segmentation in by) and not {*_KEYS} <= {*evidence.types}
    con.execute(f"create or replace temp table places as {_places(evidence, by, once)}")
    con.execute(f"create or replace temp table tallied as {_tallied(evidence, by, sums, folds, together)}")
    if counted_as_read:
        con.execute("drop view listed")
    for table in ("seen", *["listed"] * (not keeps_rows and not counted_as_read)):  # before the counts take memory
        con.execute(f"drop table if exists {table}")
    counts = con.execute(_counts(evidence, by, sums, bool(folds), joint)).df()
    places = con.execute("select seg, period, breakdown, level, customers from places order by place").fetchall()
    for table in ("tallied", "places"):
        con.execute(f"drop table {table}")
    rows = _rows_by_place([counts.pop(f"place_{seg}").to_numpy() for seg, _ in enumerate(by)], len(places))
    groups = []
    for (seg, period, breakdown, level, customers), own in zip(places, rows, strict=True):
        group_counts = counts.take(own).reset_index(drop=True)
        group = GroupedCounts(evidence.periods[period], breakdown, by[seg].name, level, group_counts, float(customers))
        groups.append((period, seg, group))
    return [group for _, _, group in sorted(groups, key=lambda placed: placed[:2])]


def _rows_by_place(place_of_rows: list[np.ndarray], places: int) -> list[np.ndarray]:
    """The rows of each place, in order; place_of_rows: for each segmentation the place of every row, -1 for none."""
    rows: list[np.ndarray] = [np.array([], int)] * places
    for place_of_row in place_of_rows:
        order = np.argsort(place_of_row, kind="stable")
        edges = np.searchsorted(place_of_row[order], range(places + 1))
        for place in np.flatnonzero(np.diff(edges)):
            rows[place] = order[edges[place] : edges[place + 1]]
    return rows


def list_rows(
    con: duckdb.DuckDBPyConnection,
    evidence: Evidence,
    by: list[Segmentation],
    columns: str = "*",
    *,
    as_view: bool = False,
) -> None:
    """Put the evidence's rows, with the levels of their own, into the temporary table `listed` (or view); columns: those that are needed."""
    own = "".join(f", {segmentation.own} as level_{seg}" for seg, segmentation in enumerate(by) if segmentation.own)
    con.execute("drop table if exists listed")
    kind = "view" if as_view else "table"
    con.execute(f"create or replace temp {kind} listed as select {columns} {own} from ({evidence.sql})")


def _tallied(evidence: Evidence, by: list[Segmentation], sums: tuple[str, ...], folds: int, together: bool) -> str:
    """The SQL of the counts by period, breakdown, columns, fold and levels of all segmentations."""
    columns, key = _columns(evidence, sums), _key(evidence)
    picked = _picked(columns, "e.") + "".join(f', {_sum(evidence, name)}(e."{name}") as "{name}"' for name in sums)
    group = f"select e.{PERIOD}, {_component(evidence)} as breakdown"
    if not folds:
        return _by_level(evidence, by, f"{group} {picked}", "count(*) as n", "")
    alone = f"hash({_component(evidence)} {_picked(columns, 'e.')}) % {int(folds)}"
    fold = f"coalesce(fold, {alone})::bigint" if key else f"({alone})::bigint"
    numbers = (
        key and evidence.types[key] != "VARCHAR"
    )  # in the order of the hash already, or the hash (crmnb.engine.integer_keys)
    order = "abs(key), key" if numbers else "hash(key), key"
    period, partition = ("", "") if together else (f"{PERIOD}, ", f"partition by {PERIOD}")
    masks = "".join(f", bit_or({mask}) as {mask}" for mask in _masks(evidence))
    everybody = f"select {key} as key {masks} from seen group by {key}"
    dealt = f"""
        with everybody as ({everybody}), dealt as materialized (
            select {period} key, (row_number() over ({partition} order by {order}) - 1) % {int(folds)} as fold
            from {"everybody" if together else f"({_in_periods(evidence, 'everybody')})"})"""
    same = "" if together else f"dealt.{PERIOD} = e.{PERIOD} and "
    joined = f"left join dealt on {same} dealt.key = e.{key}" if key else ""
    counts = _by_level(evidence, by, f"{group}, {fold} as fold {picked}", "count(*) as n", joined)
    return f"{dealt if key else ''} {counts}"


def _by_level(
    evidence: Evidence, by: list[Segmentation], picked: str, n: str, joined: str, rows: str = "listed"
) -> str:
    """The SQL of groups of rows by what is picked and their levels; parts of a trend have no level but the whole's."""
    group = _GROUPED if rows == "listed" else ""
    leveled = f"{picked} {_levels(by)}, {n} {_from(by, rows)} {joined}"
    if not evidence.parts or len(by) == 1:
        return f"{leveled} {group}"
    none = "".join(f", '' as level_{seg}" for seg, segmentation in enumerate(by) if segmentation.name)
    compared = f"{leveled} where e.{PERIOD} < {len(COMPARED)} {group}"
    return f"{compared} union all {picked} {none}, {n} from {rows} e {joined} where e.{evidence.parts} {group}"


def _masks(evidence: Evidence) -> list[str]:
    """The columns of `seen` that say in which periods somebody is, a bit for each."""
    return [f"in_{number}" for number in range(max(evidence.periods, default=0) // _BITS + 1)]


def _seen(evidence: Evidence, by: list[Segmentation]) -> str:
    """The SQL of who stands behind the rows: component, keys and levels of their own once each, with the periods in which they are so (`_masks`)."""
    keys = [f'e."{name}"' for name in _KEYS if name in evidence.types]
    keys += [f"e.level_{seg}" for seg, segmentation in enumerate(by) if segmentation.own]
    keys += ["e.breakdown"] * ("breakdown" in evidence.types)
    masks = ", ".join(
        f"bit_or(case when e.{PERIOD} // {_BITS} = {number} then 1::ubigint << (e.{PERIOD} % {_BITS})::ubigint else 0::ubigint end) as {mask}"
        for number, mask in enumerate(_masks(evidence))
    )
    return f"select {', '.join(keys)}, {masks} from listed e where e.{_key(evidence)} is not null group by {', '.join(keys)}"


def _in_periods(evidence: Evidence, table: str) -> str:
    """The SQL of the rows of a table with `_masks`, once in each of their periods."""
    periods = ", ".join(f"({place}::utinyint)" for place in evidence.periods)
    masks = ", ".join(_masks(evidence))
    is_in = " or ".join(
        f"({PERIOD} // {_BITS} = {number} and ({mask} >> ({PERIOD} % {_BITS})::ubigint) & 1 = 1)"
        for number, mask in enumerate(_masks(evidence))
    )
    return f"select * exclude ({masks}) from {table} join (values {periods}) of_periods({PERIOD}) on {is_in}"


def _people(evidence: Evidence, by: list[Segmentation]) -> str:
    """The SQL of who stands behind the rows: key and levels once each, and how many rows name nobody, each its own."""
    key = _key(evidence)
    keys = [f'e."{name}"' for name in _KEYS if name in evidence.types]
    own = [f"e.level_{seg}" for seg, segmentation in enumerate(by) if segmentation.own]
    columns = ", ".join([f"e.{PERIOD}", f"{_component(evidence)} as breakdown", *keys, *own])
    nobody = f"select {columns}, count(*) as n from listed e {f'where e.{key} is null' if key else ''} {_GROUPED}"
    known = f"select {columns}, 1 as n from ({_in_periods(evidence, 'seen')}) e union all" if key else ""
    picked = f"select e.{PERIOD}, e.breakdown, {f'e.{key}' if key else 'null'} as key"
    return f"""
        with who as ({known} {nobody})
        {_by_level(evidence, by, picked, "e.n", "", "who")}"""


def _component(evidence: Evidence) -> str:
    return "e.breakdown::varchar" if "breakdown" in evidence.types else "''"


def _from(by: list[Segmentation], rows: str = "listed") -> str:
    joins = (segmentation.join("e.customer_id", segmentation.levels) for segmentation in by if segmentation.levels)
    return f"from {rows} e {' '.join(joins)}"


def _levels(by: list[Segmentation]) -> str:
    """The SQL of the levels, by their segmentation's place in `by`."""
    own = {seg: f"coalesce(e.level_{seg}, '{UNKNOWN}')" for seg, _ in enumerate(by)}
    return "".join(
        f", {of.level(of.levels) if of.levels else own[seg]} as level_{seg}" for seg, of in enumerate(by) if of.name
    )


def _key(evidence: Evidence) -> str:
    """The column of what repeats: `cluster`, else the customer; "" where neither is there."""
    return next((name for name in _KEYS if name in evidence.types), "")


def _columns(evidence: Evidence, sums: tuple[str, ...]) -> list[str]:
    return [name for name in evidence.columns if name not in (*_KEYS, "breakdown", *sums)]


def _sum(evidence: Evidence, column: str) -> str:
    """The engine's sum of a column: of floats one that is the same in any order, as fits that follow are sensitive."""
    return "fsum" if evidence.types[column] in ("DOUBLE", "FLOAT") else "sum"


def _picked(columns: list[str], of: str = "") -> str:
    return "".join(f', {of}"{name}"' for name in columns)


def _by_segmentation(evidence: Evidence, by: list[Segmentation], table: str) -> str:
    """The SQL of a table's rows once for each segmentation, with its place in `by` (`seg`) and the rows' level in it (`level`)."""
    levels = [f"level_{seg}" if segmentation.name else "''" for seg, segmentation in enumerate(by)]
    compared = f"where {PERIOD} < {len(COMPARED)}" if evidence.parts else ""
    return " union all ".join(
        f"select {seg}::utinyint as seg, {level} as level, * from {table} {compared if by[seg].name else ''}"
        for seg, level in enumerate(levels)
    )


def _places(evidence: Evidence, by: list[Segmentation], once: bool) -> str:
    """The SQL of the groups of all segmentations, numbered in order (`place`), with their customers; once: nobody is in a period twice."""
    return f"""
        with people as ({_people(evidence, by)}), cells as ({_by_segmentation(evidence, by, "people")})
        select seg, {PERIOD} as period, breakdown, level,
            (row_number() over (order by seg, {PERIOD}, breakdown, level) - 1)::integer as place,
            coalesce(sum(n) filter (where key is null), 0) + count({"" if once else "distinct"} key) as customers
        from cells group by seg, {PERIOD}, breakdown, level"""


def _counts(evidence: Evidence, by: list[Segmentation], sums: tuple[str, ...], has_folds: bool, joint: bool) -> str:
    """The SQL of the counts in order, each with its place in each segmentation; -1 in one that its period is not broken down by."""
    columns = _columns(evidence, sums) + ["fold"] * has_folds
    picked = _picked(columns, "t.") + "".join(f', t."{name}"::double as "{name}"' for name in sums)
    if joint:
        picked += "".join(
            f', level_{seg}::varchar as "{LEVEL_OF}{segmentation.name}"'
            for seg, segmentation in enumerate(by)
            if segmentation.levels
        )
    places = ", ".join(f"coalesce(p{seg}.place, -1) as place_{seg}" for seg, _ in enumerate(by))
    joins = " ".join(
        f"""left join places p{seg} on p{seg}.seg = {seg} and p{seg}.period = t.{PERIOD} and p{seg}.breakdown = t.breakdown
            and p{seg}.level = {f"t.level_{seg}" if segmentation.name else "''"}"""
        for seg, segmentation in enumerate(by)
    )
    return f"""
        select {picked.removeprefix(", ")}{", " if picked else ""}t.n::double as n, {places}
        from tallied t {joins} order by all"""
