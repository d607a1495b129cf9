"""Checksums: a stored file that is read again is known to be complete; otherwise it counts as missing and is rebuilt.

A stored folder is sealed: one file in it holds the SHA-256 of the others. A JSON file holds its own checksum.
"""

import json
from collections.abc import Iterable
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

from crmnb.core.files import write_atomic

SEAL = "checksums.json"
_CHECKSUM = "checksum"  # the key under which a JSON file holds its own


def file_checksum(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal. Raises OSError if the file cannot be read."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def seal(folder: Path, exclude: Iterable[str] = ()) -> dict[str, str]:
    """Write the checksums of all files below a folder into it, except for the excluded names; returns them by name.

    A name is the file's path within the folder; the name of an inner folder excludes everything in it.
    """
    names = {path: path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()}
    checksums = {
        name.as_posix(): file_checksum(path) for path, name in names.items() if name.parts[0] not in {SEAL, *exclude}
    }
    write_json(folder / SEAL, {"files": checksums})
    return checksums


def sealed_checksums(folder: Path) -> dict[str, str] | None:
    """The checksums that `seal` wrote, by name; None if the folder is not sealed or the seal is damaged."""
    content = read_json(folder / SEAL)
    return None if content is None else content["files"]


def damaged_files(folder: Path) -> list[str]:
    """The names of files that changed or disappeared since the folder was sealed; [SEAL] if this cannot be known.

    It reads every file to its end, at the speed of the disk: call it once per run. [] if all files are unchanged.
    """
    checksums = sealed_checksums(folder)
    if checksums is None:
        return [SEAL]
    return [name for name, checksum in checksums.items() if not _is_unchanged(folder / name, checksum)]


def _is_unchanged(path: Path, checksum: str) -> bool:
    try:
        return path.is_file() and file_checksum(path) == checksum
    except OSError:  # a block of the disk that cannot be read
        return False


def write_json(path: Path, content: dict[str, Any], *, flush: bool = False) -> None:
    """Write a JSON file with its checksum, atomically; only its owner can read it.

    flush: wait until the disk has stored it, so that it survives a power cut.
    """
    content = json.loads(json.dumps(content))  # as it will be read: keys are text
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps({_CHECKSUM: _checksum(content), **content}, indent=1), flush=flush)


def read_json(path: Path) -> dict[str, Any] | None:
    """The content that `write_json` wrote; None if the file is missing or damaged."""
    try:
        return parse_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def parse_json(text: str) -> dict[str, Any] | None:
    """The content that `write_json` wrote, from the file's text; None if it is damaged."""
    try:
        content = json.loads(text)
        checksum = content.pop(_CHECKSUM)
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return None
    return content if checksum == _checksum(content) else None


def _checksum(content: dict[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
