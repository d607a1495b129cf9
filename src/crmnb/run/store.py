"""Where a run keeps what: of one client, in its private folder."""

import logging
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmnb.core import checksum
from crmnb.core.errors import InputError, escape_unprintable
from crmnb.core.folder_swap import restore_folders
from crmnb.run.environment import remove

STAGING = ".run"  # of a run under way; gone afterwards
KEPT = "runs"
NOTEBOOK = "notebook.ipynb"
REPORT = (
    "index.html",
    "methodology.html",
    "manifest.json",
    "results.parquet",
    "results.xlsx",
)  # beside the families' pages
# What systems and programs leave of themselves where somebody has looked.
_LITTER = re.compile(r"\.DS_Store|\._.*|Thumbs\.db|desktop\.ini|\.~lock\..*#|~\$.*|\.nfs\w+", re.IGNORECASE)
_MOST_NAMED = 5
_LOG = logging.getLogger("crmnb")

if TYPE_CHECKING:
    from crmnb.intake import Intake


def tidy(private: Path) -> None:
    """Remove what a run that ended, in whatever way, has left in a client's private folder."""
    from crmnb.intake.store import remove_staging

    remove(private / STAGING)
    restore_folders(private.parent)
    if (private / "tables" / ".staging").exists():
        remove_staging(private / "tables")


def intake_of(tables: Path) -> "Intake":
    """The intake whose tables lie in that folder; Interrupted where `crmnb check` or a notebook has replaced it."""
    from crmnb.intake.store import load_intake
    from crmnb.run.jobs import Interrupted

    if (found := load_intake(tables.parent, tables.name)) is None:
        raise Interrupted("the data changed, and were taken in anew, while this run was under way; run again.")
    return found


def kept_family(private: Path, period: str, family: str) -> Path:
    """The folder of a notebook that has run: notebook.ipynb, and of one that ran to its end its page's cells and kept.json."""
    return private / KEPT / period / family


def evaluation_of(private: Path, period: str) -> Path:
    """The folder of the evaluated results of a period (see `crmnb.evaluate.store`)."""
    return private / KEPT / period / ".evaluation"


def parameters_of(private: Path) -> Path:
    """The folder that holds the client's parameters file as it was when the run under way began."""
    return private / STAGING / "parameters"


def report_record(private: Path, period: str) -> Path:
    """What was published of a period, in JSON."""
    return private / KEPT / period / "report.json"


def refuse_strangers(place: Path, record: dict[str, Any]) -> None:
    """Raise InputError where a report's folder holds what no report put there: the next one would delete it.

    record: what was published (`report_record`); where that is lost, what reports consist of.
    """
    ours = {*record.get("files", ()), *REPORT, *(f"{name}.html" for name in notebooks_named())}
    there = [path.name for path in sorted(place.glob("*")) if path.name not in ours]
    strangers = [name for name in there if not _LITTER.fullmatch(name)]
    if not strangers:
        return
    named = ", ".join(map(escape_unprintable, strangers[:_MOST_NAMED]))
    more = f" and {len(strangers) - _MOST_NAMED} more" if len(strangers) > _MOST_NAMED else ""
    raise InputError(
        f"outputs/{place.parent.name}/{place.name} holds what is not of the report: {named}{more}. A new report would "
        f"delete {'it' if len(strangers) == 1 else 'them'}: move {'it' if len(strangers) == 1 else 'them'} elsewhere, and run again."
    )


def notebooks_named() -> list[str]:
    """The names of all families, without importing what they compute with."""
    from pkgutil import iter_modules

    import crmnb.metrics.families

    return sorted(module.name for module in iter_modules(crmnb.metrics.families.__path__))


def log_of(private: Path) -> Path:
    """What the last run's processes had to say that is for nobody else."""
    return private / "run.log"


def read_json(path: Path) -> dict[str, Any]:
    """What a JSON file of ours says; nothing where it is missing or damaged, which is logged."""
    content = checksum.read_json(path)
    if content is None and path.exists():
        _LOG.warning("%s is damaged, and counts as missing", path.name)
    return content or {}
