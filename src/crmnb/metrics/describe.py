"""Describe: a metric's definition as data and as text, from the definition alone."""

import textwrap

from crmnb.metrics.declarations import DECLARATIONS
from crmnb.metrics.definition import Metric


def described(metric: Metric) -> dict:
    """All that is known of a metric, as plain data."""
    return {
        "id": metric.id,
        "family": metric.family,
        "title": metric.title,
        "unit": metric.unit,
        "kind": metric.kind,
        "direction": metric.direction if isinstance(metric.direction, str) else "as the item's declared direction",
        "numerator": metric.numerator,
        "denominator": metric.denominator,
        "breakdown": metric.breakdown,
        "formula": metric.formula.text if metric.formula else "",
        "estimate": metric.estimate.name,
        "interval": metric.interval,
        "reads": list(metric.reads),
        "settings": metric.settings,
        "needs": [kind.__name__.lower() for kind in metric.declarations.values() if DECLARATIONS[kind].is_requirement],
        "definition": metric.definition,
        "why": metric.why,
        "caution": metric.caution,
        "source": metric.source,
        "hand_count": metric.hand_count,
        "published": metric.published,
    }


def in_one_line(metric: Metric) -> str:
    """`retention  retention_rate  Retention rate (%)`."""
    return f"{metric.family:<14} {metric.id:<24} {metric.title} ({metric.unit})"


def coverage(metrics: list[Metric], simulated: set[str]) -> str:
    """A table of how each metric is verified: its count by hand, its published figure, and whether its true value is simulated.

    simulated: the ids of the metrics with a true value in the simulated client. What is missing is a dash.
    """
    rows = [("metric", "count by hand", "simulated truth", "published figure")]
    for metric in metrics:
        by_hand = "yes" if metric.hand_count else "-"
        truth = "yes" if metric.id in simulated else "-"
        rows.append((metric.id, by_hand, truth, metric.published or "-"))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def in_full(metric: Metric) -> str:
    """The definition for a terminal, wrapped."""
    facts = described(metric)
    of = f"{facts['numerator']} / {facts['denominator']}" if facts["denominator"] else facts["numerator"]
    settings = ", ".join(f"{name} = {value}" for name, value in metric.settings.items()) or "none"
    lines = [f"{metric.title} ({metric.id}, {metric.unit})", f"  {of}"]
    for label, text in (
        ("", metric.definition),
        ("Why: ", metric.why),
        ("Caution: ", metric.caution),
        ("Formula: ", facts["formula"]),
        ("Interval: ", facts["interval"]),
        ("Reads: ", ", ".join(metric.reads)),
        ("Settings: ", settings),
        ("Source: ", metric.source),
    ):
        if not text:
            continue
        lines += textwrap.wrap(label + text, 100, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines) + "\n"
