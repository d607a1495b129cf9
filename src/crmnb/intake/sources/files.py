"""Finding a source's files, and knowing their content."""

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

PACKED = ("csv", "json")  # formats that may be gzipped
_SYSTEM = ("/proc", "/sys", "/dev")
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
    lies elsewhere than it seems to or than it may, or is of a format that is not read.
    """
    source, where = client.sources[name], f"{client.id}.yml, sources.{name}"
    here = client.folder / source.file
    is_pattern = not os.path.lexists(here)
    allowed = named_folder(client, source.file, f"{where}.file", is_pattern=is_pattern)
    found = [source.file] if not is_pattern else sorted(glob.glob(source.file, root_dir=client.folder))
    paths = [client.folder / one for one in found if not Path(one).name.startswith(_OFFICE_LOCK)]
    if not any(path.exists() for path in paths):
        looked = escape_unprintable(os.path.abspath(here))
        raise missing(f"{where}.file: there is no file {source.file!r}; looked for {looked}.", client)
    files = []
    for path in paths:  # a place outside says where on this machine: not shown
        label = path.name if _is_outside(source.file) else str(path.relative_to(client.folder))
        _refuse_other_bytes(path, label, f"{where}.file")
        check_place(path, allowed, f"{where}.file: {label!r}")
        files.append(File(path, escape_unprintable(label), _format(path, where, source), state(path)))
    return files


def named_folder(client: Client, name: str, key: str, *, is_pattern: bool = False) -> Path:
    """The folder, without links, in which a file that is named relative to the parameters' folder must lie.

    A link on the way there counts only where the parameters name a place outside their own folder. Raises InputError, naming
    the key, for a folder that is neither below the parameters' own nor below one of `data_folders`, and for those in which
    the system tells of itself.
    """
    parts = Path(name).parent.parts
    literal = Path(*takewhile(lambda part: not glob.has_magic(part), parts) if is_pattern else parts)
    if not _is_outside(name):
        return client.folder.resolve() / literal
    folder = (client.folder / literal).resolve()
    if _is_the_systems(folder):
        raise InputError(f"{key}: {escape_unprintable(name)!r} is the system's own, and no file of a client's.")
    if not any(folder.is_relative_to(root) for root in _roots(client)):
        raise InputError(
            f"{key}: {escape_unprintable(name)!r} lies outside the folder of the parameters file. Put the file below that folder; or, if "
            f"crmnb may read what lies there, declare its folder: `data_folders: [{escape_unprintable(literal)}]`."
        )
    return folder


def _roots(client: Client) -> list[Path]:
    """The folders, without links, below which a client's files may lie."""
    declared = [(client.folder / name).resolve() for name in client.data_folders]
    for name, root in zip(client.data_folders, declared, strict=True):
        if root == Path(root.anchor) or _is_the_systems(root):
            raise InputError(
                f"{client.id}.yml, data_folders: {escape_unprintable(name)!r} is too much; name the folder of the files."
            )
    return [client.folder.resolve(), *declared]


def _is_the_systems(path: Path) -> bool:
    """Whether a place is one in which the system shows its processes and devices as files."""
    return any(path.is_relative_to(place) or _are_on_one_disk(path, place) for place in map(Path, _SYSTEM))


def _are_on_one_disk(path: Path, place: Path) -> bool:
    try:
        return place.is_mount() and path.stat().st_dev == place.stat().st_dev
    except OSError:
        return False


def _is_outside(name: str) -> bool:
    return os.path.isabs(name) or ".." in Path(name).parts


def _refuse_other_bytes(path: Path, label: str, key: str) -> None:
    """Raise InputError for a name whose bytes are no UTF-8: no text, and not what the engine opens by it."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        shown = escape_unprintable(os.fsencode(label).decode("utf-8", "backslashreplace"))
        raise InputError(f"{key}: the name {shown}, or that of a folder above, is not UTF-8; rename it.") from None


def missing(words: str, client: Client) -> SourceMissing:
    """What to raise of data that are not there: the words, and where to get the data if the client's file says so."""
    return SourceMissing(f"{words} To get the data: {client.obtain}" if client.obtain else words)


def check_place(path: Path, folder: Path, label: str) -> None:
    """Raise InputError unless a path leads to a regular file in the folder (as `named_folder` gives it) that may be read.

    Links are followed: beside the folder may lie what belongs to another client.
    """
    if not path.is_file():  # opening a pipe or a device might never end
        what = "a folder" if path.is_dir() else "a broken link" if not path.exists() else "a pipe or a device"
        raise InputError(f"{label} is {what}, not a file; name a file, or several such as 'data/*.csv'.")
    if _is_the_systems(path.resolve()):
        raise InputError(f"{label} is the system's own, and no file of a client's.")
    if not path.resolve().is_relative_to(folder):
        raise InputError(
            f"{label} is a link, or lies behind one, that leads to another folder than it seems; "
            "put the file itself there, or name the place where it really lies."
        )
    if not os.access(path, os.R_OK):
        raise InputError(f"{label} may not be read by you; ask for the permission, or copy the file.")


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
