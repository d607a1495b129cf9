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
from crmnb.schema.client import (
    TEAM_COLUMN,
    Churn,
    Client,
    Dates,
    Employees,
    Feedback,
    Item,
    Items,
    Relationship,
    Segment,
    Segments,
    Service,
    TimeZone,
    Worth,
)

if TYPE_CHECKING:
    from crmnb.metrics.definition import Metric

_YEAR = Period.parse("2025")  # any will do
_CHURNS = (Churn(kind="inactivity", inactivity_days=365), Churn(kind="contractual", table="subscriptions"))


@cache
def _tables() -> Tables:
    """The tables of a client who declares most of what there is to declare."""
    of = Client(id="empty", folder=Path(), name="", currency="EUR", sources={}, tables={}, churn=_CHURNS[0])
    return without_rows(of, _YEAR.end, {"item": "INTEGER"})


def empty_views(metric: "Metric") -> tuple[Periods, list[View]]:
    """The periods and the tables of a metric, without a row."""
    tables = _tables()
    periods = Periods({0: _YEAR, 1: _YEAR.previous}, relation_in(tables.derived))
    return periods, tables.views(metric.tables, periods, per_customer=metric.per_customer)


def stand_ins(metric: "Metric") -> Iterator[dict[str, Any]]:
    """Settings and declarations that a metric may be called with, one after the other."""
    items = [
        Item(name="item", scale=scale, direction=direction)
        for direction, scale in product(("up", "effort"), ((0, 10), (1, 5)))
    ]
    kinds = {
        Item: items,
        Items: [Items({"item": items[0]})],
        Relationship: [Relationship(index=("item",), drivers={"driver": ("item",)}, outcomes={"outcome": ("item",)})],
        Feedback: [Feedback(language="en", codebook={"theme": ("word",)}, lexicon={"word": 1})],
        Employees: [Employees(engagement=("item",), culture=("item",))],
        Churn: _CHURNS,
        Worth: [Worth(margin_rate=0.5)],
        Segments: [
            Segments({"channel": Segment(column="customers.acquisition_channel"), "team": Segment(column=TEAM_COLUMN)})
        ],
        Service: [Service()],
        TimeZone: [TimeZone("UTC")],
        Dates: [Dates("day")],
    }
    declared = {name: kinds[type_] for name, type_ in metric.declarations.items()}
    settings = {name: value for name, value in metric.settings.items() if name not in declared}
    for chosen in product(*declared.values()):
        yield settings | dict(zip(declared, chosen, strict=True))
