"""The jobs of a run. Each runs in its own process if possible; arguments are names and labels, results are JSON."""

import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from crmnb.core.errors import InputError, TimeLimitExceeded
from crmnb.run.status import RunStatus

StepCallback = Callable[[str], None]  # receives the current step of a job, in words


class Interruption(Exception):
    """The work was stopped for a reason that says nothing about the client's data: a killed process or a limit.

    The published report stays; `str()` is the reason, worded for a page.
    """


def run_job(name: str, arguments: dict[str, Any], on_step: StepCallback) -> dict[str, Any]:
    """Run a job: {"result": ...}, or {"error": {"status", "message"}} with status refused, skipped or interrupted.

    The origin of a fault is printed to standard error, which is the run's log in the client's private folder.
    """
    try:
        return {"result": _JOBS[name](**arguments, on_step=on_step)}
    except InputError as error:
        from crmnb.intake.sources.files import SourceMissing

        statuses = {SourceMissing: RunStatus.SKIPPED, TimeLimitExceeded: RunStatus.INTERRUPTED}
        return error_message(statuses.get(type(error), RunStatus.REFUSED), str(error))
    except Interruption as error:
        return error_message(RunStatus.INTERRUPTED, str(error))
    except OSError as error:
        print_fault(error)
        reason = error.strerror or type(error).__name__
        return error_message(RunStatus.INTERRUPTED, f"{reason} ({type(error).__name__}).")
    except MemoryError:
        return error_message(RunStatus.INTERRUPTED, "there was not enough memory.")
    except Exception as error:
        print_fault(error)
        message = f"internal error of crmnb ({type(error).__name__}); run.log shows where it occurred."
        return error_message(RunStatus.INTERRUPTED, message)


def error_message(status: RunStatus, message: str) -> dict[str, Any]:
    """What a job that failed reports."""
    return {"error": {"status": str(status), "message": message}}


def print_fault(fault: BaseException) -> None:
    """Print where a fault occurred, and its type, to the log; its message is left out, since drivers put secrets into it."""
    chain = [fault]
    while cause := chain[0].__cause__ or chain[0].__context__:
        chain.insert(0, cause)
    with suppress(OSError):  # a full disk
        for error in chain:
            print(*traceback.format_tb(error.__traceback__), type(error).__name__, sep="", file=sys.stderr)


def _plan(**arguments: Any) -> dict[str, Any]:
    from crmnb.run.plan import plan_report

    return plan_report(**arguments)


def _evaluate(**arguments: Any) -> dict[str, Any]:
    from crmnb.run.evaluation_job import run_evaluation

    return run_evaluation(**arguments)


def _family(**arguments: Any) -> dict[str, Any]:
    from crmnb.run.family_job import run_family

    return run_family(**arguments)


def _report(**arguments: Any) -> dict[str, Any]:
    from crmnb.run.report_job import make_report

    return make_report(**arguments)


def _handbook(**arguments: Any) -> dict[str, Any]:
    from crmnb.run.handbook import update_handbook

    return update_handbook(**arguments)


def _alerts(**arguments: Any) -> dict[str, Any]:
    from crmnb.run.alerts_job import run_alerts

    return run_alerts(**arguments)


_JOBS: dict[str, Callable[..., dict[str, Any]]] = {
    "plan": _plan,
    "evaluate": _evaluate,
    "family": _family,
    "report": _report,
    "handbook": _handbook,
    "alerts": _alerts,
}
