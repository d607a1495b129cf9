"""The store of the canonical tables: they are complete or absent, and are reused while nothing has changed."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from functools import cache
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from crmnb.core.checksum import damaged_files, file_checksum, seal, sealed_checksums
from crmnb.core.folder_swap import replace_folder
from crmnb.core.lock import locked, locked_if_free
from crmnb.intake.audit import Profile, TableAudit
from crmnb.intake.erasure.erasure_list import EMPTY_ERASURE_LIST, ErasureList
from crmnb.schema import tables
from crmnb.schema.client import Client

_STAGING = ".staging"
_REFUSED_FOLDER = "refused"
_RECORD_FILE = "intake.json"
_QUARANTINE = "quarantine"
NEAR_DUPLICATES = "near_duplicates"  # folder of the pairs of records that are alike
_SETTINGS = {
    "sources",
    "tables",
    "items",
    "data_quality",
    "currency",
    "exchange_rates",
    "time_zone",
    "data_from",
    "data_until",
}  # the settings that the tables depend on


@dataclass(frozen=True)
class Intake:
    """The result of an import: the canonical tables (Parquet, sorted by time) and the audits.

    `data_from` and `cutoff` (half-open) are the days that the data cover: as declared, or those of the oldest and the
    newest event. `columns` are by table; `sources` are the files read, for the manifest. `previous_profile` is that of
    the last import with other data. `rebuilt_files` are stored files that were damaged and have been rebuilt.
    """

    folder: Path
    fingerprint: str
    tables: dict[str, Path]
    columns: dict[str, dict[str, str]]
    audits: tuple[TableAudit, ...]
    profile: Profile
    previous_profile: Profile | None
    data_from: datetime | None
    cutoff: datetime | None
    sources: dict[str, dict[str, Any]]
    reused: bool = False
    gaps: tuple[str, ...] = ()
    rebuilt_files: tuple[str, ...] = ()

    def checksums(self) -> dict[str, str]:
        """The SHA-256 of each table's file, by table, as it was written."""
        files = sealed_checksums(self.folder) or {}
        return {name: files[path.name] for name, path in self.tables.items() if path.name in files}


def compute_fingerprint(
    client: Client, sources: dict[str, dict[str, Any]], erasure_list: ErasureList = EMPTY_ERASURE_LIST
) -> str:
    """A hash of all that the tables depend on: the content of the files, the parameters, the erasure list, and this code."""
    code = [*sorted(Path(tables.__file__).parent.glob("*.py")), *sorted(Path(__file__).parent.rglob("*.py"))]
    parts = [
        json.dumps(client.model_dump(mode="json", include=_SETTINGS), sort_keys=True),
        json.dumps(sources, sort_keys=True),
        json.dumps([erasure_list.salt, *erasure_list.digests]),
        version("duckdb"),
        *(path.read_text() for path in code),
    ]
    return sha256("\0".join(parts).encode()).hexdigest()[:32]


def save_intake(intake: Intake) -> None:
    """Write the record of the import and the checksums of all files beside the tables.

    The quarantine and the near duplicates have no checksums: people work in these files.
    """
    elsewhere = {"folder": Path(), "tables": {name: Path(path.name) for name, path in intake.tables.items()}}
    (intake.folder / _RECORD_FILE).write_bytes(
        _adapter().dump_json(replace(intake, rebuilt_files=(), **elsewhere), indent=1)
    )
    seal(intake.folder, exclude=[_QUARANTINE, NEAR_DUPLICATES])


def load_intake(home: Path, fingerprint: str) -> Intake | None:
    """The intake with that fingerprint, or None; its tables are checked by `find_damaged_files`."""
    folder = home / fingerprint
    try:
        if (sealed_checksums(folder) or {}).get(_RECORD_FILE) != file_checksum(folder / _RECORD_FILE):
            return None
        stored = _adapter().validate_json((folder / _RECORD_FILE).read_bytes())
    except (OSError, ValueError):
        return None
    paths = {name: folder / f"{name}.parquet" for name in stored.tables}
    if not all(path.is_file() for path in paths.values()):
        return None
    return replace(stored, folder=folder, tables=paths, reused=True)


def find_damaged_files(home: Path, fingerprint: str) -> list[str]:
    """The names of damaged files of the intake with that fingerprint; [] if there are none, or no such intake.

    All files are read completely, so call it once per run.
    """
    folder = home / fingerprint
    return damaged_files(folder) if folder.is_dir() else []


def load_latest_intake(home: Path) -> Intake | None:
    """The newest stored intake."""
    records = sorted(home.glob(f"*/{_RECORD_FILE}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return next((intake for path in records if (intake := load_intake(home, path.parent.name))), None)


@cache
def _adapter() -> TypeAdapter:
    return TypeAdapter(Intake)


@contextmanager
def lock_tables(home: Path) -> Iterator[None]:
    """Lock the folder against other processes that import the same client; they wait."""
    home.mkdir(parents=True, exist_ok=True)
    with locked(home / ".lock"):
        yield


@contextmanager
def staging_folder(home: Path) -> Iterator[Path]:
    """A temporary working folder; the remains of a process that died are removed first."""
    folder = home / _STAGING
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_staging(home: Path) -> None:
    """Remove the remains of an import that was killed, unless another import is running."""
    with locked_if_free(home / ".lock") as is_free:
        if is_free:
            shutil.rmtree(home / _STAGING, ignore_errors=True)


def refused_folder(home: Path) -> Path:
    """The folder for the rejected rows of a refused import."""
    return home / _REFUSED_FOLDER


def publish_intake(home: Path, done: Path, intake: Intake) -> Intake:
    """Move finished tables into place in one step, and remove those of earlier fingerprints."""
    place = home / intake.fingerprint
    replace_folder(done, place)
    for other in home.iterdir():
        if other.is_dir() and other.name not in (place.name, _STAGING):
            shutil.rmtree(other, ignore_errors=True)
    return replace(intake, folder=place, tables={name: place / path.name for name, path in intake.tables.items()})
