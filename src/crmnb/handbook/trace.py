"""Trace: what becomes of each row of a client's table on its way into a metric, and at which condition it is left out.

A metric's function only writes steps of SQL (`crmnb.engine.query.Query`). Here the steps are not held in temporary tables, as an
evaluation does: they stay a chain from the table to the evidence, and each filter of it is asked which rows it leaves out.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pandas as pd

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.derived_tables import DerivedTables
from crmnb.engine.query import Query, inputs_first
from crmnb.engine.session import NoColumn, Tables, column_of
from crmnb.evaluate.metric_call import all_inputs, call_of
from crmnb.evaluate.settings import resolve
from crmnb.metrics.columns import columns_named
from crmnb.metrics.definition import Metric, catalogue
from crmnb.schema.client import Client
from crmnb.schema.tables import TABLES

_COLUMN = re.compile(r'"(\w+)"')
_WHERE = " where "
_NARROWING = ("join", "semi join", "anti join")  # joins that may leave out rows of their left side


class _Steps(DerivedTables):
    """Derived tables of which only the client's own are held: every other frame stays the steps that make it."""

    def frame(self, frame: Any) -> Any:
        """The frame itself."""
        return frame


@dataclass(frozen=True)
class Omission:
    """Why a row is left out: the condition that it does not meet, and its values in the columns that the condition names."""

    condition: str
    values: dict[str, Any]


@dataclass(frozen=True)
class Trace:
    """The way of a table's rows into a metric; `metric` is the one whose rows are counted, of a derived one its first input.

    evidence: the rows counted in the period. columns: the columns that the steps look at. arrivals: by table, the keys of its rows that come
    as far as rows of the table do, to the evidence or to where they are put together. omissions: by table and key, why a row is left out.
    """

    metric: Metric
    client: Client
    evidence: pd.DataFrame
    columns: frozenset[str]
    arrivals: dict[str, frozenset[str]] = field(default_factory=dict)
    omissions: dict[str, dict[str, Omission]] = field(default_factory=dict)


def traceable(tables: Tables) -> Tables:
    """The same tables, on which the steps of metrics can be traced."""
    tables = tables.with_names()
    steps = _Steps(tables.con, all_small=True)
    return Tables(tables.client, tables.con, tables.names, tables.names, tables.cutoff, derived=steps)


def traced(metric: Metric, tables: Tables, period: Period) -> Trace:
    """The trace of a metric in a period; of a derived one, that of its first input. tables: as `traceable` gives them.

    Raises Unavailable where the client lacks what the metric needs.
    """
    counted = metric if metric.has_rows else catalogue()[all_inputs(metric)[0]]
    if counted.measure.suppress_below > 1:
        raise Unavailable(Note("rows_never_shown"))
    arguments, _ = resolve(counted, tables.client)
    called = call_of(counted, tables, {"current": period}, arguments)
    if reason := called.reason("current", period, period, tables):
        raise Unavailable(reason)
    query, sources = called.rows.to_native(), dict.fromkeys(tables.source_of(name) for name in counted.reads)
    try:
        rows = query.relation.df()
    except NoColumn as error:
        raise Unavailable(column_of(error, sources)) from None
    nodes = inputs_first(query, {})
    way = _way_of_rows(query)
    main = [node for node in nodes if id(node) in way]
    keys = {name: TABLES[name].key[0] for name in sources if name in TABLES and len(TABLES[name].key) == 1}
    ways = {
        name: _followed(main if any(key in node.columns for node in main) else nodes, key) for name, key in keys.items()
    }
    rows = rows[rows["period_id"] == 0] if "period_id" in rows else rows
    arrivals, omissions = ({name: way[at] for name, way in ways.items()} for at in (0, 1))
    known = replace(counted, known=called.metric.measure)
    return Trace(known, tables.client, rows, columns_named(nodes), arrivals, omissions)


def _way_of_rows(query: Query) -> set[int]:
    """The steps that rows of evidence come through: of a join its left side, as the right side only adds columns, of a union the first part."""
    way, waiting = set(), [query]
    while waiting:
        node = waiting.pop()
        if id(node) not in way:
            way.add(id(node))
            waiting += _inputs(node)[:1]
    return way


def _inputs(node: Query) -> list[Query]:
    return [part for part in node.parts if isinstance(part, Query)]


def _join(node: Query) -> str:
    """The kind of a join in SQL ("left join"); "" of what is none."""
    joins = (part for part in node.parts if isinstance(part, str) and part.startswith(" lhs "))
    return next(joins, "").removeprefix(" lhs ").strip()


def _followed(nodes: list[Query], key: str) -> tuple[frozenset[str], dict[str, Omission]]:
    """The keys of the rows that arrive, and by key of the others the last condition on their way, at which they are left out."""
    with_key = [node for node in nodes if key in node.columns]
    consumed = {id(part) for node in with_key for part in _inputs(node)}
    omissions: dict[str, Omission] = {}
    arrived: set[str] = set()
    for node in with_key:
        if _is_filter(node):
            omissions |= _left_out(node, key)
        elif _join(node) in _NARROWING:
            omissions |= {row: Omission("", {}) for row in _keys(_inputs(node)[0], key) - _keys(node, key)}
        if id(node) not in consumed and len(node.parts) > 1:
            arrived |= _keys(node, key)
    return frozenset(arrived), {row: omission for row, omission in omissions.items() if row not in arrived}


def _keys(node: Query, key: str) -> set[str]:
    if key not in node.columns:
        return set()
    rows = node.derived.con.execute(f'select distinct "{key}" from ({node.sql_query()})').fetchall()
    return {str(row[0]) for row in rows}


def _is_filter(node: Query) -> bool:
    return isinstance(node.parts[-1], str) and node.parts[-1].startswith(_WHERE)


def _left_out(node: Query, key: str) -> dict[str, Omission]:
    """The rows that a filter leaves out, with the first part of its condition that each does not meet."""
    before = _inputs(node)[0]
    conditions = list(conjuncts(node.parts[-1].removeprefix(_WHERE)))
    columns = [name for name in dict.fromkeys(_COLUMN.findall(node.parts[-1])) if name in before.columns]
    selected = ", ".join(
        [f'"{key}"', *(f"coalesce(({c}), false)" for c in conditions), *(f'"{name}"' for name in columns)]
    )
    omissions = {}
    for row in node.derived.con.execute(f"select {selected} from ({before.sql_query()})").fetchall():
        met, values = row[1 : 1 + len(conditions)], dict(zip(columns, row[1 + len(conditions) :], strict=True))
        if not all(met):
            condition = conditions[met.index(False)]
            named = {name: values[name] for name in dict.fromkeys(_COLUMN.findall(condition)) if name in values}
            omissions[str(row[0])] = Omission(condition, named)
    return omissions


def conjuncts(condition: str) -> Iterator[str]:
    """The parts of a condition in SQL that are joined by AND at its outermost."""
    inner = condition.strip()
    while inner.startswith("(") and _closing(inner) == len(inner) - 1:
        inner = inner[1:-1].strip()
    depth, start, parts = 0, 0, []
    for match in re.finditer(r"'(?:[^']|'')*'|\(|\)| AND ", inner):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if match[0] == " AND " and depth == 0:
            parts.append(inner[start : match.start()])
            start = match.end()
    if not parts:
        yield inner
        return
    for part in (*parts, inner[start:]):
        yield from conjuncts(part)


def _closing(text: str) -> int:
    """The place of the parenthesis that closes the one with which a text begins."""
    depth = 0
    for match in re.finditer(r"'(?:[^']|'')*'|\(|\)", text):
        depth += {"(": 1, ")": -1}.get(match[0], 0)
        if depth == 0 and match[0] == ")":
            return match.start()
    return -1
