"""Describe: a metric's definition as data and as text, from the definition alone."""

import textwrap

from crmnb.metrics.definition import Metric
from crmnb.schema.client import Dates


def described(metric: Metric) -> dict:
    """All that is known of a metric, as plain data."""
    return {
        "id": metric.id,
        "family": metric.family,
        "title": metric.title,
        "unit": metric.unit,
        "kind": metric.kind,
        "better": metric.better if isinstance(metric.better, str) else "as the item's declared direction",
        "counts": metric.counts,
        "out_of": metric.out_of,
        "component": metric.component,
        "estimate": metric.estimate.name,
        "interval": metric.estimate.interval,
        "reads": list(metric.reads),
        "settings": metric.settings,
        "needs": [kind.__name__.lower() for kind in metric.declarations.values() if kind is not Dates],
        "definition": metric.definition,
        "why": metric.why,
        "beware": metric.beware,
        "source": metric.source,
        "by_hand": metric.by_hand,
        "published": metric.published,
    }


def in_one_line(metric: Metric) -> str:
    """`retention  retention_rate  Retention rate (%)`."""
    return f"{metric.family:<14} {metric.id:<24} {metric.title} ({metric.unit})"


def in_full(metric: Metric) -> str:
    """The definition for a terminal, wrapped."""
    facts = described(metric)
    of = f"{facts['counts']} / {facts['out_of']}" if facts["out_of"] else facts["counts"]
    settings = ", ".join(f"{name} = {value}" for name, value in metric.settings.items()) or "none"
    lines = [f"{metric.title} ({metric.id}, {metric.unit})", f"  {of}"]
    for label, text in (
        ("", metric.definition),
        ("Why: ", metric.why),
        ("Beware: ", metric.beware),
        ("Interval: ", facts["interval"]),
        ("Reads: ", ", ".join(metric.reads)),
        ("Settings: ", settings),
        ("Source: ", metric.source),
    ):
        lines += textwrap.wrap(label + text, 100, initial_indent="  ", subsequent_indent="    ")
    return "\n".join(lines) + "\n"
