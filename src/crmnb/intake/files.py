"""Finding a source's files, and knowing their content."""

import gzip
import os
from collections.abc import Iterable
from dataclasses import dataclass
from glob import glob
from hashlib import file_digest
from pathlib import Path

from crmnb.client import Client, Source
from crmnb.client.sources import ENDINGS
from crmnb.errors import InputError

PACKED = ("csv", "json")  # formats that may be gzipped
_OFFICE_LOCK = "~$"  # what Excel leaves beside a workbook while it is open; it holds no data


class SourceMissing(InputError):
    """A source's file is not there."""


@dataclass(frozen=True)
class File:
    """A source's file: where it lies, the name it goes by in messages and records, its format, and its state."""

    path: Path
    name: str
    format: str
    state: tuple[int, ...] = ()  # as `state` gave it before the file was read

    def content(self) -> dict[str, str | int]:
        """What the manifest says of it: its name, size and a hash of its content."""
        with self.path.open("rb") as file:
            return {
                "name": self.name,
                "bytes": self.path.stat().st_size,
                "sha256": file_digest(file, "sha256").hexdigest(),
            }


def find_files(client: Client, name: str) -> list[File]:
    """The files of a client's source, sorted by name.

    Raises SourceMissing, saying where it was looked and how to get the data, and InputError for what is no regular file,
    lies elsewhere than it seems to, or is of a format that is not read.
    """
    source, where = client.sources[name], f"{client.id}.yml, sources.{name}"
    here = client.folder / source.file
    found = [source.file] if os.path.lexists(here) else sorted(glob(source.file, root_dir=client.folder))
    paths = [client.folder / one for one in found if not Path(one).name.startswith(_OFFICE_LOCK)]
    if not any(path.exists() for path in paths):
        raise missing(f"{where}.file: there is no file {source.file!r}; looked for {os.path.abspath(here)}.", client)
    outside = os.path.isabs(source.file) or ".." in Path(source.file).parts  # says where on this machine: not shown
    files = []
    for path in paths:
        label = path.name if outside else str(path.relative_to(client.folder))
        check_place(path, client.folder, f"{where}.file: {label!r}", outside)
        files.append(File(path, label, _format(path, where, source), state(path)))
    return files


def missing(words: str, client: Client) -> SourceMissing:
    """What to raise of data that are not there: the words, and where to get the data if the client's file says so."""
    return SourceMissing(f"{words} To get the data: {client.obtain}" if client.obtain else words)


def check_place(path: Path, folder: Path, named: str, outside: bool) -> None:
    """Raise InputError unless a path leads to a regular file where it seems to lie, and which may be read.

    A link may lead anywhere in the folder of the parameters file, or, where the parameters name a place outside it,
    in the folder that they name; not elsewhere.
    """
    if not path.is_file():  # opening a pipe or a device might never end
        what = "a folder" if path.is_dir() else "a broken link" if path.is_symlink() else "a pipe or a device"
        raise InputError(f"{named} is {what}, not a file; name a file, or several such as 'data/*.csv'.")
    allowed = path.parent if outside else folder
    if not path.resolve().is_relative_to(allowed.resolve()):
        raise InputError(
            f"{named} is a link, or lies behind one, that leads to another folder than it seems; "
            "put the file itself there, or name the place where it really lies."
        )
    if not os.access(path, os.R_OK):
        raise InputError(f"{named} may not be read by you; ask for the permission, or copy the file.")


def state(path: Path) -> tuple[int, ...]:
    """What changes when a file is written to or replaced."""
    found = path.stat()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def unchanged(files: Iterable[File], where: str) -> None:
    """Raise InputError, naming the key, where a file is not as it was when it was found."""
    for file in files:
        try:
            same = not file.state or state(file.path) == file.state
        except OSError:
            same = False
        if not same:
            raise InputError(f"{where}: {file.name!r} changed while it was read; run again when nothing writes to it.")


def opened(path: Path):
    """The file's bytes, unpacked where they are gzipped."""
    file = path.open("rb")
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if packed else file


def _format(path: Path, where: str, source: Source) -> str:
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    packed = endings[-1:] == [".gz"]
    ending = "".join(endings[:-1] if packed else endings[-1:])
    found = source.format or ENDINGS.get(ending)
    if not found:
        raise InputError(
            f"{where}: files such as {path.name!r} are not read; save it as CSV, Excel, Parquet or JSON lines, "
            "or say what it is, such as `format: csv` (text with a delimiter) or `format: json` (an object a line)."
        )
    if packed and found not in PACKED:
        raise InputError(f"{where}: {path.name!r} is gzipped, which only text may be; unpack it.")
    if ending == ".tsv" and found == "csv" and "delimiter" not in source.model_fields_set:
        raise InputError(f'{where}: {path.name!r} seems to be separated by tabs; add `delimiter: "\\t"`.')
    return found
