"""Neighbours: the metrics that a metric is made of, those made of it, and those that show another aspect of the same fact."""

from collections.abc import Iterable
from functools import cache

from crmnb.metrics.definition import Metric, catalogue


def made_of(metric: Metric) -> list[Metric]:
    """The metrics of whose figures it is made, or on which it rests."""
    return [catalogue()[name] for name in dict.fromkeys(metric.measure.inputs) if name in catalogue()]


def makes(metric: Metric) -> list[Metric]:
    """The metrics that are made of it, or rest on it."""
    return [other for other in catalogue().values() if metric.id in other.measure.inputs]


def aspects(metric: Metric) -> list[Metric]:
    """The other metrics of the same fact: the main one first."""
    main = metric.measure.aspect_of or metric.id
    return [other for other in _group(main) if other.id != metric.id]


@cache
def _group(main: str) -> tuple[Metric, ...]:
    others = (other for other in catalogue().values() if other.measure.aspect_of == main)
    return (*([catalogue()[main]] if main in catalogue() else []), *others)


def around(metric: Metric, metrics: Iterable[Metric]) -> tuple[Metric | None, Metric | None]:
    """The metrics before and after it, in the order of the handbook."""
    order = list(metrics)
    place = next(at for at, other in enumerate(order) if other.id == metric.id)
    before = order[place - 1] if place else None
    return before, order[place + 1] if place + 1 < len(order) else None
