"""The last question of a derived lesson: the same figure of a simulated client of the learner's own, whose truth is known."""

from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import TYPE_CHECKING

from crmnb.learn.declaration import YEAR, Exercise, Misconception, Plan, Tables, Transfer
from crmnb.learn.derived.evidence import KindOf, kinds_of, rows_of_year
from crmnb.learn.derived.scope import on_scope
from crmnb.metrics.definition import Metric
from crmnb.schema.tables import TABLES

if TYPE_CHECKING:
    from crmnb.demo.draw import SimulatedTables

CLIENT = "demo"  # whose parameters file declares what the simulated tables mean
MOST_ROWS = 100_000


def with_transfer(plan: Plan, metric: Metric, make: KindOf, breakdown: str) -> Plan:
    """The plan with q7, where the true figure of the simulated client is known. make: the kind of figure that the lesson is about."""
    of_import = any(
        name in TABLES and TABLES[name].by_import for name in metric.tables
    )  # which a simulation has none of
    if of_import or (metric.id, breakdown) not in _true_figures():
        return plan
    kind = make(metric.scaled, metric.numerator, metric.denominator or metric.numerator)
    first = plan.exercises["q2"]
    ask = f'And of a client of your own, whose rows are simulated["client"]? {metric.title}, {YEAR}. Use pandas.'
    exercise = Exercise(
        "q7", ask, first.unit, first.hints, first.digits, on_scope("client", kind.figure, breakdown), first.way
    )
    known = {way.name for way in plan.misconceptions_of("q2")}
    ways = [
        Misconception(name, message, on_scope("client", function, breakdown, whole=True), ("q7",))
        for name, message, function in kind.ways
        if name in known
    ]
    transfer = Transfer(exercise, {}, breakdown, lambda drawn: _rows(metric, make, drawn))
    return replace(plan, transfer=transfer, misconceptions=(*plan.misconceptions, *ways))


@cache
def _true_figures() -> frozenset[tuple[str, str]]:
    """The metrics and breakdowns whose true figure the simulation knows."""
    from crmnb.demo.parameters import Rates
    from crmnb.demo.truth.whole_year import figures_of_year

    return frozenset(figures_of_year(Rates(), YEAR, 1))


def _rows(metric: Metric, make: KindOf, drawn: "SimulatedTables") -> Tables:
    """The evidence of the simulated client in the year, as the kind of figure takes it."""
    from crmnb.engine.session import in_memory
    from crmnb.learn.corner_shop import project
    from crmnb.schema.client import load_client

    tables = in_memory(load_client(CLIENT, project() / "parameters"), drawn.tables)
    rows = rows_of_year(metric, tables, YEAR, datetime(YEAR - 2, 1, 1), MOST_ROWS)
    return {"client": next((shown for kind, shown in kinds_of(rows, []) if kind is make), [])}
