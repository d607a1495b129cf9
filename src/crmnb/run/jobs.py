"""The jobs of a run, each done in a process of its own where that can be: in, names and labels; out, JSON."""

import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from crmnb.core.errors import InputError, TimeLimitExceeded

Say = Callable[[str], None]


class Interrupted(Exception):
    """Something stopped the work that says nothing about the client's data: a process died, a limit was reached.

    What was published stays; `str()` says what happened in words that may stand on a page.
    """


def attempt(name: str, arguments: dict[str, Any], say: Say) -> dict[str, Any]:
    """Do a job: {"gives": ...}, or {"wrong": {"kind", "said"}} with kind refused, skipped or interrupted.

    Where a fault came from is printed, which is to the log of a run, in the client's private folder.
    """
    try:
        return {"gives": _JOBS[name](**arguments, say=say)}
    except InputError as wrong:
        from crmnb.intake.sources.files import SourceMissing

        kinds = {SourceMissing: "skipped", TimeLimitExceeded: "interrupted"}
        return _wrong(kinds.get(type(wrong), "refused"), str(wrong))
    except Interrupted as why:
        return _wrong("interrupted", str(why))
    except OSError as no:
        print_fault(no)
        return _wrong("interrupted", f"{no.strerror or type(no).__name__} ({type(no).__name__}).")
    except MemoryError:
        return _wrong("interrupted", "there was not enough memory.")
    except Exception as fault:
        print_fault(fault)
        return _wrong("interrupted", f"a fault of crmnb ({type(fault).__name__}); run.log says where it came from.")


def print_fault(fault: BaseException) -> None:
    """Print where a fault came from, and its kind, to the log. What it says is left out: drivers put secrets into that."""
    chain = [fault]
    while before := chain[0].__cause__ or chain[0].__context__:
        chain.insert(0, before)
    with suppress(OSError):  # a full disk
        for one in chain:
            print(*traceback.format_tb(one.__traceback__), type(one).__name__, sep="", file=sys.stderr)


def _wrong(kind: str, said: str) -> dict[str, Any]:
    return {"wrong": {"kind": kind, "said": said}}


def _prepare(**arguments: Any) -> dict[str, Any]:
    from crmnb.run.plan import prepare

    return prepare(**arguments)


def _evaluate(**arguments: Any) -> dict[str, Any]:
    from crmnb.run.evaluation_job import run_evaluation

    return run_evaluation(**arguments)


def _family(**arguments: Any) -> dict[str, Any]:
    from crmnb.run.family_job import run_family

    return run_family(**arguments)


def _report(**arguments: Any) -> dict[str, Any]:
    from crmnb.run.report_job import make_report

    return make_report(**arguments)


_JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    "prepare": _prepare,
    "evaluate": _evaluate,
    "family": _family,
    "report": _report,
}
