"""Evidence: what a metric counts in a window, as the engine sees it, and how it is broken down."""

from dataclasses import dataclass, replace

import narwhals.stable.v2 as nw

from crmnb.core.period import Period

COMPARED = ("now", "before")  # the windows that are broken down by segment; the others are parts of a trend


@dataclass(frozen=True)
class Segmentation:
    """How rows are broken down: by a table (cluster, level) of customers' `levels`, or by evidence's `own` column (SQL)."""

    name: str
    levels: str = ""
    own: str = ""


WHOLE = Segmentation("")


@dataclass(frozen=True)
class Evidence:
    """A metric's evidence in one window, as the engine sees it: its SQL, and the type of each of its columns.

    `time` and `period`: only the rows of the SQL whose column `time` lies in the period are in the window.
    """

    sql: str
    types: dict[str, str]
    time: str = ""
    period: Period | None = None

    @classmethod
    def of(cls, frame: nw.LazyFrame) -> "Evidence":
        """The evidence in a frame that a metric gave."""
        rows = frame.to_native()
        return cls(rows.sql_query(), dict(zip(rows.columns, map(str, rows.types), strict=True)))

    def part(self, time: str, period: Period) -> "Evidence":
        """Those of its rows whose `time` lies in the period."""
        return replace(self, time=time, period=period)


def branches(windows: list[str], evidence: dict[str, Evidence]) -> list[tuple[str, str, bool]]:
    """What is read for the windows, as few times as may be: the SQL of a window's place, that of its rows, whether compared.

    The parts of one and the same evidence are read together.
    """
    found, parts = [], {}
    for place, name in enumerate(windows):
        each = evidence.get(name)
        if each and each.period:
            parts.setdefault((each.sql, each.time), []).append((place, each.period))
        elif each:
            found.append((f"{place}::utinyint", f"({each.sql})", name in COMPARED))
    for (sql, time), held in parts.items():
        inside = [(place, f"{time} >= timestamp '{p.start}' and {time} < timestamp '{p.end}'") for place, p in held]
        steps = " ".join(f"when {condition} then {place}" for place, condition in inside)
        rows = f"(select * from (select *, (case {steps} end)::utinyint as part_of from ({sql})) where part_of is not null)"
        found.append(("part_of", rows, False))
    return found
