"""Empty tables: what every table looks like, and stand-ins for declarations, so that a metric can say what it measures without a client."""

from collections.abc import Iterator
from functools import cache
from itertools import product
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmnb.core.period import Period
from crmnb.engine.periods import Periods, relation_in
from crmnb.engine.session import Tables, without_rows
from crmnb.engine.views import View
from crmnb.metrics.declarations import DECLARATIONS
from crmnb.schema.client import Churn, Client

if TYPE_CHECKING:
    from crmnb.metrics.definition import Metric

_YEAR = Period.parse("2025")  # any will do


@cache
def _tables() -> Tables:
    """The tables of a client who declares most of what there is to declare."""
    of = Client(
        id="empty",
        folder=Path(),
        name="",
        currency="EUR",
        sources={},
        tables={},
        churn=DECLARATIONS[Churn].stand_ins[0],
    )
    return without_rows(of, _YEAR.end, {"item": "INTEGER"})


def empty_views(metric: "Metric") -> tuple[Periods, list[View]]:
    """The periods and the tables of a metric, without a row."""
    tables = _tables()
    periods = Periods({0: _YEAR, 1: _YEAR.previous}, relation_in(tables.derived))
    return periods, tables.views(metric.tables, periods, per_customer=metric.per_customer)


def stand_ins(metric: "Metric") -> Iterator[dict[str, Any]]:
    """Settings and declarations that a metric may be called with, one after the other."""
    declared = {name: DECLARATIONS[kind].stand_ins for name, kind in metric.declarations.items()}
    settings = {name: value for name, value in metric.settings.items() if name not in declared}
    for chosen in product(*declared.values()):
        yield settings | dict(zip(declared, chosen, strict=True))
