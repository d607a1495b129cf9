"""What a finished notebook, and a published report, depend on: as long as the key is the same, neither is made again."""

import json
import platform
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

import crmnb
from crmnb.core.checksum import file_checksum
from crmnb.core.period import Period
from crmnb.schema.client import Client

VERSIONS = ("crmnb", "duckdb", "narwhals", "pandas", "statsmodels", "scipy", "papermill", "nbconvert")
_ALSO = ("numpy", "matplotlib", "seaborn", "ipython", "ipykernel", "jinja2", "babel", "mistune", "xlsxwriter")
_NOT_MEASURED = {
    "id",
    "folder",
    "name",
    "obtain",
    "data_folders",
    "sources",
    "tables",
    "settings",
    "targets",
    "objectives",
}
_OF_METRICS = ("settings", "targets")
LOCK = "requirements.lock"


@dataclass(frozen=True)
class Read:
    """What a notebook read as it ran: families of the evaluation, and what it measured itself: metrics and canonical tables."""

    families: tuple[str, ...]
    metrics: tuple[str, ...]
    tables: tuple[str, ...]


def evaluation_key(project: Path, client: Client, period: Period, tables: dict[str, str], families: list[str]) -> str:
    """The key of an evaluation: all that the client declares of data and metrics, the canonical tables' checksums, the families."""
    declared = client.model_dump(mode="json", exclude={"id", "folder", "name", "obtain", "data_folders", "objectives"})
    days = [period.label, str(period.data_from), str(period.cutoff)]
    return _hash([code(project), declared, days, tables, families])


def family_key(
    source: Path,
    project: Path,
    client: Client,
    period: Period,
    tables: dict[str, str],
    read: Read,
    digests: dict[str, str],
) -> str:
    """The key of an executed notebook.

    source: the notebook as written. period: as observed. digests: by family, of the evaluated results, of which those that
    it read count. tables: the checksums of the canonical ones, of which those that it read itself count; of settings
    and targets, those of the metrics that it measured itself.
    """
    declared = client.model_dump(mode="json")
    said = {name: value for name, value in declared.items() if name not in _NOT_MEASURED}
    said |= {name: {m: declared[name].get(m) for m in sorted(read.metrics)} for name in _OF_METRICS}
    said["tables"] = {name: declared["tables"].get(name) for name in sorted(read.tables)}
    said["personal"] = {name: source_["personal"] for name, source_ in declared["sources"].items()}
    return _hash(
        {
            "code": code(project),
            "notebook": file_checksum(source),
            "period": [period.label, str(period.data_from), str(period.cutoff)],
            "said": said,
            "results": {name: digests.get(name) for name in sorted(read.families)},
            "rows": {name: tables[name] for name in sorted(read.tables) if name in tables},
        }
    )


def report_key(project: Path, client: Client, period: Period, fingerprint: str, families: dict[str, str]) -> str:
    """The key of a report: all that the client declares, the intake, and the keys of the families in it."""
    said = client.model_dump(mode="json", exclude={"folder"})
    return _hash([code(project), said, period.label, fingerprint, families])


def checked_key(project: Path, client: Client) -> str:
    """The key of parameters that were found to be right."""
    return _hash([code(project), client.model_dump(mode="json", exclude={"folder"})])


def notebook_key(path: Path) -> str:
    """The hash of a notebook's cells as written, whatever came out of them; "" where there is no such notebook."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return sha256("\0".join("".join(cell["source"]) for cell in cells).encode()).hexdigest()
    except (OSError, ValueError, LookupError, TypeError):
        return ""


@cache
def code(project: Path) -> str:
    """A hash of the package's source, the lock beside it, and the versions of what it stands on."""
    package = Path(crmnb.__file__).parent
    files = sorted(path for path in package.rglob("*") if path.suffix in (".py", ".j2", ".css", ".json"))
    said = [*((str(path.relative_to(package)), file_checksum(path)) for path in files), platform.python_version()]
    lock = project / LOCK
    return _hash(
        [said, {name: version(name) for name in (*VERSIONS, *_ALSO)}, file_checksum(lock) if lock.is_file() else ""]
    )


def content_of(folder: Path) -> dict[str, str]:
    """The hash of each file of a folder, by name; nothing where there is none."""
    return {path.name: file_checksum(path) for path in sorted(folder.glob("*")) if path.is_file()}


def _hash(said: Any) -> str:
    return sha256(json.dumps(said, sort_keys=True, default=str).encode()).hexdigest()
