"""What a run says at its end: of one client a line, of several a table."""

from pathlib import Path
from typing import Any

from crmnb.run.pipeline import Outcome

_WORDS = {
    "made": "made",
    "unchanged": "as it was",
    "family failed": "a family failed",
    "refused": "refused",
    "skipped": "skipped",
    "interrupted": "interrupted",
    "planned": "",
}


def told(outcomes: list[Outcome], here: Path) -> tuple[str, str]:
    """For people: what was made (one report's address, or a table of clients), and what went wrong."""
    wrong = "".join(_wrong(one, len(outcomes) > 1, here) for one in outcomes)
    if len(outcomes) > 1:
        return _table(outcomes, here), wrong
    (one,) = outcomes
    if one.outcome not in ("made", "unchanged", "family failed"):
        return "", wrong
    tail = " (nothing changed since it was made)" if one.outcome == "unchanged" else ""
    return f"Report: {_near(one.folder / 'index.html', here)}{tail}\n", wrong


def plan_of(outcomes: list[Outcome]) -> str:
    """What would be done: a line a notebook, and why."""
    lines = []
    for one in outcomes:
        said = one.said if one.outcome == "planned" else f"{_WORDS[one.outcome]}: {one.said}"
        lines.append(f"{one.client} {one.period}".strip() + (f": {said}" if said else ""))
        for notebook in one.notebooks:
            what = "reuse" if notebook["reused"] else "run"
            lines.append(f"  {what:6} {notebook['family']:14} {notebook['why']}")
    return "\n".join(lines)


def _wrong(one: Outcome, named: bool, here: Path) -> str:
    who = f"{one.client}: " if named else ""
    if one.outcome in ("refused", "skipped", "interrupted"):
        word = "" if one.outcome == "refused" else f"{_WORDS[one.outcome]}: "
        return f"crmnb: {who}{word}{one.said}\n"
    healed = f"crmnb: {who}kept files were damaged, and were made anew: {', '.join(one.healed)}\n" if one.healed else ""
    return healed + "".join(
        f"crmnb: {who}{notebook['family']}: {notebook['failure']}\n"
        f"{_remedy(notebook)}"
        f"  for the analyst: {_near(Path(notebook['notebook']), here)}\n"
        for notebook in one.notebooks
        if notebook["failure"]
    )


def _remedy(notebook: dict[str, Any]) -> str:
    return f"  {notebook['remedy']}\n" if notebook["remedy"] else ""


def _table(outcomes: list[Outcome], here: Path) -> str:
    rows = [("client", "period", "outcome", "run", "reused", "failed", "seconds", "report")]
    for one in outcomes:
        ran = [n for n in one.notebooks if n["seconds"] and not n["failure"]]
        there = one.folder and one.outcome in ("made", "unchanged", "family failed")
        rows.append(
            (
                one.client,
                one.period or "-",
                _WORDS[one.outcome],
                str(len(ran)),
                str(sum(n["reused"] for n in one.notebooks)),
                str(sum(bool(n["failure"]) for n in one.notebooks)),
                f"{one.seconds:.1f}",
                _near(one.folder / "index.html", here) if there else "-",
            )
        )
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    return "".join(
        "  ".join(cell.ljust(w) for cell, w in zip(row, widths, strict=True)).rstrip() + "\n" for row in rows
    )


def _near(path: Path, here: Path) -> str:
    """The path as seen from here, where it lies below."""
    return str(path.relative_to(here) if path.is_relative_to(here) else path)
