"""Transfer: the metric once more on a simulated client of the learner's own, whose truth is known.

A learner's client follows from the learner's name: its true rates are drawn first, then its tables, so that nobody has the answer of a
neighbour. The figure that a learner counts differs from the truth by chance alone.
"""

from dataclasses import fields, replace
from datetime import datetime
from functools import cache
from math import exp
from random import Random
from typing import TYPE_CHECKING, Any

from crmnb.learn.corner_shop import STORED_AS
from crmnb.learn.declaration import YEAR, Plan, Tables, Transfer, apply
from crmnb.learn.feedback import Feedback, judged, shown
from crmnb.learn.question import Task

if TYPE_CHECKING:
    from crmnb.demo.draw import SimulatedTables
    from crmnb.demo.parameters import Rates

CUSTOMERS = 3000  # at the start of the first year: the interval of a share of them is a few points wide

# By how much a true rate differs from that of the demo at most, on the logit of its place between its ends.
_LOGITS = 0.4
_TABLES: dict[tuple[int, str], Tables] = {}


@cache
def client_of(learner: str) -> "tuple[Rates, SimulatedTables]":
    """The true rates and the tables of a learner's simulated client."""
    from crmnb.demo.draw import simulate_tables
    from crmnb.demo.parameters import Rates

    random = Random(f"client of {learner}")  # noqa: S311 -- an exercise, not a secret
    drawn = {}
    for rate in fields(Rates):
        by, (low, high) = random.uniform(-_LOGITS, _LOGITS), rate.metadata["between"]
        values = rate.default if isinstance(rate.default, tuple) else (rate.default,)
        moved = tuple(round(_moved(value, by, low, high), 3) for value in values)
        drawn[rate.name] = moved if isinstance(rate.default, tuple) else moved[0]
    rates = Rates(**drawn)
    return rates, simulate_tables(rates, CUSTOMERS, random.randrange(1_000_000))


def _moved(value: float, by: float, low: float, high: float) -> float:
    """A value between two ends, moved on the logit scale."""
    odds = (value - low) / (high - value) * exp(by)
    return low + (high - low) * odds / (1 + odds)


def simulated_tables(transfer: Transfer, learner: str) -> Tables:
    """The rows of a learner's simulated client, of the tables and columns of a lesson; what is empty is None."""
    key = id(transfer), learner  # a lesson's plan is made once, and lives as long as the notebook
    if key not in _TABLES:
        _TABLES[key] = _simulated(transfer, learner)
    return _TABLES[key]


def _simulated(transfer: Transfer, learner: str) -> Tables:
    _, drawn = client_of(learner)
    if transfer.rows:
        return transfer.rows(drawn)
    return {name: _rows(drawn.tables[STORED_AS.get(name, name)], columns) for name, columns in transfer.columns.items()}


def _rows(table: Any, columns: tuple[str, ...]) -> list[dict]:
    cells = [[_plain(cell) for cell in table[column].tolist()] for column in columns]
    return [dict(zip(columns, row, strict=True)) for row in zip(*cells, strict=True)]


def _plain(cell: Any) -> Any:
    """A cell as lessons have it: None for what is empty, datetime for a time."""
    if cell is None or cell != cell:
        return None
    return cell.to_pydatetime() if isinstance(cell, datetime) else cell


def true_figure(plan: Plan, learner: str) -> float:
    """The figure of a learner's simulated client in the year of the lessons if there were no chance."""
    from crmnb.demo.truth.whole_year import figures_of_year

    rates, drawn = client_of(learner)
    return figures_of_year(rates, YEAR, drawn.at_start[YEAR])[plan.metric, plan.transfer.breakdown]


def transfer_task(plan: Plan, learner: str) -> Task:
    """The task q7: the metric of the simulated client, and how far the truth is from what was counted."""
    exercise = plan.transfer.exercise
    ways = [way for way in plan.misconceptions if exercise.name in way.of]

    def judge(answer: Any) -> Feedback:
        feedback = judged(answer, exercise, ways, simulated_tables(plan.transfer, learner))
        return replace(feedback, text=f"{feedback.text}\n{_truth(plan, learner)}") if feedback.passed else feedback

    def solution() -> str:
        right = apply(exercise.value, simulated_tables(plan.transfer, learner))
        return f"{shown(right, exercise)}. {exercise.way}\n{_truth(plan, learner)}"

    decimals = f"{exercise.digits} decimals" if exercise.digits else "a whole number"
    return Task(f"{exercise.ask} ({exercise.unit}, {decimals})", judge, exercise.hints, solution)


def _truth(plan: Plan, learner: str) -> str:
    exercise = plan.transfer.exercise
    right = apply(exercise.value, simulated_tables(plan.transfer, learner))
    truth = true_figure(plan, learner)
    return (
        f"This client was made with a true figure of {shown(truth, exercise)}. What you counted is off by "
        f"{shown(abs(right - truth), exercise)}: that is chance, and why a figure needs an interval."
    )
