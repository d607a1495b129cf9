"""Shape: a relation of which only the columns' names are known, so that to bind a metric to it takes no engine."""

import re
from collections.abc import Iterable

import duckdb
from duckdb.sqltypes import VARCHAR

# In SQL a text, which is passed over; or a name, of a side of a join or of none, and whether it is a function's.
_NAMED = re.compile(r"""'(?:[^']|'')*'|(?:"(lhs|rhs)"\.)?"((?:[^"]|"")+)"(\()?""")


class Shape(duckdb.DuckDBPyRelation):
    """A relation by its columns' names; `asked` gathers those that are asked of it, and of what is made of it.

    A column that is handed on as it is, as `with_columns` does with all others, is not asked for. It stands in for what narwhals
    builds its expressions of; what it does not stand in for fails, as no connection is behind it. One that is not there raises what the
    engine raises, in its words. Types are not known: the contract of the tables sees to them.
    """

    def __init__(self, columns: Iterable[str], asked: set[str], sides: dict[str, list[str]] | None = None):
        self._names, self.asked, self._joined = list(columns), asked, sides or {}

    columns = property(lambda self: list(self._names))
    types = property(lambda self: [VARCHAR] * len(self._names))
    alias = property(lambda self: "shape")

    def set_alias(self, alias: str) -> "Shape":
        """Itself: in a join it is the place that tells the sides."""
        return self

    def select(self, *items: duckdb.Expression | str) -> "Shape":
        """The named columns; "lhs.*" is all of a join's left side."""
        return Shape(self._joined["lhs"], self.asked) if isinstance(items[0], str) else self._made_of(items)

    def filter(self, condition: duckdb.Expression) -> "Shape":
        """The same columns."""
        self._look(str(condition))
        return self

    def aggregate(self, items: Iterable[duckdb.Expression | str], by: str = "") -> "Shape":
        """A column of each item; the keys come first, as texts."""
        self._look(by)
        return self._made_of([duckdb.ColumnExpression(each) if isinstance(each, str) else each for each in items])

    def join(self, other: "Shape", condition: duckdb.Expression, how: str) -> "Shape":
        """The columns of both sides."""
        joined = self.cross(other)
        joined._look(str(condition))
        return joined

    def cross(self, other: "Shape") -> "Shape":
        """The columns of both sides."""
        sides = {"lhs": self._names, "rhs": other._names}
        return Shape([*self._names, *other._names], self.asked, sides)

    def union(self, other: "Shape") -> "Shape":
        """The same columns."""
        return self

    def _made_of(self, items: Iterable[duckdb.Expression]) -> "Shape":
        for item in items:
            self._look(str(item), handed_on=item.as_select() == str(item))
        return Shape([item.get_name() for item in items], self.asked)

    def _look(self, sql: str, *, handed_on: bool = False) -> None:
        """Raise duckdb.BinderException where an expression names a column that is not there; note what it asks for."""
        for side, quoted, function in _NAMED.findall(sql):
            if function or not quoted:
                continue
            name = quoted.replace('""', '"')
            if name not in self._joined.get(side, self._names):
                raise duckdb.BinderException(f'Referenced column "{name}" not found in FROM clause!')
            if not handed_on or sql not in (f'"{quoted}"', f'"{side}"."{quoted}"'):
                self.asked.add(name)
