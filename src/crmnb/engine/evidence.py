"""Evidence: what a metric counts in all of its periods, as the engine sees it, and how it is broken down."""

from dataclasses import dataclass, field

import narwhals.stable.v2 as nw

from crmnb.engine.query import Query
from crmnb.schema.tables import UNKNOWN

COMPARED = ("current", "comparison")  # the periods that are broken down by segment; the others are parts of a trend
BEFORE = "comparison "  # how the names of the comparison's parts begin
PERIOD = "period_id"  # the column of evidence that holds the place of its period: 0 is now, 1 before, then the parts

TIMES = ("period_start", "period_end", "observed_end")  # the columns that tell a period's times, beside `PERIOD`


@dataclass(frozen=True)
class Segmentation:
    """How rows are broken down: by a table (cluster, level) of customers' `levels`, or by evidence's `own` column (SQL).

    of_everybody: customers are numbers (`crmnb.engine.integer_keys`), and the table has all of them, and 0 for whoever is none.
    """

    name: str
    levels: str = ""
    own: str = ""
    of_everybody: bool = False

    def join(self, cluster: str, name: str) -> str:
        """The SQL that joins the levels of customers, as a table of this name, to rows with the SQL of their customer.

        Of everybody's levels the engine makes an array by number, which costs a third of looking a key up.
        """
        if not self.of_everybody:
            return f"left join {self.levels} {name} on {name}.cluster = {cluster}"
        return f"join {self.levels} {name} on {name}.cluster = case when {cluster} > 0 then {cluster} else 0 end"

    def level(self, name: str) -> str:
        """The SQL of the level in a table of this name, with a name for that of those who have none."""
        return f"{name}.level" if self.of_everybody else f"coalesce({name}.level, '{UNKNOWN}')"


WHOLE = Segmentation("")


@dataclass(frozen=True)
class Evidence:
    """The rows that a metric counts, as the engine sees them: their SQL, and the type of each of their columns.

    `periods`: the periods that have evidence, by their places in `PERIOD`; without that column all rows are of the first one. `query`: how its
    rows are made step by step, where that is known.
    """

    sql: str
    types: dict[str, str]
    periods: dict[int, str]
    query: Query | None = field(default=None, compare=False, repr=False)

    @classmethod
    def of(cls, frame: nw.LazyFrame, periods: dict[int, str] | None = None) -> "Evidence":
        """The evidence in a frame that a metric gave, of the reporting period alone unless `periods` says more."""
        rows = frame.to_native()
        query = rows if isinstance(rows, Query) and PERIOD in rows.columns else None
        rows = rows.relation if isinstance(rows, Query) else rows
        types = dict(zip(rows.columns, map(str, rows.types), strict=True))
        periods = {0: COMPARED[0]} if periods is None else periods
        sql, times = rows.sql_query(), [name for name in TIMES if name in types]
        columns = f"* exclude ({', '.join(times)})" if times else "*"
        if PERIOD in types:
            places = ", ".join(map(str, periods)) or "null"
            sql = f"select {columns} from ({sql}) where {PERIOD} in ({places})"
        else:
            sql = f"select {columns}, 0::utinyint as {PERIOD} from ({sql})"
        types = {name: type_ for name, type_ in types.items() if name not in times}
        return cls(sql, types | {PERIOD: "UTINYINT"}, periods, query)

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the periods that have evidence, in order."""
        return tuple(self.periods.values())

    @property
    def parts(self) -> str:
        """The SQL of whether a row is of a part of the period; "" where there are no parts."""
        return f"{PERIOD} >= {len(COMPARED)}" if any(place >= len(COMPARED) for place in self.periods) else ""

    @property
    def columns(self) -> list[str]:
        """Its columns but that of the period."""
        return [name for name in self.types if name != PERIOD]
