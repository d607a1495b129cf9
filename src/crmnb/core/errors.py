"""The two ways in which crmnb says no: the input is wrong, or a value cannot be had."""

from collections.abc import Iterable
from difflib import get_close_matches


class InputError(Exception):
    """Something a person gave us is wrong; the message says what, where, what is allowed and what to do.

    It is shown as it stands, without a traceback, so it never holds a secret or a person's data
    beyond the offending value that the person needs to find.
    """

    def _render_traceback_(self) -> list[str]:
        """What IPython shows of it: the message, which is all that an analyst needs."""
        return [str(self)]


class TookTooLong(InputError):
    """What a person asked for did not end within the time allowed, and was stopped; of the data that says nothing."""


class Unavailable(Exception):
    """A value cannot be had from these data; `str()` is the reason, in words for the report."""

    _render_traceback_ = InputError._render_traceback_


NO_DEFINITIONS = (
    "Python was told to leave out all docstrings (PYTHONOPTIMIZE=2, or -OO), and in them stand the metrics' definitions; "
    "unset PYTHONOPTIMIZE, or set it to 1."
)


def visible(text: object) -> str:
    """A name that others chose, as a message may show it: what no character of print is stands as its escape (`\\x1b`).

    A control character could otherwise give orders to the terminal, and one of writing direction turn the line around.
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in str(text))


def nearest(name: str, allowed: Iterable[str]) -> str:
    """The words that help after a misspelt name: `did you mean ...?` and the list of what is allowed."""
    allowed = sorted(allowed)
    close = get_close_matches(str(name), allowed, n=2, cutoff=0.6)
    hint = f" Did you mean {' or '.join(close)}?" if close else ""
    return f"{hint} Allowed: {', '.join(allowed) or 'none'}."
