"""The summary at the end of a run: one line for one client, a table for several."""

from pathlib import Path
from typing import Any

from crmnb.core.paths import relative_path
from crmnb.report.text.alerts import alert_line
from crmnb.run.pipeline import Outcome
from crmnb.run.status import WITH_REPORT, WITHOUT_REPORT, RunStatus

_WORDS = {
    RunStatus.MADE: "made",
    RunStatus.UNCHANGED: "up to date",
    RunStatus.FAMILY_FAILED: "a family failed",
    RunStatus.REFUSED: "refused",
    RunStatus.SKIPPED: "skipped",
    RunStatus.INTERRUPTED: "interrupted",
}


def summarize(outcomes: list[Outcome], folder: Path) -> tuple[str, str]:
    """The summary (the address of one report, or a table of clients), and the errors. folder: paths are relative to it."""
    errors = "".join(_errors(outcome, len(outcomes) > 1, folder) for outcome in outcomes)
    if len(outcomes) > 1:
        return _table(outcomes, folder), errors
    (outcome,) = outcomes
    if outcome.status not in WITH_REPORT:
        return "", errors
    remark = " (up to date)" if outcome.status == RunStatus.UNCHANGED else ""
    return f"Report: {relative_path(outcome.folder / 'index.html', folder)}{remark}\n", errors


def format_plan(outcomes: list[Outcome]) -> str:
    """What a run would do: one line per notebook, with the reason."""
    lines = []
    for outcome in outcomes:
        words = _WORDS.get(outcome.status)
        message = f"{words}: {outcome.message}" if words else outcome.message
        lines.append(f"{outcome.client} {outcome.period}".strip() + (f": {message}" if message else ""))
        for notebook in outcome.notebooks:
            action = "reuse" if notebook["reused"] else "run"
            lines.append(f"  {action:6} {notebook['family']:14} {notebook['reason']}")
    return "\n".join(lines)


def _errors(outcome: Outcome, with_client: bool, folder: Path) -> str:
    client = f"{outcome.client}: " if with_client else ""
    if outcome.status in WITHOUT_REPORT:
        word = "" if outcome.status == RunStatus.REFUSED else f"{_WORDS[outcome.status]}: "
        return f"crmnb: {client}{word}{outcome.message}\n"
    names = ", ".join(outcome.rebuilt)
    rebuilt = f"crmnb: {client}stored files were damaged and have been rebuilt: {names}\n" if names else ""
    alerts = "".join(f"crmnb: {client}{alert_line(alert)}\n" for alert in outcome.alerts if alert["is_raised"])
    return (
        rebuilt
        + alerts
        + "".join(
            f"crmnb: {client}{notebook['family']}: {notebook['failure']}\n"
            f"{_remedy(notebook)}"
            f"  executed notebook: {relative_path(Path(notebook['notebook']), folder)}\n"
            for notebook in outcome.notebooks
            if notebook["failure"]
        )
    )


def _remedy(notebook: dict[str, Any]) -> str:
    return f"  {notebook['remedy']}\n" if notebook["remedy"] else ""


def _table(outcomes: list[Outcome], folder: Path) -> str:
    rows = [("client", "period", "status", "run", "reused", "failed", "seconds", "report")]
    for outcome in outcomes:
        executed = [notebook for notebook in outcome.notebooks if notebook["seconds"] and not notebook["failure"]]
        has_report = outcome.folder and outcome.status in WITH_REPORT
        rows.append(
            (
                outcome.client,
                outcome.period or "-",
                _WORDS.get(outcome.status, ""),
                str(len(executed)),
                str(sum(notebook["reused"] for notebook in outcome.notebooks)),
                str(sum(bool(notebook["failure"]) for notebook in outcome.notebooks)),
                f"{outcome.seconds:.1f}",
                relative_path(outcome.folder / "index.html", folder) if has_report else "-",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )
