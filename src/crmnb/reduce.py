"""Reduce: evidence becomes sufficient statistics inside the engine; only these small tables reach pandas."""

from dataclasses import dataclass

import duckdb
import narwhals.stable.v2 as nw
import pandas as pd

from crmnb.period import Period
from crmnb.tables import UNKNOWN

COMPARED = ("now", "before")  # the windows that are broken down by segment; the others are parts of a trend


@dataclass(frozen=True)
class Segmentation:
    """How rows are broken down: by a table (cluster, level) of customers' `levels`, or by evidence's `own` column (SQL)."""

    name: str
    levels: str = ""
    own: str = ""

    @property
    def level(self) -> str:
        """The SQL of the level, beside a join of `levels` where there are any."""
        return f"coalesce({self.levels + '.level' if self.levels else self.own}, '{UNKNOWN}')" if self.name else "''"

    @property
    def join(self) -> str:
        """The SQL that brings the levels of customers."""
        return f"left join {self.levels} using (cluster)" if self.levels else ""


WHOLE = Segmentation("")


# What the cluster of a row without a customer begins with, and what every key begins after: the intake lets no such
# character into a key. Rows without a customer are clusters of one; those that are alike share a row, which stands for
# `k` clusters and has the `num` and `den` of one of them (its `n`, `w` and `w2` are those of all).
_ALONE, _KEYS_FROM = "chr(0)", "chr(1)"


@dataclass(frozen=True)
class Evidence:
    """A metric's evidence in one window, as the engine sees it: its SQL, and the type of each of its columns."""

    sql: str
    types: dict[str, str]

    @classmethod
    def of(cls, frame: nw.LazyFrame) -> "Evidence":
        """The evidence in a frame that a metric gave."""
        rows = frame.to_native()
        return cls(rows.sql_query(), dict(zip(rows.columns, map(str, rows.types), strict=True)))

    def part(self, time: str, period: Period) -> "Evidence":
        """Those of its rows whose `time` lies in the period."""
        inside = f"{time} >= timestamp '{period.start}' and {time} < timestamp '{period.end}'"
        return Evidence(f"select * from ({self.sql}) where {inside}", self.types)


def reduce_moments(
    con: duckdb.DuckDBPyConnection,
    evidence: dict[str, Evidence],
    segmentations: list[Segmentation],
    *,
    one_row_each: bool,
    needs: frozenset[str] = frozenset({"magnitude", "s3"}),
) -> pd.DataFrame:
    """Sufficient statistics of evidence per window and component, and per level where the window is compared.

    evidence: by window ("now", "before", parts). one_row_each: it has one row per customer, so nothing is to be summed by
    customer first. needs: of the sums that few estimators read, those to be taken; the others are 0. Columns: win,
    component, segment, level, those that `crmnb.estimate` reads, and `shared`: the sum of u(now) u(before) over the
    customers seen in both.
    """
    found = []
    customers = [s for s in segmentations if s.levels]
    for slot, windows in _slots(evidence).items():
        _sum_by_cluster(con, windows, f"totals_{slot}", "", one_row_each, needs)
        broken_down = [WHOLE, *(customers if slot in COMPARED else [])]
        found += [_moments(con, f"totals_{slot}", each, list(windows), needs) for each in broken_down]
    found = _with_shared(con, pd.concat(found, ignore_index=True), [WHOLE, *customers])
    for each in (s for s in segmentations if s.own):
        broken = []
        for win in (win for win in COMPARED if win in evidence):
            _sum_by_cluster(con, {win: evidence[win]}, f"totals_{win}", each.own, False, needs)
            broken.append(_moments(con, f"totals_{win}", each, [win], needs))
        broken = _with_shared(con, pd.concat(broken, ignore_index=True), [each]) if broken else found.iloc[:0]
        found = pd.concat([found, broken], ignore_index=True)
    return found.drop(columns="r")


def _slots(evidence: dict[str, Evidence]) -> dict[str, dict[str, Evidence]]:
    """The windows that are worked on together: each compared one by itself, the parts as one."""
    slots = {win: {win: evidence[win]} for win in COMPARED if win in evidence}
    parts = {win: frame for win, frame in evidence.items() if win not in COMPARED}
    return slots | ({"part": parts} if parts else {})


def _sum_by_cluster(
    con: duckdb.DuckDBPyConnection,
    windows: dict[str, Evidence],
    table: str,
    level: str,
    one_row_each: bool,
    needs: frozenset[str],
) -> None:
    """Evidence summed by component, level (SQL; "" for none) and cluster, window by window, as a temporary view `table`.

    `win` is the window's place in `windows`. What is the same in every row is in the view, not in the table behind it.
    """
    has = next(iter(windows.values())).types
    num, den = "value" if "value" in has else "num", "den" if "den" in has else "1"
    types = {"num": has[num], "den": has.get("den", "INTEGER")}
    weighted = "weight" in has
    alone = f"{_ALONE} || concat_ws(' ', {num}, {den}{', weight' if weighted else ''})"
    cluster = f"coalesce(customer_id, {alone})" if "customer_id" in has else alone
    keys = {"component": "component::varchar"} if "component" in has else {}
    keys |= {"level": level} if level else {}
    picked = ", ".join(
        f"{sql} as {name}" for name, sql in ({"cluster": cluster, "num": num, "den": den} | keys).items()
    )
    add = (lambda what, _="": what) if one_row_each else _of_cluster
    total = "{}".format if one_row_each else "sum({})".format
    sums = {"n": "1::utinyint" if one_row_each else "count(*)::uinteger"}
    if weighted:
        sums |= {name: add(f"{name} * weight") for name in types}
        sums |= {"w": total("weight"), "w2": total("weight * weight")}
    else:
        sums |= {name: add(name, type_) for name, type_ in types.items()}
    if "magnitude" in needs:
        sums["magnitude"] = total("abs(num) * weight" if weighted else "abs(num)")
    kept = ", ".join([*keys, "cluster", *(f"{sql} as {name}" for name, sql in sums.items())])
    parts = (
        f"""select {win}::utinyint as win, {kept}
            from (select {picked} {", weight" if weighted else ""} from ({each.sql})
                {"where weight > 0" if weighted else ""})
            {"" if one_row_each else "group by " + ", ".join([*keys, "cluster"])}"""
        for win, each in enumerate(windows.values())
    )
    con.execute(f"create or replace temp table {table}_kept as {' union all '.join(parts)}")
    same = {} if weighted else {"w": "n", "w2": "n"}
    same |= {name: "''" for name in ("component", "level") if name not in keys}
    same |= {} if "magnitude" in needs else {"magnitude": "0"}
    same["k"] = "1" if one_row_each else f"case when cluster < {_KEYS_FROM} then n else 1 end"
    told = ", ".join(f"{sql} as {name}" for name, sql in same.items())
    con.execute(f"create or replace temp view {table} as select *, {told} from {table}_kept")


def _of_cluster(what: str, type_: str = "") -> str:
    """What a cluster brings: the sum of its rows; where alike rows without a customer share a row, that of one of them."""
    if type_ in ("TINYINT", "SMALLINT", "INTEGER", "BIGINT"):  # 8 bytes are enough, where the engine would take 16
        return f"(case when cluster < {_KEYS_FROM} then sum({what}) // count(*) else sum({what}) end)::bigint"
    return f"case when cluster < {_KEYS_FROM} then any_value({what}) else sum({what}) end"


def _moments(
    con: duckdb.DuckDBPyConnection, table: str, by: Segmentation, windows: list[str], needs: frozenset[str]
) -> pd.DataFrame:
    """Sums over the clusters of each window, component and level, then of their residuals: centred first, squared after."""
    frame = con.sql(f"""
        with leveled as {"materialized" if by.levels else "not materialized"} (
            select win, component, {_level_of(by)} as level, num, den, n, w, w2, magnitude, k from {table} t {by.join}),
        whole as materialized (
            select win, component, level, sum(num * k) as num, sum(den * k) as den, sum(n) as n, sum(k) as clusters,
                sum(w) as w, sum(w2) as w2, sum(magnitude) as magnitude,
                sum(num * k) / nullif(sum(den * k), 0)::double as r
            from leveled group by all),
        residuals as not materialized (
            select win, component, level, k, t.num::double - r * t.den as u
            from leveled t join whole using (win, component, level)),
        squares as (
            select win, component, level, fsum(u * u * k) as ss,
                {"fsum(u * u * u * k)" if "s3" in needs else "0.0"} as s3
            from residuals group by all)
        select win, component, level, num::double as num, den::double as den, n::double as n,
            clusters::double as clusters, w::double as w, w2::double as w2, magnitude::double as magnitude, r, ss, s3
        from whole join squares using (win, component, level) order by all""").df()
    return frame.assign(segment=by.name, win=[windows[win] for win in frame["win"]])


def _with_shared(con: duckdb.DuckDBPyConnection, found: pd.DataFrame, by: list[Segmentation]) -> pd.DataFrame:
    """The moments with `shared`: the sum of both windows' residuals' product over the customers seen in both.

    The pairs are joined once for all segmentations, centred on a ratio near to those of the levels, r0; a level's own
    residual is u = v - (r - r0) den, so four sums of products of v and den hold every level's.
    """
    keys = ["component", "segment", "level"]
    if not {*COMPARED} <= {*found["win"]}:
        return found.assign(shared=0.0)
    ratios = (
        found.pivot_table(index=keys, columns="win", values="r").reindex(columns=[*COMPARED]).dropna().reset_index()
    )
    if ratios.empty:
        return found.assign(shared=0.0)
    near = ratios.groupby("component", as_index=False)[[*COMPARED]].first()
    con.register("near", near)
    own = any(each.own for each in by)
    con.execute(f"""
        create or replace temp table pairs as
        select component, {"a.level" if own else "''"} as level, cluster,
            a.num::double - near.now * a.den as va, a.den::double as da,
            b.num::double - near.before * b.den as vb, b.den::double as db
        from totals_now a join totals_before b using (component, cluster) join near using (component)
        where cluster >= {_KEYS_FROM} {"and a.level is not distinct from b.level" if own else ""}""")
    con.unregister("near")
    sums = [
        con.sql(f"""
            select component, {_level_of(each)} as level, fsum(va * vb) as vv, fsum(va * db) as vd, fsum(da * vb) as dv,
                fsum(da * db) as dd
            from pairs t {each.join} group by all""")
        .df()
        .assign(segment=each.name)
        for each in by
    ]
    told = ratios.merge(near, on="component", suffixes=("", "_near")).merge(pd.concat(sums), on=keys)
    a, b = told["now"] - told["now_near"], told["before"] - told["before_near"]
    told["shared"] = told["vv"] - b * told["vd"] - a * told["dv"] + a * b * told["dd"]
    found = found.merge(told[[*keys, "shared"]], on=keys, how="left")
    return found.assign(shared=found["shared"].fillna(0.0))


def _level_of(by: Segmentation) -> str:
    """The level in a table of totals: joined, or summed by already."""
    return f"coalesce(t.level, '{UNKNOWN}')" if by.own else by.level


def reduce_bins(
    con: duckdb.DuckDBPyConnection,
    evidence: dict[str, Evidence],
    segmentations: list[Segmentation],
    spans: dict[str, tuple[str, int, int]],
) -> pd.DataFrame:
    """Counts of evidence per window and component (and level, where compared), and how they scatter over equal spans of time.

    spans: window -> (its first instant, days of a bin, bins). Columns: win, component, segment, level, num, den (exposure),
    plain (no exposure is given, so den is 1), n, exposed (rows of exposure: how many the count is out of), bins, binned
    (events in them: days left over at the end are in none), ss (squares of the bins' counts about their mean, empty
    bins among them).
    """
    found = []
    for slot, windows in _slots(evidence).items():
        events = _events(windows, [s for s in segmentations if s.own])
        inside = {win: spans[win] for win in windows}
        found += [_scatter(con, events, each, inside) for each in [WHOLE, *(segmentations if slot in COMPARED else [])]]
    frame = pd.concat(found, ignore_index=True)
    plain = frame["den"].isna()
    exposed = frame["exposed"].mask(plain, frame["n"])
    return frame.assign(plain=plain, den=frame["den"].mask(plain, 1.0), exposed=exposed)


def _events(windows: dict[str, Evidence], own: list[Segmentation]) -> str:
    """The SQL of all windows' evidence: win, component, cluster, num, den, at, and the levels that it carries itself."""
    first = next(iter(windows.values())).types
    cluster = "customer_id" if "customer_id" in first else "null::varchar"
    component = "component::varchar" if "component" in first else "''"
    levels = "".join(f', {each.own} as "{each.name}"' for each in own)
    return " union all ".join(
        f"""select '{win}' as win, {component} as component, {cluster} as cluster, num, den, "at" {levels}
            from ({each.sql})"""
        for win, each in windows.items()
    )


def _scatter(
    con: duckdb.DuckDBPyConnection, events: str, by: Segmentation, spans: dict[str, tuple[str, int, int]]
) -> pd.DataFrame:
    level = f"coalesce(\"{by.name}\", '{UNKNOWN}')" if by.own else by.level
    rows = ", ".join(f"('{win}', timestamp '{start}', {size}, {bins})" for win, (start, size, bins) in spans.items())
    frame = con.sql(f"""
        with spans(win, start, size, bins) as (values {rows}),
        binned as materialized (
            select win, component, {level} as level, bins, sum(num) as num, sum(den) as den, count(*) as rows,
                case when e.at is not null then least(date_diff('day', start, e.at) // size, bins) end as bin
            from ({events}) e join spans using (win) {by.join} group by all),
        whole as (
            select win, component, level, bins, sum(num)::double as num, sum(den)::double as den,
                coalesce(sum(num) filter (where bin < bins), 0)::double as binned,
                count(bin) filter (where bin < bins) as filled,
                coalesce(sum(rows) filter (where bin is null), 0)::double as exposed
            from binned group by all),
        scattered as (
            select win, component, level,
                fsum(case when b.bin < b.bins then (b.num - w.binned / w.bins) ** 2 end) as seen
            from whole w join binned b using (win, component, level) group by all)
        select win, component, level, num, den, num as n, exposed, bins::double as bins, binned,
            coalesce(seen, 0) + (bins - filled) * (binned / bins) ** 2 as ss
        from whole join scattered using (win, component, level) order by all""").df()
    return frame.assign(segment=by.name)
