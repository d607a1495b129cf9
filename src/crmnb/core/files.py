"""Files: the only place that writes a file atomically, and that waits until the disk has stored it."""

import contextlib
import errno
import os
from pathlib import Path

OWNER_ONLY = 0o600
_FSYNC_UNSUPPORTED = (errno.EINVAL, errno.ENOTSUP, errno.EROFS)


def write_atomic(path: Path, content: str | bytes, *, flush: bool = False) -> None:
    """Write a file so that readers see the old content or the new content, never a part. Only its owner can read it.

    Two processes must not write the same path at the same time. flush: wait until the disk has stored the file, so that
    it survives a power cut. Raises OSError if it cannot be written; then the old file is still there.
    """
    data = content.encode("utf-8") if isinstance(content, str) else content
    temporary = path.with_name(f".{path.name}.new")
    temporary.unlink(missing_ok=True)  # left by a writer that was killed
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            if flush:
                file.flush()
                _fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def flush_folder(folder: Path) -> None:
    """Wait until the disk has stored a folder and everything in it, so that a power cut leaves it complete."""
    for place, _, names in os.walk(folder):
        for path in (*(os.path.join(place, name) for name in names), place):
            flush_path(Path(path))


def flush_path(path: Path) -> None:
    """Wait until the disk has stored a file, or the names in a folder (not on Windows, where a folder cannot be opened)."""
    if os.name == "nt" or path.is_symlink() or not (path.is_file() or path.is_dir()):
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        _fsync(descriptor)
    finally:
        os.close(descriptor)


def _fsync(descriptor: int) -> None:
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _FSYNC_UNSUPPORTED:
            raise
