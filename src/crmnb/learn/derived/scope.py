"""Scope: of a lesson's rows, those that the figure is of, and those that a learner takes by mistake."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from crmnb.learn.declaration import YEAR, Row

NOTHING = float("nan")


MEASURED = ("met", "value", "amount", "out_of", "duration")  # what a figure is made of; a row without it is in no base


def is_blank(row: Row) -> bool:
    """Whether a row has no value of what the figure is made of."""
    return None in row.values() and any(name in row and row[name] is None for name in MEASURED)


@dataclass(frozen=True)
class Scope:
    """The rows of the figure (`chosen`), those of the year before, of all years, and of the year in all breakdowns.

    `blank` is the number of the figure's rows without a value, which are in none of these.
    """

    chosen: list[Row]
    earlier: list[Row]
    all_years: list[Row]
    all_breakdowns: list[Row]
    blank: int = 0

    @classmethod
    def of(cls, rows: Iterable[Row], breakdown: str) -> "Scope":
        """The scope of the figure of a breakdown ("" where there is none) in the year of the lessons."""
        chosen, earlier, all_breakdowns, blank = [], [], [], 0
        rows = list(rows)
        measured = [name for name in MEASURED if rows and name in rows[0]]
        for row in rows:
            same, is_current = row.get("breakdown", "") == breakdown, row["year"] == YEAR
            if any(row[name] is None for name in measured):
                blank += same
                continue
            if is_current:
                all_breakdowns.append(row)
            if same:
                (chosen if is_current else earlier).append(row)
        return cls(chosen, earlier, [*earlier, *chosen], all_breakdowns, blank)

    @property
    def too_many(self) -> int:
        """How many rows too many a learner has who takes those without a value for a part of the base; one, where none are shown."""
        return self.blank or 1


_LAST: list = []  # the rows of the last scope, by themselves, and the scope: an exercise and its ways ask for the same, one after the other


def scope_of(rows: list[Row], breakdown: str) -> Scope:
    """The scope of rows, worked out once for all ways that are computed on the same rows."""
    if not (_LAST and _LAST[0] is rows and _LAST[1] == breakdown):
        _LAST[:] = [rows, breakdown, Scope.of(rows, breakdown)]
    return _LAST[2]


Figure = Callable[[list[Row]], float]
ScopeWay = Callable[[Scope], float]


@dataclass(frozen=True)
class Kind:
    """A kind of figure: how rows make it, and the wrong ways to make it, each with its name and message.

    `traps`: see `crmnb.learn.derived.added_rows`. `columns`: what its own columns hold, in words.
    """

    figure: Figure
    ways: tuple[tuple[str, str, ScopeWay], ...]
    hint: str
    traps: tuple[tuple[str, str, str, Callable[[list[Row]], Row | None]], ...] = ()
    columns: Mapping[str, str] = field(default_factory=dict)


def ratio(part: float, whole: float, factor: float = 1.0) -> float:
    """A part out of a whole, times a factor; not a number where the whole is nothing."""
    return factor * part / whole if whole else NOTHING


def sum_of(rows: Iterable[Row], column: str) -> float:
    """The sum of a column."""
    return sum(row[column] for row in rows)


def by_customer(rows: Iterable[Row]) -> list[list[Row]]:
    """The rows of each customer together; a row without one stands by itself."""
    groups: dict[object, list[Row]] = defaultdict(list)
    for place, row in enumerate(rows):
        groups[row.get("customer_id") or ("nobody", place)].append(row)
    return list(groups.values())


def _by_breakdown(rows: Iterable[Row]) -> list[list[Row]]:
    groups: dict[object, list[Row]] = defaultdict(list)
    for row in rows:
        groups[row.get("breakdown", "")].append(row)
    return list(groups.values())


def _average(figures: Iterable[float]) -> float:
    values = list(figures)
    return sum(values) / len(values) if values else NOTHING


def common_ways(figure: Figure) -> list[tuple[str, str, ScopeWay]]:
    """The wrong ways of every kind: the right steps on the wrong rows."""
    return [
        (
            "all years together",
            "You counted the rows of all years. A figure is of its period.",
            lambda s: figure(s.all_years),
        ),
        ("the year before", f"You counted the year before. The question is about {YEAR}.", lambda s: figure(s.earlier)),
        (
            "all groups pooled",
            "You pooled groups that are reported each by itself. Then the figure moves with their mix.",
            lambda s: figure(s.all_breakdowns),
        ),
        (
            "average of the groups",
            "You averaged the figures of all groups. Each is reported by itself, and a small one would weigh as much as a large one.",
            lambda s: _average(figure(group) for group in _by_breakdown(s.all_breakdowns)),
        ),
        (
            "each customer once",
            "You took one row per customer. Here every row counts, however many a customer has.",
            lambda s: figure([group[0] for group in by_customer(s.chosen)]),
        ),
    ]


def on_scope(table: str, function: Callable, breakdown: str, whole: bool = False) -> Callable[..., float]:
    """The function of a lesson's tables ("rows", "branch" or "client"): of the scope (`whole`), or of its chosen rows."""

    def value(rows: list[Row]) -> float:
        scope = scope_of(rows, breakdown)
        return float(function(scope if whole else scope.chosen))

    takers = {
        "rows": lambda rows: value(rows),
        "branch": lambda branch: value(branch),
        "client": lambda client: value(client),
    }
    return takers[table]
