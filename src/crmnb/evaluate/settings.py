"""Settings: what a client's parameters file says about metrics: their settings, targets, and what is compared."""

from typing import Any

from crmnb.core.errors import InputError, Unavailable, nearest
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.session import Tables
from crmnb.metrics.definition import Metric, catalogue, families
from crmnb.schema.client import (
    Client,
    Dates,
    Employees,
    Feedback,
    Item,
    Items,
    Relationship,
    Segments,
    Service,
    TimeZone,
    Worth,
)

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
    arguments, words = {}, {}
    for name, default in metric.settings.items():
        value = chosen.get(name, default)
        if name in metric.declarations:
            arguments[name], words[name] = _item(metric, client, value)
            continue
        if type(value) is not type(default):
            kind = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}[type(default)]
            raise InputError(
                f"parameters file {client.id}.yml, settings.{metric.id}.{name}: {value!r} is not {kind} (default {default})."
            )
        least, most = next(bounds for ending, bounds in _BOUNDS.items() if name.endswith(ending))
        if type(default) is int and not least <= value <= most:
            raise InputError(
                f"parameters file {client.id}.yml, settings.{metric.id}.{name}: {value} is out of range; it must be from {least} "
                f"to {most:,}."
            )
        arguments[name], words[name] = value, str(value)
    if "churn" in metric.declarations:
        if client.churn is None:
            raise Unavailable(Note("needs_churn_declaration"))
        arguments["churn"] = client.churn
        days = f" ({client.churn.inactivity_days} days)" if client.churn.kind == "inactivity" else ""
        words["churn"] = f"{client.churn.kind}{days}"
        if client.churn.kind == "inactivity":
            words = {name: text for name, text in words.items() if not name.startswith(_OF_CONTRACTS)}
    if Relationship in metric.declarations.values() and client.relationship is None:
        raise Unavailable(Note("needs_relationship", table="survey_responses"))
    if Feedback in metric.declarations.values() and client.feedback is None:
        raise Unavailable(Note("needs_feedback", table="survey_responses"))
    if Employees in metric.declarations.values() and client.employees is None:
        raise Unavailable(Note("needs_employees", table="employee_responses"))
    whole = {
        Relationship: client.relationship,
        Feedback: client.feedback,
        Employees: client.employees,
        Items: Items(client.items),
    }
    whole |= {Worth: client.worth, Segments: client.segments_of(metric.family), Dates: Dates(client.dates_exact_to)}
    whole |= {Service: client.service, TimeZone: TimeZone(client.time_zone)}
    arguments |= {name: whole[kind] for name, kind in metric.declarations.items() if kind in whole}
    return arguments, words


def _item(metric: Metric, client: Client, name: str) -> tuple[Item, str]:
    if name not in client.items:
        raise Unavailable(Note("needs_survey_item", item=name, declared=list(client.items)))
    item = client.items[name].model_copy(update={"name": name})
    low, high = item.scale
    asks = f", \u201c{item.asks}\u201d" if item.asks else ""
    satisfied = "" if item.top_box is None else f", satisfied from {item.top_box} on"
    shares = ", ".join(f"{survey} {weight:g}" for survey, weight in item.survey_weights.items())
    weighed = f"; surveys pooled at the weights {shares}" if shares else ""
    return item, f"{name} ({low} to {high}, {item.direction}{satisfied}){asks}{weighed}"


def check_settings(client: Client) -> None:
    """Raise InputError where `settings`, `targets` or `objectives` name a metric or setting that does not exist, or a segment a family."""
    known = catalogue()
    for name, segment in client.segments.items():
        for family in segment.families:
            if family not in families():
                raise InputError(
                    f"parameters file {client.id}.yml, segments.{name}.families: unknown family {family!r}."
                    + nearest(family, families())
                )
    for key in ("settings", "targets", "objectives"):
        for name in getattr(client, key):
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
