"""The layout of a client's private folder: the path of everything that a run stores there."""

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmnb.core import checksum
from crmnb.core.errors import InputError, escape_unprintable
from crmnb.core.folder_swap import restore_folders
from crmnb.run.environment import remove_folder

STAGING = ".run"  # of a run in progress; removed afterwards
RUNS = "runs"
NOTEBOOK = "notebook.ipynb"
PAGE_CELLS = "cells.json"  # the cells of a family's page
DEPENDENCIES = "dependencies.json"  # what a notebook that ran to its end depends on, and the cache key of that
REPORT_FILES = (  # beside the families' pages
    *("index.html", "monitoring.html", "methodology.html", "manifest.json", "results.parquet", "results.xlsx"),
)
# Files that operating systems and programs leave in a folder that somebody has opened.
_SYSTEM_FILES = re.compile(r"\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|\.~lock\..*#|~\$.*|\.nfs\w+", re.IGNORECASE)
_MAX_NAMES = 5
_LOG = logging.getLogger("crmnb")

if TYPE_CHECKING:
    from crmnb.intake import Intake


def clean_up(private: Path) -> None:
    """Remove the temporary files of a run that has ended, in whatever way, from a client's private folder."""
    remove_folder(private / STAGING)
    restore_folders(private.parent)
    if (private / "tables" / ".staging").exists():
        from crmnb.intake.store import (
            remove_staging,  # only here, as the import takes longer than all else that a run does
        )

        remove_staging(private / "tables")


def load_intake(tables: Path) -> "Intake":
    """The intake whose tables are in that folder; Interruption if `crmnb check` or a notebook has replaced it."""
    from crmnb.intake import store as intake_store
    from crmnb.run.jobs import Interruption

    if (intake := intake_store.load_intake(tables.parent, tables.name)) is None:
        raise Interruption("the data changed and were re-imported during this run; run again.")
    return intake


def family_folder(private: Path, period: str, family: str) -> Path:
    """The folder of an executed notebook; with its page's cells and its dependencies if it ran to its end."""
    return private / RUNS / period / family


def evaluation_folder(private: Path, period: str) -> Path:
    """The folder of the evaluated results of a period (see `crmnb.evaluate.store`)."""
    return private / RUNS / period / ".evaluation"


def parameters_folder(private: Path) -> Path:
    """The folder with the client's parameters file as it was when the current run began."""
    return private / STAGING / "parameters"


def report_record(private: Path, period: str) -> Path:
    """The JSON record of the published report of a period."""
    return private / RUNS / period / "report.json"


def alerts_path(private: Path, period: str) -> Path:
    """The alerts of the last run of a period."""
    return private / RUNS / period / "alerts.json"


def history_path(private: Path, period: str) -> Path:
    """The figures of the whole client that the reports of a period have published."""
    return private / RUNS / period / "published.json"


def log_path(private: Path) -> Path:
    """The log of the last run's processes, for the analyst only."""
    return private / "run.log"


def family_names() -> list[str]:
    """The names of all families, without importing the modules they compute with."""
    from pkgutil import iter_modules

    import crmnb.metrics.families

    return sorted(module.name for module in iter_modules(crmnb.metrics.families.__path__))


def reject_foreign_files(folder: Path, record: dict[str, Any]) -> None:
    """Raise InputError if a report's folder holds files that are not part of a report: the next report would delete them.

    record: of the published report (`report_record`); if that is lost, the usual files of reports are allowed.
    """
    of_families = (page for name in family_names() for page in (f"{name}.html", f"methodology-{name}.html"))
    own = {*record.get("files", ()), *REPORT_FILES, *of_families}
    names = [path.name for path in sorted(folder.glob("*")) if path.name not in own]
    foreign = [name for name in names if not _SYSTEM_FILES.fullmatch(name)]
    if not foreign:
        return
    listed = ", ".join(map(escape_unprintable, foreign[:_MAX_NAMES]))
    more = f" and {len(foreign) - _MAX_NAMES} more" if len(foreign) > _MAX_NAMES else ""
    them = "it" if len(foreign) == 1 else "them"
    raise InputError(
        f"outputs/{folder.parent.name}/{folder.name} holds files that are not part of the report: {listed}{more}. "
        f"A new report would delete {them}. Move {them} to another folder and run again."
    )


def read_record(path: Path) -> dict[str, Any]:
    """The content of one of our JSON files; empty if it is missing or damaged, which is logged."""
    content = checksum.read_json(path)
    if content is None and path.exists():
        _LOG.warning("%s is damaged and counts as missing", path.name)
    return content or {}
