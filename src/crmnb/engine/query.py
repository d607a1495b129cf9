"""Query: rows as SQL that grows step by step; the engine is asked once, when a metric is complete, and not at every step."""

import re
from collections.abc import Iterable, Sequence
from functools import cached_property
from typing import Any

import duckdb
from duckdb.sqltypes import VARCHAR

_LOOKS_AROUND = re.compile(
    r"\bover\s*\(|\bunnest\s*\(", re.IGNORECASE
)  # SQL that makes a row of others, or several of one
_JOINS = {"inner": "join", "left": "left join", "outer": "full join", "semi": "semi join", "anti": "anti join"}


class Query(duckdb.DuckDBPyRelation):
    """What narwhals takes for a relation of the engine. A step only writes SQL and the names of its columns.

    To bind each step costs more than to run the whole on a small client. So a column that is not there is missed only when rows are
    asked for, and types are not known before (`relation` knows them). `parts`: the SQL, in which a query stands for its own. `derived`: the
    connection and what was derived in it (`crmnb.engine.derived_tables.DerivedTables`). `step`: of a query that looks at one row after the
    other of those in its parts, what it does ("select", "filter" or "union"), and the SQL of the columns or of the condition.
    """

    def __init__(
        self, derived: Any, columns: Iterable[str], *parts: "str | Query", step: tuple[str, str] | None = None
    ):
        self.derived, self._names, self.parts, self.step = derived, list(columns), parts, step

    @classmethod
    def of(cls, derived: Any, rows: duckdb.DuckDBPyRelation) -> "Query":
        """The rows of a relation in the connection of derived tables."""
        return cls(derived, rows.columns, f"({rows.sql_query()})")

    columns = property(lambda self: list(self._names))
    types = property(lambda self: [VARCHAR] * len(self._names))
    alias = property(lambda self: "rows")

    @cached_property
    def relation(self) -> duckdb.DuckDBPyRelation:
        """The same, bound: raises what the engine raises of SQL that is wrong."""
        return self.derived.con.sql(self.sql_query())

    def sql_query(self) -> str:
        """The SQL: a query that is read several times is written once, as a common table expression."""
        uses: dict[Query, int] = {}
        order = inputs_first(self, uses)
        written: dict[Query, str] = {}
        shared = []
        for query in order:
            text = "".join(part if isinstance(part, str) else written[part] for part in query.parts)
            if len(query.parts) == 1:
                written[query] = text
            elif uses[query] > 1:
                written[query] = f"step_{len(shared)}"
                shared.append(f"{written[query]} as ({text})")
            else:
                written[query] = f"({text})" if query is not self else text
        selected = f"from {written[self]}" if len(self.parts) == 1 else written[self]
        return f"with {', '.join(shared)} {selected}" if shared else selected

    def set_alias(self, alias: str) -> "Query":
        """Itself: in a join it is the place that tells the sides."""
        return self

    def select(self, *items: duckdb.Expression) -> "Query":
        """The rows with these columns alone."""
        picked = _listed(items, self._names)
        query = self._query(picked, items, " from ", self)
        query.step = None if _LOOKS_AROUND.search(picked) else ("select", picked)
        return query

    def filter(self, condition: duckdb.Expression) -> "Query":
        """The rows of which a condition holds."""
        step = ("filter", str(condition))
        return Query(self.derived, self._names, "select * from ", self, f" where {condition}", step=step)

    def aggregate(self, items: Iterable[duckdb.Expression | str], by: str = "") -> "Query":
        """A row per group; the keys among the items are texts."""
        columns = [duckdb.ColumnExpression(item) if isinstance(item, str) else item for item in items]
        return self._query(_listed(columns, []), columns, " from ", self, f" group by {by}" if by else "")

    def union(self, other: "Query") -> "Query":
        """The rows of both, matched by the place of their columns."""
        step = ("union", "") if self._names == other._names else None
        return Query(self.derived, self._names, "select * from ", self, " union all select * from ", other, step=step)

    def join(self, other: "Query", condition: duckdb.Expression, how: str) -> "_Join":
        """The sides of a join, of which columns are to be selected."""
        return _Join(self, other, f" lhs {_JOINS[how]} ", f" rhs on {condition}")

    def cross(self, other: "Query") -> "_Join":
        """The sides of a join of all rows with all."""
        return _Join(self, other, " lhs cross join ", " rhs")

    def _query(self, picked: str, items: Iterable[duckdb.Expression], *parts: "str | Query") -> "Query":
        return Query(self.derived, [item.get_name() for item in items], f"select {picked}", *parts)

    def df(self, *arguments: Any, **options: Any) -> Any:
        """The rows as a pandas frame."""
        return self.relation.df(*arguments, **options)

    def project(self, *items: Any, **options: Any) -> duckdb.DuckDBPyRelation:
        """A relation of columns written as SQL."""
        return self.relation.project(*items, **options)

    def to_arrow_table(self, *arguments: Any, **options: Any) -> Any:
        """The rows as an Arrow table."""
        return self.relation.to_arrow_table(*arguments, **options)

    def fetchall(self) -> list[tuple]:
        """The rows."""
        return self.relation.fetchall()


class _Join:
    """Two queries side by side, as narwhals selects of them: columns of `lhs` and `rhs`."""

    def __init__(self, left: Query, right: Query, between: str, after: str):
        self._left, self._right, self._between, self._after = left, right, between, after

    def select(self, *items: duckdb.Expression | str) -> Query:
        """The joined rows with these columns; "lhs.*" is all of the left side."""
        sides = self._left, self._between, self._right, self._after
        if isinstance(items[0], str):
            return Query(self._left.derived, self._left.columns, f"select {items[0]} from ", *sides)
        picked = _listed(items, self._left.columns, '"lhs".')
        return self._left._query(picked, items, " from ", *sides)


def _listed(items: Sequence[duckdb.Expression], columns: list[str], side: str = "") -> str:
    """The items in SQL; where all columns come first, some of them perhaps replaced, with a star: the engine reads short texts faster."""
    texts = [item.as_select() for item in items]
    first = [item.get_name() for item in items[: len(columns)]]
    if not columns or first != columns:
        return ", ".join(texts)
    as_they_are = {f"{side}{quoted(name)}" for name in columns}
    replaced = [text for text in texts[: len(columns)] if text not in as_they_are]
    star = f"{side}* replace ({', '.join(replaced)})" if replaced else f"{side}*"
    return ", ".join([star, *texts[len(columns) :]])


def quoted(name: str) -> str:
    """A name in SQL."""
    return '"' + name.replace('"', '""') + '"'


def inputs_first(query: Query, uses: dict[Query, int]) -> list[Query]:
    """A query and all that it is made of, each after its own; uses: how many others read it is counted there."""
    order: list[Query] = []
    waiting: list[tuple[Query, bool]] = [(query, False)]
    while waiting:
        at, done = waiting.pop()
        if done:
            order.append(at)
            continue
        uses[at] = uses.get(at, 0) + 1
        if uses[at] > 1:
            continue
        waiting.append((at, True))
        waiting += [(part, False) for part in reversed(at.parts) if isinstance(part, Query)]
    return order
