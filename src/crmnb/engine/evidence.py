"""Evidence: what a metric counts in all of its periods, as the engine sees it, and how it is broken down."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import narwhals.stable.v2 as nw

from crmnb.core.period import Period

COMPARED = ("now", "before")  # the periods that are broken down by segment; the others are parts of a trend
PERIOD = "period_id"  # the column of evidence that holds the place of its period: 0 is now, 1 before, then the parts

TIMES = ("period_start", "period_end", "observed_end")  # the columns that tell a period's times, beside `PERIOD`


@dataclass(frozen=True)
class Segmentation:
    """How rows are broken down: by a table (cluster, level) of customers' `levels`, or by evidence's `own` column (SQL)."""

    name: str
    levels: str = ""
    own: str = ""


WHOLE = Segmentation("")


@dataclass(frozen=True)
class Evidence:
    """The rows that a metric counts, as the engine sees them: their SQL, and the type of each of their columns.

    `periods`: the periods that have evidence, by their places in `PERIOD`; without that column all rows are of the first one.
    """

    sql: str
    types: dict[str, str]
    periods: dict[int, str]

    @classmethod
    def of(cls, frame: nw.LazyFrame, periods: dict[int, str] | None = None) -> "Evidence":
        """The evidence in a frame that a metric gave, of the reporting period alone unless `periods` says more."""
        rows = frame.to_native()
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
        return cls(sql, types | {PERIOD: "UTINYINT"}, periods)

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


@dataclass(frozen=True)
class Window:
    """A metric's evidence in one period, of a metric that is called for each.

    `time` and `period`: only the rows of the SQL whose column `time` lies in the period are in the window.
    """

    sql: str
    types: dict[str, str]
    time: str = ""
    period: Period | None = None

    @classmethod
    def of(cls, frame: nw.LazyFrame) -> "Window":
        """The evidence in a frame that a metric gave."""
        rows = frame.to_native()
        return cls(rows.sql_query(), dict(zip(rows.columns, map(str, rows.types), strict=True)))

    def part(self, time: str, period: Period) -> "Window":
        """Those of its rows whose `time` lies in the period."""
        return replace(self, time=time, period=period)


def united(windows: dict[str, Window], names: Iterable[str] = ()) -> Evidence:
    """The evidence of several windows in one; names: of all periods, in their order, those of the windows among them."""
    names = [*COMPARED, *(name for name in (names or windows) if name not in COMPARED)]
    rows, parts = [], {}
    for name, window in windows.items():
        if window.period:
            parts.setdefault((window.sql, window.time), []).append((names.index(name), window.period))
        else:
            rows.append(f"select *, {names.index(name)}::utinyint as {PERIOD} from ({window.sql})")
    for (sql, time), held in parts.items():
        inside = [(place, f"{time} >= timestamp '{p.start}' and {time} < timestamp '{p.end}'") for place, p in held]
        steps = " ".join(f"when {condition} then {place}" for place, condition in inside)
        part = f"(case {steps} end)::utinyint"
        rows.append(f"select * from (select *, {part} as {PERIOD} from ({sql})) where {PERIOD} is not null")
    types = {name: type_ for window in windows.values() for name, type_ in window.types.items()}
    periods = {place: name for place, name in enumerate(names) if name in windows}
    return Evidence(" union all by name ".join(rows), types | {PERIOD: "UTINYINT"}, periods)
