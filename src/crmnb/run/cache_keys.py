"""Cache keys: while the key of a notebook or report is unchanged, its stored output is reused."""

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
_OTHER_VERSIONS = ("numpy", "matplotlib", "seaborn", "ipython", "ipykernel", "jinja2", "babel", "mistune", "xlsxwriter")
_WITHOUT_EFFECT_ON_METRICS = {
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
    "alerts",
    "scorecard",
}
_BY_METRIC = ("settings", "targets")
LOCK = "requirements.lock"


@dataclass(frozen=True)
class Dependencies:
    """What a notebook read: families of the evaluation; metrics that it computed itself, and the canonical tables for them."""

    families: tuple[str, ...]
    metrics: tuple[str, ...]
    tables: tuple[str, ...]


def evaluation_key(project: Path, client: Client, period: Period, tables: dict[str, str], families: list[str]) -> str:
    """The key of an evaluation: the client's declarations on data and metrics, the checksums of the tables, the families."""
    without_effect = {"id", "folder", "name", "obtain", "data_folders", "objectives", "scorecard", "alerts"}
    declared = client.model_dump(mode="json", exclude=without_effect)
    days = [period.label, str(period.data_from), str(period.cutoff)]
    return _hash([code_hash(project), declared, days, tables, families])


def family_key(
    source: Path,
    project: Path,
    client: Client,
    period: Period,
    tables: dict[str, str],
    dependencies: Dependencies,
    digests: dict[str, str],
) -> str:
    """The key of an executed notebook.

    source: the notebook as written. period: with its observed days. digests: of the evaluated results by family; only those
    of families that it read count. tables: the checksums of the canonical tables; only those that it read itself count. Of
    settings and targets, only those of metrics that it computed itself count.
    """
    declared = client.model_dump(mode="json")
    relevant = {name: value for name, value in declared.items() if name not in _WITHOUT_EFFECT_ON_METRICS}
    relevant |= {name: {m: declared[name].get(m) for m in sorted(dependencies.metrics)} for name in _BY_METRIC}
    relevant["tables"] = {name: declared["tables"].get(name) for name in sorted(dependencies.tables)}
    relevant["personal"] = {name: source_["personal"] for name, source_ in declared["sources"].items()}
    return _hash(
        {
            "code": code_hash(project),
            "notebook": file_checksum(source),
            "period": [period.label, str(period.data_from), str(period.cutoff)],
            "declared": relevant,
            "results": {name: digests.get(name) for name in sorted(dependencies.families)},
            "rows": {name: tables[name] for name in sorted(dependencies.tables) if name in tables},
        }
    )


def report_key(
    project: Path, client: Client, period: Period, fingerprint: str, families: dict[str, str], history: str
) -> str:
    """The key of a report: all declarations of the client, the intake, the keys of its families and of the published history."""
    declared = client.model_dump(mode="json", exclude={"folder"})
    return _hash([code_hash(project), declared, period.label, fingerprint, families, history])


def parameters_key(project: Path, client: Client) -> str:
    """The key of a client's parameters, which are validated once per key."""
    return _hash([code_hash(project), client.model_dump(mode="json", exclude={"folder"})])


def source_hash(path: Path) -> str:
    """The hash of the source of a notebook's cells, without their outputs; "" if the notebook cannot be read."""
    try:
        cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
        return sha256("\0".join("".join(cell["source"]) for cell in cells).encode()).hexdigest()
    except (OSError, ValueError, LookupError, TypeError):
        return ""


@cache
def code_hash(project: Path) -> str:
    """The hash of the package's source, the project's lock file and the versions of the main dependencies."""
    package = Path(crmnb.__file__).parent
    files = sorted(path for path in package.rglob("*") if path.suffix in (".py", ".j2", ".css", ".json"))
    sources = [*((str(path.relative_to(package)), file_checksum(path)) for path in files), platform.python_version()]
    lock = project / LOCK
    return _hash(
        [
            sources,
            {name: version(name) for name in (*VERSIONS, *_OTHER_VERSIONS)},
            file_checksum(lock) if lock.is_file() else "",
        ]
    )


def file_hashes(folder: Path) -> dict[str, str]:
    """The hash of each file in a folder, by name; empty if there is no such folder."""
    return {path.name: file_checksum(path) for path in sorted(folder.glob("*")) if path.is_file()}


def _hash(content: Any) -> str:
    return sha256(json.dumps(content, sort_keys=True, default=str).encode()).hexdigest()
