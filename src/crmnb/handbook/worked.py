"""Worked example: the rows of a small client behind a metric's figure, those that count and those that do not, with the reasons."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from crmnb.core.period import Period
from crmnb.engine.session import Tables
from crmnb.handbook.reasons import not_among, omission_words
from crmnb.handbook.rejected import RejectedRow
from crmnb.handbook.trace import Trace
from crmnb.metrics.definition import Metric
from crmnb.report.text.cells import cell_words, column_words
from crmnb.report.text.values import breakdown_name
from crmnb.schema.tables import TABLES

MOST_ROWS = 30  # of a table on a page
_MOST_OMITTED = 16
_MONTHS = 12_000  # months since the year 0 are more, months of a year fewer
_ALIKE = 3  # rows left out for the same reason that are listed before the others are only counted
_MOST_COLUMNS = 9  # of the client's table
_TECHNICAL = {
    *(
        "period_id",
        "period_start",
        "period_end",
        "observed_end",
        "at",
        "sheet",
        "squares",
        "units",
        "fold",
        "unit",
        "yy",
    ),
    *("costs_from", "costs_to", "left_out", "day", "against", "known", "missing"),
}
_WORDS = {
    "num": "adds to the numerator",
    "den": "adds to the denominator",
    "met": "meets the condition",
    "size": "of",
    "event": "ended (1) or not yet (0)",
    "entry": "seen from",
    "duration": "seen for",
    "quantity": "value",
    "y": "value",
    "x": "answer",
}
_ADDED = ("num", "den")
_FIGURES = (*_ADDED, "value", "quantity", "breakdown", "duration", "event", "met", "size", "weight", "amount")
_MOST_SHOWN = 8  # columns, before helpers are left out
_OF_MODELS = {
    "x": "repeat purchases",
    "t_x": "days from the first to the last purchase",
    "T": "days from the first purchase to the end",
}


@dataclass(frozen=True)
class RowTable:
    """Rows as text: the heads of the columns, the places of those that hold numbers, and the cells of each row."""

    heads: tuple[str, ...]
    numeric: tuple[int, ...]
    rows: tuple[tuple[str, ...], ...]
    further: int = 0  # rows that are not listed


@dataclass(frozen=True)
class Worked:
    """The rows behind a figure.

    of: what a row is, in words, "" where it is several things together. counted: the rows that count, with what each adds. omitted: the rows of the same table that do not count, the
    reason in the last column; None where every row counts, or it is not rows of a table that are counted.
    """

    of: str
    counted: RowTable
    omitted: RowTable | None


def worked(
    trace: Trace,
    tables: Tables,
    period: Period,
    rejected: dict[str, tuple[RejectedRow, ...]],
    breakdowns: frozenset[str] = frozenset(),
) -> Worked:
    """The worked example of a metric that was traced on these tables.

    breakdowns: those that have a figure, where the nameless one is among them; rows of another are noted beside it, and do not count.
    """
    keys = {name: TABLES[name].key[0] for name in trace.arrivals if TABLES[name].key[0] != "customer_id"}
    with_rows = [name for name, key in keys.items() if key in trace.evidence]
    if not with_rows and not _is_by_customer(trace):
        with_rows = [name for name in keys if trace.arrivals[name]]
    if with_rows:
        return _by_row(trace, with_rows[0], tables, period, rejected.get(with_rows[0], ()), breakdowns)
    if "customer_id" in trace.evidence:
        return _by_customer(trace, tables, period)
    evidence = _summed(trace.evidence)
    columns = [name for name in evidence if name not in _TECHNICAL]
    rows = evidence.sort_values(columns, ignore_index=True)
    return Worked("", _evidence_table(trace, rows, columns), None)


def _is_by_customer(trace: Trace) -> bool:
    """Whether a row of evidence is a customer, and not one of several things of a customer; or what a model knows of one."""
    if "t_x" in trace.evidence:
        return True
    columns = [name for name in ("customer_id", "breakdown", "month", "side") if name in trace.evidence]
    return "customer_id" in columns and not trace.evidence[columns].duplicated().any()


def _summed(evidence: pd.DataFrame) -> pd.DataFrame:
    """Evidence of things in numbers: only those that are counted, without the whole beside its breakdowns, and summed where they are many."""
    if "counted" in evidence:
        evidence = evidence[evidence["counted"].astype(bool)].drop(columns="counted")
    if "breakdown" in evidence and evidence["breakdown"].nunique() > 1:
        evidence = evidence[evidence["breakdown"] != ""]
    if len(evidence) > MOST_ROWS and {"met", "size"} <= {*evidence}:
        first = next(name for name in evidence if name not in ("met", "size"))
        evidence = evidence.groupby(first, as_index=False)[["met", "size"]].sum()
    columns = [name for name in evidence if name not in _TECHNICAL]
    if evidence[columns].duplicated().any():
        alike = {"rows alike": 1}
        evidence = evidence[columns].assign(**alike).groupby(columns, as_index=False, dropna=False).sum()
    return evidence


# ---- A row of the client's table is what counts ------------------------------------------------------------------------


def _by_row(
    trace: Trace,
    name: str,
    tables: Tables,
    period: Period,
    rejected: Iterable[RejectedRow],
    breakdowns: frozenset[str],
) -> Worked:
    table, key = TABLES[name], TABLES[name].key[0]
    every = _rows(tables, name)
    columns = _columns_shown(every, trace, key, table.time)
    cells = every[columns].astype({key: str}).drop_duplicates(key)
    own = [c for c in trace.evidence if c not in every and c not in _TECHNICAL] if key in trace.evidence else []
    evidence = (
        trace.evidence[[key, *own]].astype({key: str}).merge(cells, on=key)
        if own
        else cells[cells[key].isin(trace.arrivals[name])]
    )
    arrived = set(evidence[key])
    is_noted = (
        ~evidence["breakdown"].isin(breakdowns)
        if "" in breakdowns and "breakdown" in evidence
        else [False] * len(evidence)
    )
    noted, evidence = evidence[is_noted], evidence[~np.array(is_noted, bool)]
    order = [c for c in ("breakdown", table.time, key) if c in evidence]
    counted = _evidence_table(trace, _sorted(evidence, order), [*columns, *own])
    counting = set(_rows(tables, name, counting=True)[key].astype(str))
    reasons = [(row["breakdown"], tuple(cell_words(row[c]) for c in columns)) for row in noted.to_dict("records")]
    for row in every.sort_values([c for c in (table.time, key) if c], kind="stable").to_dict("records"):
        if str(row[key]) not in arrived:
            reason = _row_reason(row, name, counting, trace.omissions[name], trace.metric, period)
            reasons.append((reason, tuple(cell_words(row[c]) for c in columns)))
    reasons += [
        (f"rejected: {row.reason}", tuple(cell_words(row.cells.get(c, "")) for c in columns)) for row in rejected
    ]
    return Worked(table.grain.partition(" (")[0], counted, _omitted_table(columns, reasons))


def _rows(tables: Tables, name: str, *, counting: bool = False) -> pd.DataFrame:
    """The rows of a table, all or those that count; they are read once."""
    key, facts = ("rows", name, counting), tables.derived.facts
    if key not in facts:
        facts[key] = (tables.counting(name) if counting else tables.every(name)).df()
    return facts[key]


def _row_reason(row: dict, name: str, counting: set[str], omissions, metric: Metric, period: Period) -> str:
    table = TABLES[name]
    key = str(row[table.key[0]])
    if key not in counting:
        words = [c.name for c in table.columns if c.name in table.counts and c.name in row and c.name != "amount"]
        return ", ".join(f"{column_words(c)}: {cell_words(row[c]) or 'empty'}" for c in words)
    if key in omissions:
        return omission_words(omissions[key], metric, period)
    if metric.per_customer and not cell_words(row.get("customer_id")):
        return "no customer is known"
    return not_among(metric)


def _columns_shown(every: pd.DataFrame, trace: Trace, key: str, time: str | None) -> list[str]:
    """The columns of a table that a page shows: its key, the customer, and those that the metric looks at, in the table's order."""
    first = [name for name in (key, "customer_id") if name in every]
    read = [name for name in every if name in trace.columns or name == time]
    return list(dict.fromkeys((*first, *read)))[:_MOST_COLUMNS]


# ---- A customer is what counts -----------------------------------------------------------------------------------------


def _by_customer(trace: Trace, tables: Tables, period: Period) -> Worked:
    """Each customer with the times of the rows that stand behind it; the others of the same table are left out."""
    name = next(
        (tables.source_of(read) for read in trace.metric.reads if _has_customers(tables, tables.source_of(read))), ""
    )
    columns = [c for c in trace.evidence if c not in _TECHNICAL]
    if "t_x" in columns:  # what a model is fitted to
        trace = replace(trace, evidence=trace.evidence[trace.evidence["customer_id"].notna()])
        columns = [c for c in ("customer_id", *_OF_MODELS, "margin") if c in columns]
    evidence = trace.evidence.assign(customer_id=trace.evidence["customer_id"].astype("string").fillna("(no customer)"))
    order = [c for c in ("breakdown", "customer_id") if c in evidence]
    evidence = _sorted(evidence, order)
    if not name:
        return Worked("a customer", _evidence_table(trace, evidence, columns), None)
    rows = _rows(tables, name, counting=True)
    time = TABLES[name].time
    times = {who: _times(of[time]) for who, of in rows.groupby("customer_id")} if time else {}
    head = f"{column_words(name)}, {column_words(time or '')}"
    counted = _evidence_table(trace, evidence, columns, {head: [times.get(who, "") for who in evidence["customer_id"]]})
    missing = sorted({*times} - {*evidence["customer_id"]})
    reasons = [(_customer_reason(who, rows, name, trace, period), (who, times[who])) for who in missing]
    without = rows[rows["customer_id"].isna()]
    if len(without) and trace.metric.per_customer:
        reasons.append(("no customer is known", ("", _times(without[time]))))
    return Worked("a customer", counted, _omitted_table(["customer_id", head], reasons))


def _has_customers(tables: Tables, name: str) -> bool:
    return name in tables.names and "customer_id" in tables.counting(name).columns and bool(TABLES[name].time)


def _times(times: pd.Series) -> str:
    """The days of some rows, in order."""
    days = [f"{time:%Y-%m-%d}" for time in sorted(times.dropna())]
    return ", ".join(days if len(days) <= 6 else [*days[:5], f"and {len(days) - 5} more"])


def _customer_reason(who: str, rows: pd.DataFrame, name: str, trace: Trace, period: Period) -> str:
    """Why a customer is not counted: the reason of the customer's rows, where they share one."""
    omissions, key = trace.omissions.get(name, {}), TABLES[name].key[0]
    of_rows = [omissions.get(str(row)) for row in rows[rows["customer_id"] == who][key]] if key in rows else []
    words = {omission_words(omission, trace.metric, period) for omission in of_rows if omission}
    if len(words) == 1 and all(of_rows):
        return words.pop()
    return not_among(trace.metric)


def _sorted(evidence: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Rows in order, numbers within texts by their value: +2 before +10."""

    def key(column: pd.Series) -> pd.Series:
        if column.name != "breakdown":
            return column
        return column.map(lambda text: re.sub(r"\d+", lambda number: number[0].zfill(6), str(text)))

    return evidence.sort_values(columns, key=key, kind="stable", ignore_index=True)


# ---- Tables ------------------------------------------------------------------------------------------------------------


def _evidence_table(
    trace: Trace, evidence: pd.DataFrame, columns: list[str], further: dict[str, list[str]] | None = None
) -> RowTable:
    """Rows of evidence as text; of very many those that add to the numerator. further: columns of texts after the first."""
    client = trace.client
    everything = evidence.assign(**(further or {}))
    if "month" in everything and _is_number(everything["month"]) and everything["month"].min() > _MONTHS:
        everything = everything.assign(month=everything["month"].map(_month))
    shown, counts = everything, trace.metric.estimate.reduces == "bins"
    if "num" in everything and (counts or len(everything) > MOST_ROWS) and (everything["num"] != 0).any():
        shown = everything[everything["num"] != 0]
    columns = [c for c in columns if not (counts and c == "den")]
    order = [*columns[:1], *(c for c in ("breakdown",) if c in columns[1:]), *(further or {})]
    order += [c for c in columns if c not in order]
    texts = {c: list(everything[c]) if c in (further or {}) else list(map(cell_words, everything[c])) for c in order}
    if "breakdown" in texts:
        texts["breakdown"] = [breakdown_name(text, client) for text in texts["breakdown"]]
    order = _without_repeats(order, texts)
    if len(order) > _MOST_SHOWN:  # what was worked out on the way stands aside for what is counted
        helpers = [c for c in columns if c in trace.evidence and c not in _FIGURES and c != columns[0]]
        order = [c for c in order if c not in helpers or c in _columns_of_tables(trace)]
    heads = _heads(trace, order)
    numeric = tuple(place for place, c in enumerate(order) if c not in (further or {}) and _is_number(everything[c]))
    lines = dict(zip(everything.index, zip(*(texts[c] for c in order), strict=True), strict=True))
    rows = tuple(lines[place] for place in shown.index[:MOST_ROWS])
    more = len(shown if counts else everything) - len(rows)
    return RowTable(tuple(heads.get(c, c) for c in order), numeric, rows, more)


def _month(months: float) -> str:
    """A month as its year and number; months are counted from the year 0."""
    return "" if pd.isna(months) else f"{(int(months) - 1) // 12}-{(int(months) - 1) % 12 + 1:02}"


def _without_repeats(columns: list[str], texts: dict[str, list[str]]) -> list[str]:
    """The columns without those that are empty throughout, or say the same as another one; what adds to the figure stays."""
    order = [c for c in columns if any(texts[c])]
    for c in [c for c in order if c not in _ADDED]:
        if any(texts[c] == texts[other] for other in order if other != c and order.index(other) < order.index(c)):
            order.remove(c)
    own = [c for c in order[1:] if c in _ADDED]
    return [c for c in order if c == order[0] or c in _ADDED or all(texts[c] != texts[other] for other in own)]


def _columns_of_tables(trace: Trace) -> set[str]:
    """The columns of the tables that the metric reads, survey questions among them."""
    names = {name for read in trace.arrivals for name in TABLES[read].by_name}
    return names | set(trace.client.items)


def _heads(trace: Trace, columns: list[str]) -> dict[str, str]:
    metric = trace.metric
    words = _WORDS | (_OF_MODELS if "t_x" in columns else {}) | {"breakdown": metric.breakdown or "part"}
    if metric.estimate.reduces == "bins":
        words = words | {"num": "adds to the count"}
    return {name: words.get(name, column_words(name)) for name in columns}


def _is_number(column: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _omitted_table(columns: list[str], reasons: list[tuple[str, tuple[str, ...]]]) -> RowTable | None:
    """The rows left out; of many that are left out for the same reason, the first few."""
    if not reasons:
        return None
    listed: list[tuple[str, ...]] = []
    seen: dict[str, int] = {}
    many = len(reasons) > _MOST_OMITTED
    for reason, cells in reasons:
        seen[reason] = seen.get(reason, 0) + 1
        if not many or seen[reason] <= _ALIKE:
            listed.append((*cells, reason))
    heads = (*map(column_words, columns), "why it does not count")
    return RowTable(heads, (), tuple(listed[:_MOST_OMITTED]), len(reasons) - min(len(listed), _MOST_OMITTED))
