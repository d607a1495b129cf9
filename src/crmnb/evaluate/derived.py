"""Derived metrics: figures that are made of other metrics' figures, with the uncertainty of these."""

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.metrics.measures import Measure

METHOD = "made of other metrics; their intervals' arms squared and added"
_GROUP = ["win", "part", "segment", "level"]
_HIDDEN = ("suppressed", "unavailable", "not_reached")


def derived_rows(rows: pd.DataFrame, measures: dict[str, Measure]) -> pd.DataFrame:
    """The rows of derived metrics, by the metric's id the measure that names its inputs, from the rows of these.

    rows: as they may be shown, after small groups are hidden: from what is hidden nothing is made, so that a derived figure tells
    nothing that its inputs do not. An input with breakdowns gives its nameless one. The limits are those of Zou & Donner 2008,
    Statistics in Medicine 27:1693, for any function that moves one way with each input: the arms that each input's limits make of
    it, squared and added. The inputs count as independent.
    """
    nameless = rows[rows["breakdown"] == ""]
    found = []
    for id_, measure in measures.items():
        inputs = [nameless[nameless["metric"] == name].set_index(_GROUP) for name in measure.inputs]
        keys = inputs[0].index.intersection(inputs[1].index) if len(inputs) == 2 else inputs[0].index
        for more in inputs[2:]:
            keys = keys.intersection(more.index)
        for key in keys:
            cells = [each.loc[key] for each in inputs]
            found.append(dict(zip(_GROUP, key, strict=True)) | {"metric": id_} | _combined(cells, measure))
    return pd.DataFrame(found)


def _combined(cells: list[pd.Series], measure: Measure) -> dict[str, object]:
    """The figures of a group from its inputs'."""
    flags = " ".join(dict.fromkeys(flag for cell in cells for flag in cell["flags"].split()))
    sizes = {name: min(cell[name] for cell in cells) for name in ("n", "clusters")}
    none = {"value": np.nan, "low": np.nan, "high": np.nan, "numerator": np.nan, "denominator": np.nan}
    facts = {"breakdown": "", "flags": flags, "reason": "", "method": METHOD, "correlation": 0.0, "n_effective": np.nan}
    values = [float(cell["value"]) for cell in cells]
    if any(np.isnan(value) for value in values) or any(flag in flags for flag in _HIDDEN):
        cell = next((cell for cell in cells if np.isnan(cell["value"])), cells[0])
        return facts | sizes | none | {"reason": cell["reason"], "flags": flags or "unavailable", "method": ""}
    try:
        value = float(measure.combine(*values))
    except ZeroDivisionError:
        return facts | sizes | none | {"flags": "unavailable", "reason": Note("no_denominator").to_json(), "method": ""}
    below, above = zip(*(_arms(measure, values, value, at, cell) for at, cell in enumerate(cells)), strict=True)
    limits = {"low": value - np.hypot.reduce(below), "high": value + np.hypot.reduce(above)}
    return facts | sizes | none | {"value": value} | limits


def _arms(measure: Measure, values: list[float], value: float, at: int, cell: pd.Series) -> tuple[float, float]:
    """How far the figure falls and rises as one of its inputs goes to its limits; NaN where it has none."""
    ends = []
    for limit in (cell["low"], cell["high"]):
        try:
            ends.append(float(measure.combine(*values[:at], float(limit), *values[at + 1 :])))
        except ZeroDivisionError:
            ends.append(np.inf)
    return value - min(ends), max(ends) - value
