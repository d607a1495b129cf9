"""Flags: what a reader must know about a figure, in a word or two, and what each word means."""

from datetime import timedelta

from crmnb.evaluate.result import Result
from crmnb.report.text.numbers import day


def flag_words(result: Result, row) -> list[str]:
    """The row's flags with their meaning; the reason why a value is not available stands in its place."""
    return [f"{flag}: {meaning}" for flag, meaning in flag_meanings(result, row).items()]


def flag_meanings(result: Result, row) -> dict[str, str]:
    """The row's flags in a word or two, and what each means here."""
    period, client = result.period, result.client
    cut = period.cutoff is not None and period.end > period.cutoff
    edge = f"the data end on {_last_day(period, client)}" if cut else "the data start after the period does"
    events = "events" if row.unit == "count" else "customers"
    words = {
        "partial": ("partial", "not all of it has been observed" if row.part else edge),
        "low_base": ("low base", f"fewer than {client.privacy.min_base} customers"),
        "unreliable": ("unreliable", f"too few {events} for a reliable interval"),
        "immature": ("too early", "follow-up is not complete for all of them"),
    }
    return dict(words[flag] for flag in row.flags.split() if flag in words)


def _last_day(period, client) -> str:
    return day(period.cutoff - timedelta(microseconds=1), client)
