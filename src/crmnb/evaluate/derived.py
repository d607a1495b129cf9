"""Derived metrics: figures that are made of other metrics' figures, with the uncertainty of these."""

from graphlib import TopologicalSorter

import numpy as np
import pandas as pd

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.evaluate.peer_figures import beside_peers
from crmnb.evaluate.request import Request
from crmnb.metrics.measures import Measure
from crmnb.schema.client import Client
from crmnb.stats.estimation import Estimates

METHOD = "made of other metrics; their intervals' arms squared and added"
_GROUP = ["win", "part", "segment", "level"]
_HIDDEN = ("suppressed", "unavailable", "not_reached")
_NO_FIGURES = dict.fromkeys(
    ("value", "low", "high", "n", "clusters", "numerator", "denominator", "n_effective"), np.nan
)

Windows = dict[str, Period]
Inferred = dict[str, Estimates]


def with_derived(rows: pd.DataFrame, requests: dict[str, Request], client: Client) -> tuple[pd.DataFrame, Inferred]:
    """The rows, and after them those of derived metrics, each of which may be made of others; and the estimates of those that have some.

    rows: as they may be shown, after small groups are hidden: from what is hidden nothing is made, so that a derived figure reveals
    nothing that its inputs do not. requests: of all metrics, by id; those without a window lack a declaration.
    """
    measures = {id_: r.metric.measure for id_, r in requests.items() if r.windows and r.metric.measure.is_derived}
    inputs = {id_: [name for name in measure.inputs if name in measures] for id_, measure in measures.items()}
    inferred: Inferred = {}
    for id_ in TopologicalSorter(inputs).static_order():
        measure, windows = measures[id_], requests[id_].windows
        if measure.names_inputs:
            inferred[id_] = beside_peers(rows, requests[id_], requests, client)
            own = pd.DataFrame(inferred[id_].rows)
        else:
            own = _transformed(rows, measure, windows) if measure.transform else _combined(rows, measure)
        rows = pd.concat([rows, own.assign(metric=id_)], ignore_index=True) if len(own) else rows
    return rows, inferred


# ---- One input ------------------------------------------------------------------------------------------------------


def _transformed(rows: pd.DataFrame, measure: Measure, windows: Windows) -> pd.DataFrame:
    """A single input's rows with the value and both limits transformed, which is exact as the function rises or falls throughout."""
    of_input = rows[rows["metric"] == measure.inputs[0]]
    parts = [_in_window(part, measure, windows[win]) for win, part in of_input.groupby("win") if win in windows]
    return pd.concat(parts) if parts else of_input[:0]


def _in_window(rows: pd.DataFrame, measure: Measure, period: Period) -> pd.DataFrame:
    """The rows of one window; where the function is of no use in this period, one row with the reason. The input's reasons come first."""
    if rows["value"].isna().all():
        return rows
    try:
        value, low, high = (measure.transform(rows[name], period) for name in ("value", "low", "high"))
    except Unavailable as unavailable:
        whole = rows[rows["segment"] == ""].iloc[:1]
        reason = unavailable.reason.to_json()
        return whole.assign(**_NO_FIGURES, breakdown="", flags="unavailable", reason=reason, method="", correlation=0.0)
    rows = rows.assign(value=value, low=np.minimum(low, high), high=np.maximum(low, high))
    return rows.assign(numerator=rows["denominator"] - rows["numerator"]) if measure.complement else rows


# ---- Several inputs -------------------------------------------------------------------------------------------------


def _combined(rows: pd.DataFrame, measure: Measure) -> pd.DataFrame:
    """The groups that all inputs have. An input with breakdowns gives its nameless one.

    The limits are those of Zou & Donner 2008, Statistics in Medicine 27:1693, for any function that moves one way with each input: the
    arms that each input's limits make of it, squared and added. The inputs count as independent.
    """
    nameless = rows[rows["breakdown"] == ""]
    inputs = [nameless[nameless["metric"] == name].set_index(_GROUP) for name in measure.inputs]
    keys = inputs[0].index
    for other in inputs[1:]:
        keys = keys.intersection(other.index)
    cells = ([rows_of_input.loc[key] for rows_of_input in inputs] for key in keys)
    groups = [dict(zip(_GROUP, key, strict=True)) for key in keys]
    return pd.DataFrame([group | _figures(of_group, measure) for group, of_group in zip(groups, cells, strict=True)])


def _figures(cells: list[pd.Series], measure: Measure) -> dict[str, object]:
    """The figures of a group from its inputs'."""
    flags = " ".join(dict.fromkeys(flag for cell in cells for flag in cell["flags"].split()))
    sizes = {name: min(cell[name] for cell in cells) for name in ("n", "clusters")}
    facts = {"breakdown": "", "flags": flags, "reason": "", "method": METHOD, "correlation": 0.0}
    values = [float(cell["value"]) for cell in cells]
    if any(np.isnan(value) for value in values) or any(flag in flags for flag in _HIDDEN):
        cell = next((cell for cell in cells if np.isnan(cell["value"])), cells[0])
        return _NO_FIGURES | facts | sizes | {"reason": cell["reason"], "flags": flags or "unavailable", "method": ""}
    try:
        value = float(measure.combine(*values))
    except ZeroDivisionError:
        reason = Note("no_denominator").to_json()
        return _NO_FIGURES | facts | sizes | {"flags": "unavailable", "reason": reason, "method": ""}
    below, above = zip(*(_arms(measure, values, value, at, cell) for at, cell in enumerate(cells)), strict=True)
    limits = {"low": value - np.hypot.reduce(below), "high": value + np.hypot.reduce(above)}
    return _NO_FIGURES | facts | sizes | {"value": value} | limits


def _arms(measure: Measure, values: list[float], value: float, at: int, cell: pd.Series) -> tuple[float, float]:
    """How far the figure falls and rises as one of its inputs goes to its limits; NaN where it has none."""
    ends = []
    for limit in (cell["low"], cell["high"]):
        try:
            ends.append(float(measure.combine(*values[:at], float(limit), *values[at + 1 :])))
        except ZeroDivisionError:
            ends.append(np.inf)
    return value - min(ends), max(ends) - value
