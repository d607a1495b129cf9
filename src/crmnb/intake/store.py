"""What an intake leaves behind: canonical tables that are whole or not there, reused while nothing has changed."""

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
_REFUSED = "refused"
_SAID = "intake.json"
_QUARANTINE = "quarantine"
_CLIENT = {"sources", "tables", "items", "time_zone", "data_from", "data_until"}  # what an intake depends on


@dataclass(frozen=True)
class Intake:
    """A client's canonical tables (Parquet, sorted by time) and what became of every row.

    `data_from` and `cutoff` (half-open) are the days that the data cover: as declared, or those of the oldest and the
    newest event. `columns` are each table's; `sources` are the files read, for the manifest. `previous_profile` is the profile of
    the intake before this one that was of other data. `rebuilt_files` are the kept files that were damaged, and were made anew.
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
        """The SHA-256 of each table's file, by the table's name, as it was written."""
        files = sealed_checksums(self.folder) or {}
        return {name: files[path.name] for name, path in self.tables.items() if path.name in files}


def compute_fingerprint(
    client: Client, sources: dict[str, dict[str, Any]], forgotten: ErasureList = EMPTY_ERASURE_LIST
) -> str:
    """A hash of all that the canonical tables depend on: the files' content, the client's say, who is forgotten, and this code."""
    code = [*sorted(Path(tables.__file__).parent.glob("*.py")), *sorted(Path(__file__).parent.rglob("*.py"))]
    parts = [
        json.dumps(client.model_dump(mode="json", include=_CLIENT), sort_keys=True),
        json.dumps(sources, sort_keys=True),
        json.dumps([forgotten.salt, *forgotten.digests]),
        version("duckdb"),
        *(path.read_text() for path in code),
    ]
    return sha256("\0".join(parts).encode()).hexdigest()[:32]


def save_intake(intake: Intake) -> None:
    """Write beside the tables what is needed to know the intake again, and the checksums of all this.

    The quarantine has none: people mend its rows where they lie.
    """
    elsewhere = {"folder": Path(), "tables": {name: Path(path.name) for name, path in intake.tables.items()}}
    (intake.folder / _SAID).write_bytes(_form().dump_json(replace(intake, rebuilt_files=(), **elsewhere), indent=1))
    seal(intake.folder, exclude=[_QUARANTINE])


def load_intake(home: Path, mark: str) -> Intake | None:
    """The intake of that fingerprint, if it is there; `find_damaged_files` tells whether its tables are whole."""
    folder = home / mark
    try:
        if (sealed_checksums(folder) or {}).get(_SAID) != file_checksum(folder / _SAID):
            return None
        said = _form().validate_json((folder / _SAID).read_bytes())
    except (OSError, ValueError):
        return None
    paths = {name: folder / f"{name}.parquet" for name in said.tables}
    if not all(path.is_file() for path in paths.values()):
        return None
    return replace(said, folder=folder, tables=paths, reused=True)


def find_damaged_files(home: Path, mark: str) -> list[str]:
    """The names of what is damaged of the intake of that fingerprint; [] where all is whole, or there is no such intake.

    The tables are read to their end, so it is asked once per run.
    """
    folder = home / mark
    return damaged_files(folder) if folder.is_dir() else []


def load_latest_intake(home: Path) -> Intake | None:
    """The newest intake that lies there."""
    said = sorted(home.glob(f"*/{_SAID}"), key=lambda path: path.stat().st_mtime, reverse=True)
    return next((found for path in said if (found := load_intake(home, path.parent.name))), None)


@cache
def _form() -> TypeAdapter:
    return TypeAdapter(Intake)


@contextmanager
def lock_tables(home: Path) -> Iterator[None]:
    """Hold the folder against other processes that would take in the same client; they wait."""
    home.mkdir(parents=True, exist_ok=True)
    with locked(home / ".lock"):
        yield


@contextmanager
def staging_folder(home: Path) -> Iterator[Path]:
    """A folder to work in, gone afterwards; so is what a process that died has left."""
    folder = home / _STAGING
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def remove_staging(home: Path) -> None:
    """Take away what an intake that was killed has left, unless another one is at work there."""
    with locked_if_free(home / ".lock") as is_free:
        if is_free:
            shutil.rmtree(home / _STAGING, ignore_errors=True)


def refused_folder(home: Path) -> Path:
    """Where the quarantine of an intake lies that was not let through."""
    return home / _REFUSED


def publish_intake(home: Path, done: Path, intake: Intake) -> Intake:
    """Put finished tables into their place at once, and take away those of former fingerprints."""
    place = home / intake.fingerprint
    replace_folder(done, place)
    for other in home.iterdir():
        if other.is_dir() and other.name not in (place.name, _STAGING):
            shutil.rmtree(other, ignore_errors=True)
    return replace(intake, folder=place, tables={name: place / path.name for name, path in intake.tables.items()})
