"""Where a run keeps what: of one client, in its private folder."""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from crmnb import checksum
from crmnb.publish import recover
from crmnb.run.environment import remove

STAGING = ".run"  # of a run under way; gone afterwards
KEPT = "runs"
NOTEBOOK = "notebook.ipynb"
_LOG = logging.getLogger("crmnb")

if TYPE_CHECKING:
    from crmnb.intake import Intake


def tidy(private: Path) -> None:
    """Remove what a run that ended, in whatever way, has left in a client's private folder."""
    from crmnb.intake.kept import clear

    remove(private / STAGING)
    for aside in private.parent.glob(".*.old"):
        recover(aside.with_name(aside.name[1:].removesuffix(".old")))
    if (private / "tables" / ".staging").exists():
        clear(private / "tables")


def intake_of(tables: Path) -> "Intake":
    """The intake whose tables lie in that folder; Interrupted where `crmnb check` or a notebook has replaced it."""
    from crmnb.intake.kept import kept
    from crmnb.run.jobs import Interrupted

    if (found := kept(tables.parent, tables.name)) is None:
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


def log_of(private: Path) -> Path:
    """What the last run's processes had to say that is for nobody else."""
    return private / "run.log"


def read_json(path: Path) -> dict[str, Any]:
    """What a JSON file of ours says; nothing where it is missing or damaged, which is logged."""
    content = checksum.read_json(path)
    if content is None and path.exists():
        _LOG.warning("%s is damaged, and counts as missing", path.name)
    return content or {}
