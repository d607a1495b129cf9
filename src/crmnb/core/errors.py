"""The two kinds of error: the input is wrong, or a value is unavailable."""

from collections.abc import Iterable
from difflib import get_close_matches

from crmnb.core.notes import Note

_LISTED = 12  # allowed names that a message lists in full


class InputError(Exception):
    """The input is wrong; the message says what, where, what is allowed and what to do.

    The message is shown to the user without a traceback. It never holds a secret, and of personal data only the wrong value
    that the user needs to find.
    """

    def _render_traceback_(self) -> list[str]:
        """Show only the message in IPython, which is all that an analyst needs."""
        return [str(self)]


class TimeLimitExceeded(InputError):
    """A query or step exceeded its time limit and was stopped; this says nothing about the data."""


class Unavailable(Exception):
    """A value cannot be computed from these data; `reason` says why."""

    _render_traceback_ = InputError._render_traceback_

    def __init__(self, reason: Note):
        super().__init__(reason)
        self.reason = reason


DOCSTRINGS_MISSING = (
    "Python runs without docstrings (PYTHONOPTIMIZE=2 or -OO), but the docstrings hold the definitions of the metrics. "
    "Unset PYTHONOPTIMIZE, or set it to 1."
)


def escape_unprintable(text: object) -> str:
    """A foreign name for use in a message: characters that cannot be printed are shown as their escapes (`\\x1b`).

    A control character could otherwise control the terminal or change the writing direction of the line.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def close_names(name: str, allowed: Iterable[str], *, most: int = 2, cutoff: float = 0.6) -> list[str]:
    """The allowed names that are spelled most like `name`, the closest first; cutoff: the least similarity, from 0 to 1."""
    return get_close_matches(str(name), sorted(allowed), n=most, cutoff=cutoff)


def did_you_mean(name: str, allowed: Iterable[str], *, most: int = 2, cutoff: float = 0.6) -> str:
    """A question for a misspelled name, such as ` Did you mean nps?`; "" if no allowed name is close."""
    close = close_names(name, allowed, most=most, cutoff=cutoff)
    return f" Did you mean {' or '.join(close)}?" if close else ""


def nearest(name: str, allowed: Iterable[str]) -> str:
    """The end of a message about a misspelled name: `did_you_mean` and the allowed names, or of many the five nearest."""
    allowed = sorted(allowed)
    if len(allowed) <= _LISTED:
        return f"{did_you_mean(name, allowed)} Allowed: {', '.join(allowed) or 'none'}."
    close = close_names(name, allowed, most=5, cutoff=0)
    return f"{did_you_mean(name, allowed)} The nearest of {len(allowed)}: {', '.join(close)}."
