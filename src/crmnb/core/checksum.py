"""Checksums: what is kept to be read again is known to be whole, or counts as not there and is made anew.

A folder that is put in place whole is sealed: a file in it names the SHA-256 of the others. A JSON file holds its own.
"""

import errno
import json
import os
from collections.abc import Iterable
from hashlib import file_digest, sha256
from pathlib import Path
from typing import Any

SEAL = "checksums.json"
_CHECKSUM = "checksum"  # the key under which a JSON file holds its own
_CANNOT = (errno.EINVAL, errno.ENOTSUP, errno.EROFS)  # what fsync says on a file system that has no use for it


def checksum_of(path: Path) -> str:
    """The SHA-256 of a file's bytes, in hexadecimal. Raises OSError where it cannot be read."""
    with path.open("rb") as file:
        return file_digest(file, "sha256").hexdigest()


def seal(folder: Path, leave_out: Iterable[str] = ()) -> dict[str, str]:
    """Write the checksums of all files below a folder into it, but for the names to leave out; gives them by name.

    A name is the file's path within the folder; that of an inner folder leaves out all that is in it.
    """
    names = {path: path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()}
    checksums = {
        name.as_posix(): checksum_of(path) for path, name in names.items() if name.parts[0] not in {SEAL, *leave_out}
    }
    write_json(folder / SEAL, {"files": checksums})
    return checksums


def checksums_in(folder: Path) -> dict[str, str] | None:
    """The checksums that `seal` wrote, by name, as they were then; None where the folder is not sealed, or the seal is damaged."""
    sealed = read_json(folder / SEAL)
    return None if sealed is None else sealed["files"]


def damaged(folder: Path) -> list[str]:
    """The names of the files that are not as they were when the folder was sealed, or are gone; [SEAL] where that cannot be known.

    It reads every file to its end, at the speed of the disk: once per run. [] where all is whole.
    """
    checksums = checksums_in(folder)
    if checksums is None:
        return [SEAL]
    return [name for name, checksum in checksums.items() if not _is_whole(folder / name, checksum)]


def _is_whole(path: Path, checksum: str) -> bool:
    try:
        return path.is_file() and checksum_of(path) == checksum
    except OSError:  # a block of the disk that cannot be read
        return False


def write_json(path: Path, content: dict[str, Any], *, flush: bool = False) -> None:
    """Write a JSON file with its checksum, whole or not at all, for its owner's eyes.

    flush: wait until the disk has it, so that it is whole after a power cut as well.
    """
    content = json.loads(json.dumps(content))  # as it will be read: keys are text
    path.parent.mkdir(parents=True, exist_ok=True)
    new = path.with_name(f".{path.name}.new")
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        json.dump({_CHECKSUM: _checksum(content), **content}, file, indent=1)
        if flush:
            _flush(file.fileno())
    new.replace(path)


def read_json(path: Path) -> dict[str, Any] | None:
    """What `write_json` wrote; None where the file is missing or damaged."""
    try:
        return checked_json(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def checked_json(text: str) -> dict[str, Any] | None:
    """What a JSON file holds that `write_json` wrote, from its text; None where it is damaged."""
    try:
        content = json.loads(text)
        checksum = content.pop(_CHECKSUM)
    except (ValueError, RecursionError, AttributeError, KeyError, TypeError):
        return None
    return content if checksum == _checksum(content) else None


def _checksum(content: dict[str, Any]) -> str:
    return sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def flush(folder: Path) -> None:
    """Wait until the disk has a folder with all that is in it, so that a power cut leaves it whole once it is put in place."""
    for place, _, names in os.walk(folder):
        for path in (*(os.path.join(place, name) for name in names), place):
            flush_one(Path(path))


def flush_one(path: Path) -> None:
    """Wait until the disk has a file, or the names in a folder (not on Windows, where a folder cannot be opened)."""
    if os.name == "nt" or path.is_symlink() or not (path.is_file() or path.is_dir()):
        return
    file = os.open(path, os.O_RDONLY)
    try:
        _flush(file)
    finally:
        os.close(file)


def _flush(file: int) -> None:
    try:
        os.fsync(file)
    except OSError as no:
        if no.errno not in _CANNOT:
            raise
