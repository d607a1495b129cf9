"""The files of a source: where they are, whether they may be read, and what they contain."""

import glob
import gzip
import os
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import file_digest
from itertools import takewhile
from pathlib import Path

from crmnb.core.errors import InputError, escape_unprintable
from crmnb.schema.client import Client, Source
from crmnb.schema.client.sources import ENDINGS

GZIP_FORMATS = ("csv", "json")  # formats that may be gzipped
_SYSTEM = ("/proc", "/sys", "/dev")
_OFFICE_LOCK = "~$"  # the lock file that Excel creates beside an open workbook; it holds no data


class SourceMissing(InputError):
    """A file of a source is missing."""


@dataclass(frozen=True)
class SourceFile:
    """A file of a source: its path, its name in messages and records, its format, and its state."""

    path: Path
    name: str
    format: str
    state: tuple[int, ...] = ()  # from `read_state`, before the file was read

    def describe(self) -> dict[str, str | int]:
        """The entry in the manifest: name, size and a hash of the content."""
        with self.path.open("rb") as file:
            return {
                "name": self.name,
                "bytes": self.path.stat().st_size,
                "sha256": file_digest(file, "sha256").hexdigest(),
            }


def find_files(client: Client, name: str) -> list[SourceFile]:
    """The files of a client's source, sorted by name.

    Raises SourceMissing, with the path and how to get the data, and InputError for a file that is not regular, is outside
    the allowed folders (also through links), or has an unknown format.
    """
    source, location = client.sources[name], f"{client.id}.yml, sources.{name}"
    path = client.folder / source.file
    is_pattern = not os.path.lexists(path)
    allowed = resolve_folder(client, source.file, f"{location}.file", is_pattern=is_pattern)
    names = [source.file] if not is_pattern else sorted(glob.glob(source.file, root_dir=client.folder))
    paths = [client.folder / file for file in names if not Path(file).name.startswith(_OFFICE_LOCK)]
    if not any(path.exists() for path in paths):
        looked = escape_unprintable(os.path.abspath(path))
        raise source_missing_error(
            f"{location}.file: the file {source.file!r} does not exist (path: {looked}).", client
        )
    files = []
    for path in paths:  # a path outside the folder would show this machine's folders
        label = path.name if _is_outside(source.file) else str(path.relative_to(client.folder))
        _check_name(path, label, f"{location}.file")
        check_path(path, allowed, f"{location}.file: {label!r}")
        files.append(SourceFile(path, escape_unprintable(label), _format(path, location, source), read_state(path)))
    return files


def resolve_folder(client: Client, name: str, key: str, *, is_pattern: bool = False) -> Path:
    """The real folder, without links, of a file that is named relative to the folder of the parameters file.

    Links on the path are followed only if the name leads outside the folder of the parameters file. Raises InputError,
    with the key, for a folder that is neither below it nor below one of `data_folders`, and for system folders.
    """
    parts = Path(name).parent.parts
    literal = Path(*takewhile(lambda part: not glob.has_magic(part), parts) if is_pattern else parts)
    if not _is_outside(name):
        return client.folder.resolve() / literal
    folder = (client.folder / literal).resolve()
    if _is_system_path(folder):
        raise InputError(
            f"{key}: {escape_unprintable(name)!r} is in a system folder, which is not allowed. Name a file of the client."
        )
    if not any(folder.is_relative_to(root) for root in _roots(client)):
        raise InputError(
            f"{key}: {escape_unprintable(name)!r} is outside the folder of the parameters file. Move the file into that folder; or, if "
            f"crmnb may read the files there, declare the folder: `data_folders: [{escape_unprintable(literal)}]`."
        )
    return folder


def _roots(client: Client) -> list[Path]:
    """The real folders, without links, that may hold a client's files."""
    declared = [(client.folder / name).resolve() for name in client.data_folders]
    for name, root in zip(client.data_folders, declared, strict=True):
        if root == Path(root.anchor) or _is_system_path(root):
            raise InputError(
                f"{client.id}.yml, data_folders: {escape_unprintable(name)!r} is not allowed: it is the whole disk or a system folder. Name the folder of the files."
            )
    return [client.folder.resolve(), *declared]


def _is_system_path(path: Path) -> bool:
    """Whether a path is in a folder in which the system shows processes and devices as files."""
    return any(path.is_relative_to(place) or _is_same_device(path, place) for place in map(Path, _SYSTEM))


def _is_same_device(path: Path, place: Path) -> bool:
    try:
        return place.is_mount() and path.stat().st_dev == place.stat().st_dev
    except OSError:
        return False


def _is_outside(name: str) -> bool:
    return os.path.isabs(name) or ".." in Path(name).parts


def _check_name(path: Path, label: str, key: str) -> None:
    """Raise InputError for a path that is not UTF-8: the engine could not open it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = escape_unprintable(os.fsencode(label).decode("utf-8", "backslashreplace"))
        raise InputError(f"{key}: the name {shown} (or that of its folder) is not UTF-8. Rename it.") from None


def source_missing_error(message: str, client: Client) -> SourceMissing:
    """The error for missing data: the message, and how to get the data if the parameters file says it."""
    return SourceMissing(f"{message} To get the data: {client.obtain}" if client.obtain else message)


def check_path(path: Path, folder: Path, label: str) -> None:
    """Raise InputError unless a path leads to a readable regular file in the folder (from `resolve_folder`).

    Links are followed: outside the folder there may be files of another client.
    """
    if not path.is_file():  # opening a pipe or a device may block forever
        what = "a folder" if path.is_dir() else "a broken link" if not path.exists() else "a pipe or a device"
        raise InputError(
            f"{label} is {what}, not a file. Name a file, or several files with a pattern such as 'data/*.csv'."
        )
    if _is_system_path(path.resolve()):
        raise InputError(f"{label} is in a system folder, which is not allowed. Name a file of the client.")
    if not path.resolve().is_relative_to(folder):
        raise InputError(
            f"{label} is a link to another folder, or is behind such a link. "
            "Put the file itself there, or name its real path."
        )
    if not os.access(path, os.R_OK):
        raise InputError(f"{label} cannot be read: you have no permission. Ask for it, or copy the file.")


def read_state(path: Path) -> tuple[int, ...]:
    """The size, times and inode of a file, which change when the file is written or replaced."""
    status = path.stat()
    return status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino


def check_unchanged(files: Iterable[SourceFile], location: str) -> None:
    """Raise InputError, with the key, if a file has changed since it was located."""
    for file in files:
        try:
            same = not file.state or read_state(file.path) == file.state
        except OSError:
            same = False
        if not same:
            raise InputError(
                f"{location}: {file.name!r} changed during the import. Run again when no other program writes to it."
            )


def open_unpacked(path: Path):
    """The bytes of a file, unpacked if it is gzipped."""
    file = path.open("rb")
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if packed else file


def _format(path: Path, location: str, source: Source) -> str:
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    packed = endings[-1:] == [".gz"]
    ending = "".join(endings[:-1] if packed else endings[-1:])
    format_ = source.format or ENDINGS.get(ending)
    if not format_:
        raise InputError(
            f"{location}: the format of {path.name!r} is unknown. Save it as CSV, Excel, Parquet or JSON lines, "
            "or declare its format: `format: csv` (text with a delimiter) or `format: json` (one object per line)."
        )
    if packed and format_ not in GZIP_FORMATS:
        raise InputError(
            f"{location}: {path.name!r} is gzipped, which is allowed only for CSV and JSON lines. Unpack it."
        )
    if ending == ".tsv" and format_ == "csv" and "delimiter" not in source.model_fields_set:
        raise InputError(f'{location}: {path.name!r} is tab-separated by its name. Add `delimiter: "\\t"`.')
    return format_
