"""The status of a client's run, and the exit code of the command that follows from it."""

from collections.abc import Iterable
from enum import StrEnum


class RunStatus(StrEnum):
    """How the run of one client ended; the values stand in run.json and in the output of `--json`."""

    MADE = "made"
    UNCHANGED = "unchanged"  # the published report is up to date
    FAMILY_FAILED = "family failed"  # the report is published without at least one family
    REFUSED = "refused"  # the input is wrong
    SKIPPED = "skipped"  # none of the client's files is here
    INTERRUPTED = "interrupted"  # the reason says nothing about the input
    PLANNED = "planned"  # a dry run


WITH_REPORT = frozenset({RunStatus.MADE, RunStatus.UNCHANGED, RunStatus.FAMILY_FAILED})
WITHOUT_REPORT = frozenset({RunStatus.REFUSED, RunStatus.SKIPPED, RunStatus.INTERRUPTED})
_EXIT_CODES = {
    RunStatus.MADE: 0,
    RunStatus.UNCHANGED: 0,
    RunStatus.PLANNED: 0,
    RunStatus.FAMILY_FAILED: 1,
    RunStatus.REFUSED: 2,
    RunStatus.SKIPPED: 3,
    RunStatus.INTERRUPTED: 4,
}
_ALERT = 5
_MOST_SEVERE_FIRST = (4, 2, 1, _ALERT, 0, 3)


def exit_code(statuses: Iterable[RunStatus], *, has_errors: bool = False) -> int:
    """The exit code for at least one client: the most severe code; 3 only if all clients were skipped.

    has_errors: whether an alert of severity error was raised.
    """
    codes = {_EXIT_CODES[status] for status in statuses} | ({_ALERT} if has_errors else set())
    return next(code for code in _MOST_SEVERE_FIRST if code in codes)
