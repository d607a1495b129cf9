"""What a lesson is made of, as its module in `crmnb.learn.lessons` declares it (CONTRIBUTING, "Write a lesson").

A lesson's functions take tables by name, as metrics do, and each table is a list of rows (dicts). They are plain functions, so
that right values and misconceptions are cheap to compute on any data: on the corner shop, and on its variations for repeats.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from random import Random
from types import ModuleType
from typing import Any

Row = dict[str, Any]
Tables = dict[str, list[Row]]

YEAR = 2025  # the year of the corner shop that lessons are about
QUESTIONS = tuple("abcdefgh")


@dataclass(frozen=True)
class Exercise:
    """An exercise whose answer is a number.

    `value` computes the right answer from the lesson's tables; `unit` is "%" (0 to 100), "points", "count", "money", "days" or
    other words; the answer is asked with `digits` decimals. `hints` go from a nudge to the last step; the docstring of
    the function is the way that `solution()` shows.
    """

    name: str
    ask: str
    unit: str
    hints: tuple[str, ...]
    digits: int
    value: Callable[..., float]
    way: str = ""

    @property
    def tolerance(self) -> float:
        """Half a unit of the last decimal that is asked for; of whole numbers, which are counted and not rounded, less."""
        return 0.5 * 10**-self.digits if self.digits else 0.25


@dataclass(frozen=True)
class Misconception:
    """A wrong way to count: its name, what was done and why it misleads, and the function that goes this way."""

    name: str
    message: str
    value: Callable[..., float]
    of: tuple[str, ...] = ()  # the exercises that it belongs to; none: all of them


@dataclass(frozen=True)
class Trap:
    """A change of the tables, and the question which way the figure of an exercise goes then: "up", "down" or "same"."""

    name: str
    ask: str
    because: str
    change: Callable[..., Tables]
    of: str = ""  # the exercise whose figure it is; none: the first


@dataclass(frozen=True)
class Claim:
    """A sentence about the result, and whether it may be said. `{value}`, `{interval}`, `{base}` ... are filled in (`crmnb.learn.words`).

    `caution`: it is about the metric's caution. Each lesson has one of these. `where`: of which results it is asked, as its verdict holds for
    these alone (`crmnb.learn.declaration.without_change`); by default of all.
    """

    text: str
    allowed: bool
    because: str
    caution: bool = False
    where: Callable[[Mapping[str, str]], bool] | None = field(default=None, repr=False)


@dataclass(frozen=True)
class Misuse:
    """A slide: its lines, which of them misuses the metric (from 1), and why. The places are filled in as in a claim."""

    slide: tuple[str, ...]
    line: int
    because: str


@dataclass(frozen=True)
class Transfer:
    """The exercise on the simulated client: its tables and columns, and the breakdown of the true figure (`crmnb.learn.transfer`).

    `value` of the exercise computes the right answer from the tables of the simulated client. `rows`: of a derived lesson, which
    tables it makes of the simulated ones.
    """

    exercise: Exercise
    columns: dict[str, tuple[str, ...]]
    breakdown: str
    rows: Callable[..., Tables] | None = None


@dataclass(frozen=True)
class Plan:
    """A whole lesson, as declared or derived.

    `redraw` gives other tables of the same form. `client_rows`: where the lesson shows sums of a client's rows, rows of the client's tables
    that have these sums. `by_table`: it takes any of the tables alone, and each exercise has tables of its own.
    `definition`: of a derived lesson, what the metric is; a written one tells it in its prose. `hidden`: columns that hold what the learner has to find in the others; nobody is shown them.
    """

    metric: str
    question: str
    tables: Tables
    exercises: dict[str, Exercise]
    misconceptions: tuple[Misconception, ...] = ()
    traps: tuple[Trap, ...] = ()
    claims: tuple[Claim, ...] | Callable[[Mapping[str, str]], tuple[Claim, ...]] = ()
    misuses: tuple[Misuse, ...] = ()
    breakdown: str | None = None
    transfer: Transfer | None = None
    redraw: Callable[[Tables, Random], Tables] | None = field(default=None, repr=False)
    client_rows: Callable[..., Tables] | None = field(default=None, repr=False)
    by_table: bool = False
    hidden: frozenset[str] = frozenset()
    definition: str = ""

    def claims_with(self, words: Mapping[str, str]) -> tuple[Claim, ...]:
        """The claims; those of a derived lesson depend on what its result has: an interval, a figure at all."""
        claims = self.claims(words) if callable(self.claims) else self.claims
        return tuple(claim for claim in claims if claim.where is None or claim.where(words))

    def misconceptions_of(self, exercise: str) -> list[Misconception]:
        """Those that belong to an exercise."""
        return [way for way in self.misconceptions if not way.of or exercise in way.of]


def exercise(name: str, ask: str, *, unit: str, hints: Iterable[str], digits: int = 2) -> Callable[..., Exercise]:
    """Declare the function below as an exercise; it computes the right answer, and its docstring is the way there."""
    return lambda function: Exercise(name, ask, unit, tuple(hints), digits, function, _documented(function))


def misconception(name: str, *, of: Iterable[str] = ()) -> Callable[..., Misconception]:
    """Declare the function below as a wrong way to count; its docstring says what was done and why it misleads."""
    return lambda function: Misconception(name, _documented(function), function, tuple(of))


def trap(name: str, ask: str, *, of: str = "") -> Callable[..., Trap]:
    """Declare the function below as a trap: it returns the tables that it changes, by name; its docstring says why the figure goes so."""
    return lambda function: Trap(name, ask, _documented(function), function, of)


def transfer(
    ask: str,
    *,
    unit: str,
    hints: Iterable[str],
    tables: dict[str, tuple[str, ...]],
    breakdown: str = "",
    digits: int = 2,
) -> Callable[..., Transfer]:
    """Declare the function below as q7, the exercise on the simulated client; `breakdown` names the true figure beside it.

    tables: of each table of the simulated client, the columns that the learner sees.
    """
    return lambda function: Transfer(
        Exercise("q7", ask, unit, tuple(hints), digits, function, _documented(function)), tables, breakdown
    )


def _documented(function: Callable[..., Any]) -> str:
    return " ".join((inspect.getdoc(function) or "").split())


def apply(function: Callable[..., Any], tables: Tables) -> Any:
    """Call a lesson's function with the tables that its parameters name."""
    return function(**{name: tables[name] for name in tables_of(function)})


@cache
def tables_of(function: Callable[..., Any]) -> tuple[str, ...]:
    """The tables that a lesson's function takes."""
    return tuple(inspect.signature(function).parameters)


def plan_of(module: ModuleType, metric: str, tables: Tables) -> Plan:
    """The lesson that a module declares. tables: the corner shop's rows of the module's `TABLES`."""
    declared = list(vars(module).values())
    select = getattr(module, "select", None)
    return Plan(
        metric=metric,
        question=module.QUESTION,
        tables=apply(select, tables) if select else tables,
        exercises={item.name: item for item in declared if isinstance(item, Exercise)},
        misconceptions=tuple(item for item in declared if isinstance(item, Misconception)),
        traps=tuple(item for item in declared if isinstance(item, Trap)),
        claims=tuple(getattr(module, "CLAIMS", ())),
        misuses=tuple(getattr(module, "MISUSES", ())),
        breakdown=getattr(module, "BREAKDOWN", None),
        transfer=next((item for item in declared if isinstance(item, Transfer)), None),
        redraw=getattr(module, "redraw", None),
        client_rows=getattr(module, "client_rows", None),
    )


def visible(rows: Iterable[Row], hidden: frozenset[str]) -> list[Row]:
    """The rows as a learner sees them: without the columns that hold what is to be found."""
    return [{name: value for name, value in row.items() if name not in hidden} for row in rows]


# What lessons' functions share.


def during(rows: Iterable[Row], time: str, year: int = YEAR) -> list[Row]:
    """The rows whose time lies in a calendar year: from its first instant until the next year begins."""
    return [row for row in rows if row[time] is not None and row[time].year == year]


def before(rows: Iterable[Row], time: str, year: int = YEAR) -> list[Row]:
    """The rows whose time lies before a calendar year."""
    return [row for row in rows if row[time] is not None and row[time] < datetime(year, 1, 1)]


def known(rows: Iterable[Row], column: str) -> list[Any]:
    """The values of a column, without empty ones."""
    return [row[column] for row in rows if row[column] is not None]


def percent(part: float, whole: float) -> float:
    """A part out of a whole in percent; not a number where the whole is nothing."""
    return 100 * part / whole if whole else float("nan")


def without_change(words: Mapping[str, str]) -> bool:
    """Whether a result has no change that is beyond chance."""
    return "no detectable" in words["change"] or "no comparison" in words["change"]


def on_both_sides_of_0(words: Mapping[str, str]) -> bool:
    """Whether the interval of a result has both negative and positive values."""
    low, _, high = words["limits"].partition(" to ")
    return low.startswith("\N{MINUS SIGN}") and not high.startswith("\N{MINUS SIGN}")


def mean(values: Iterable[float]) -> float:
    """The mean; not a number where there are no values."""
    values = list(values)
    return sum(values) / len(values) if values else float("nan")
