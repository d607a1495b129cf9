"""Flags: what a reader must know about a figure, in a word or two, and what each word means."""

from datetime import timedelta

from crmnb.evaluate.result import Result
from crmnb.metrics.estimators import median_survival, survival
from crmnb.report.text.numbers import day
from crmnb.report.text.values import counted_units, noun


def flag_words(result: Result, row) -> list[str]:
    """The row's flags with their meaning; the reason why a value is not available stands in its place."""
    return [f"{flag}: {meaning}" for flag, meaning in flag_meanings(result, row).items()]


def flag_meanings(result: Result, row) -> dict[str, str]:
    """The row's flags in a word or two, and what each means here."""
    period, client = result.period, result.client
    cut = period.cutoff is not None and period.end > period.cutoff
    edge = f"the data end on {_last_day(period, client)}" if cut else "the data start after the period does"
    units = counted_units(result, row)
    few = "events" if row.unit == "count" else _at_risk(result) or units
    words = {
        "partial": ("partial", "not all of it has been observed" if row.part else edge),
        "low_base": ("low base", f"fewer than {client.privacy.min_base} {units}"),
        "unreliable": ("unreliable", f"too few {few} for a reliable interval"),
        "below_rest": ("below the rest", "lower beyond chance, also for so many levels (Holm)"),
        "above_rest": ("above the rest", "raised more often beyond chance, also for so many themes (Holm)"),
        "below_rival": ("below the rival", "lower beyond chance, also for so many stages and rivals (Holm)"),
        "above_rival": ("above the rival", "higher beyond chance, also for so many stages and rivals (Holm)"),
        "beyond_chance": ("beyond chance", "also for so many comparisons (Holm)"),
        "below_largest": (
            "worse",
            "worse than the largest level of its segmentation beyond chance, also for so many levels (Holm)",
        ),
        "apart": ("apart", "differs from the largest level beyond chance (Holm)"),
        "immature": ("too early", "follow-up is not complete for all of them"),
    }
    return dict(words[flag] for flag in row.flags.split() if flag in words)


def low_base_note(result: Result, rows: list) -> str:
    """What a chart says of pale points: `Pale: low base, fewer than 30 customers.`"""
    meaning = next(flag_meanings(result, row)["low base"] for row in rows if "low_base" in row.flags)
    return f"Pale: low base, {meaning}."


def _at_risk(result: Result) -> str:
    """What a survival curve follows: its cases, though some may be of one customer; "" of other metrics."""
    metric = result.metric
    followed = metric.estimate in (survival, median_survival) and not metric.per_customer
    return noun(metric.denominator) if followed else ""


def _last_day(period, client) -> str:
    return day(period.cutoff - timedelta(microseconds=1), client)
