"""Evaluation: the results of all families of a report, with one disclosure control and one correction for many comparisons."""

from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

from crmnb.core.errors import InputError
from crmnb.core.period import Period
from crmnb.engine.session import Tables
from crmnb.evaluate.measure import Measured, measure, measure_all
from crmnb.evaluate.result import Result
from crmnb.evaluate.results_frame import rounded, with_signals
from crmnb.evaluate.settings import compared_with
from crmnb.metrics.definition import Metric, family

Results = dict[str, dict[str, Result]]


@dataclass(frozen=True)
class Evaluation:
    """Results by family and metric id, and the error of each family that could not be evaluated."""

    results: Results
    failures: dict[str, Exception]


def evaluate(families: Iterable[str], tables: Tables, period: Period) -> Evaluation:
    """Evaluate all metrics of the families, in the order of their files.

    Small groups are hidden, and signals looked for, over all of them at once: a figure that one family hides cannot be
    had from another, and the share of false signals is that of everything a report lists. `period` must know what was
    observed (`Period.observe`). A family with a faulty metric does not keep the others from being evaluated. Raises
    InputError for settings that are wrong, OSError and MemoryError where the machine fails.
    """
    names = list(families)
    try:
        return Evaluation(_results(names, tables, period), {})
    except (InputError, OSError, MemoryError):
        raise
    except Exception:
        failures = {name: fault for name in names if (fault := _fault(name, tables, period))}
        return Evaluation(_results([name for name in names if name not in failures], tables, period), failures)


def evaluate_variant(metric: Metric, tables: Tables, period: Period) -> Result:
    """Evaluate one metric by itself, as an analyst asks for it with settings that the report does not use."""
    measured = measure(metric, tables, period)
    rows = with_signals(measured.rows, {metric.id: measured.direction})
    return _result(measured, rows, tables, period)


def _results(names: list[str], tables: Tables, period: Period) -> Results:
    metrics = [metric for name in names for metric in family(name).values()]
    if not metrics:
        return {name: {} for name in names}
    measured = dict(zip((metric.id for metric in metrics), measure_all(metrics, tables, period), strict=True))
    frame = pd.concat([measurement.rows for measurement in measured.values()], ignore_index=True)
    frame = with_signals(frame, {id_: measurement.direction for id_, measurement in measured.items()})
    rows = {id_: part.reset_index(drop=True) for id_, part in frame.groupby("metric", sort=False)}
    return {name: {id_: _result(measured[id_], rows[id_], tables, period) for id_ in family(name)} for name in names}


def _result(measured: Measured, rows: pd.DataFrame, tables: Tables, period: Period) -> Result:
    comparison, _ = compared_with(tables.client, period)
    points = measured.points
    points = rounded(points, points.select_dtypes("float")) if len(points) else points
    facts = measured.settings, measured.notes, measured.direction, points
    return Result(measured.metric, tables.client, period, comparison, rows, *facts)


def _fault(name: str, tables: Tables, period: Period) -> Exception | None:
    """The error that a family by itself ends in."""
    try:
        measure_all(family(name).values(), tables, period)
    except (InputError, OSError, MemoryError):
        raise
    except Exception as fault:
        return fault
    return None
