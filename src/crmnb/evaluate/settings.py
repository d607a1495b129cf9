"""Settings: what a client's parameters file says about metrics: their settings, targets, and what is compared."""

from typing import Any

from crmnb.core.errors import InputError, Unavailable, nearest
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.session import Tables
from crmnb.metrics.declarations import DECLARATIONS
from crmnb.metrics.definition import Metric, catalogue, families
from crmnb.schema.client import Churn, Client

_OF_CONTRACTS = "renewal_"  # how the names of settings begin that mean nothing where customers are lost by inactivity
# The least and the most of whole numbers among the settings, by how their names end.
_BOUNDS = {"_days": (1, 3650), "_hours": (1, 87_600), "_months": (1, 600), "": (1, 1000)}


def resolve(metric: Metric, client: Client) -> tuple[dict[str, Any], dict[str, str]]:
    """The keyword arguments of a metric for a client, and those that mean something for this client in words.

    Raises InputError for an unknown setting, a value of another type than its default's or out of bounds; Unavailable where a
    declaration that the metric needs (an item of a survey, churn) is missing.
    """
    chosen = client.settings.get(metric.id, {})
    for name in chosen:
        if name not in metric.settings:
            raise InputError(
                f"parameters file {client.id}.yml, settings.{metric.id}: {name!r} is not a setting of this metric."
                + nearest(name, metric.settings)
            )
    values = {name: chosen.get(name, default) for name, default in metric.settings.items()}
    arguments = {
        name: _checked(metric, client, name, value) for name, value in values.items() if name not in metric.declarations
    }
    words = {name: str(value) for name, value in arguments.items()}
    for name, kind in metric.declarations.items():
        arguments[name] = DECLARATIONS[kind].argument(client, metric.family, values.get(name))
        if text := DECLARATIONS[kind].words(arguments[name]):
            words[name] = text
        if kind is Churn and client.churn.kind == "inactivity":
            words = {name: text for name, text in words.items() if not name.startswith(_OF_CONTRACTS)}
    return arguments, {name: words[name] for name in (*values, *metric.declarations) if name in words}


def _checked(metric: Metric, client: Client, name: str, value: Any) -> Any:
    """The value of a setting. Raises InputError where it is of another type than its default, or out of bounds."""
    default, key = metric.settings[name], f"parameters file {client.id}.yml, settings.{metric.id}.{name}"
    if type(value) is not type(default):
        kind = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}[type(default)]
        raise InputError(f"{key}: {value!r} is not {kind} (default {default}).")
    least, most = next(bounds for ending, bounds in _BOUNDS.items() if name.endswith(ending))
    if type(default) is int and not least <= value <= most:
        raise InputError(f"{key}: {value} is out of range; it must be from {least} to {most:,}.")
    return value


def check_settings(client: Client) -> None:
    """Raise InputError where `settings`, `targets`, `objectives`, `scorecard` or `alerts` name a metric or setting that does not exist, or a segment a family."""
    known = catalogue()
    for name, segment in client.segments.items():
        for family in segment.families:
            if family not in families():
                raise InputError(
                    f"parameters file {client.id}.yml, segments.{name}.families: unknown family {family!r}."
                    + nearest(family, families())
                )
    named = {key: getattr(client, key) for key in ("settings", "targets", "objectives")}
    named["alerts.thresholds"] = [threshold.metric for threshold in client.alerts.thresholds]
    named["alerts.changes"] = [name for change in client.alerts.changes for name in change.metrics]
    named |= {f"initiatives.{name}.metric": [initiative.metric] for name, initiative in client.initiatives.items()}
    named |= {f"scorecard.{objective}": metrics for objective, metrics in client.scorecard.items()}
    for key, names in named.items():
        for name in names:
            if name not in known:
                raise InputError(
                    f"parameters file {client.id}.yml, {key}: unknown metric {name!r}." + nearest(name, known)
                )
    for name in client.settings:
        try:
            resolve(known[name], client)
        except Unavailable:
            continue  # noted in the report, beside the metric


def compared_with(client: Client, period: Period) -> tuple[Period, Note | None]:
    """The comparison period, and the reason why nothing is compared (None where it is).

    Where the client declares none: a year before for months, quarters and other whole months under a year, which have seasons and
    are not equally long; else the period just before.
    """
    comparison = getattr(period, client.comparison or _usual_comparison(period))
    for side in (period, comparison):
        if side.partial:
            begins = f"{side.data_from:%Y-%m-%d}" if side.data_from and side.start < side.data_from else None
            ends = f"{side.last_observed_day:%Y-%m-%d}" if side.cutoff and side.end > side.cutoff else None
            return comparison, Note("no_comparison_partial", period=side.label, begins=begins, ends=ends)
    return comparison, None


def _usual_comparison(period: Period) -> str:
    return "year_before" if 0 < period.months < 12 else "previous"


LONGEST_SLACK = 0.05  # of a length: a month of 30 days beside one of 31, 29 February, a leap year


def length_beyond(metric: Metric, period: Period, comparison: Period) -> float:
    """By which share of the shorter of two periods the other is longer, where that moves the metric; else 0."""
    if not metric.depends_on_length:
        return 0.0
    return max(period.days, comparison.days) / min(period.days, comparison.days) - 1


def of_other_length(metric: Metric, period: Period, comparison: Period) -> Note | None:
    """The reason why a metric is not compared where its value depends on the length of the periods, None where it is."""
    if length_beyond(metric, period, comparison) < LONGEST_SLACK:
        return None
    return Note("no_comparison_length", **lengths(period, comparison))


def lengths(period: Period, comparison: Period) -> dict[str, str | int]:
    """The labels and lengths in days of two periods, as values of a note."""
    return {
        "period": period.label,
        "days": period.days,
        "comparison": comparison.label,
        "comparison_days": comparison.days,
    }


def seen_by(metric: Metric, tables: Tables, period: Period, looks_back: bool | None = None) -> Period:
    """The period as seen by the tables of a metric that looks back: one of them may begin later than the others.

    Where the client declares the first day, that is believed for all. looks_back: whether it does, where its measure is not known yet.
    """
    if looks_back is None:
        looks_back = "churn" in metric.declarations or metric.looks_back
    if tables.client.data_from or period.data_from is None or not looks_back:
        return period
    first = tables.first_day(tables.source_of(name) for name in metric.reads)
    return period.observe(max(first, period.data_from) if first else period.data_from, period.cutoff)
