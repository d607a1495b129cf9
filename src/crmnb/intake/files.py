"""Finding a source's files, and knowing their content."""

import gzip
import os
from dataclasses import dataclass
from glob import glob
from hashlib import file_digest
from pathlib import Path

from crmnb.client import Client, Source
from crmnb.errors import InputError

ENDINGS = {".csv": "csv", ".txt": "csv", ".tsv": "csv", ".parquet": "parquet"}


class SourceMissing(InputError):
    """A source's file is not there."""


@dataclass(frozen=True)
class File:
    """A source's file: where it lies, the name it goes by in messages and records, and its format."""

    path: Path
    name: str
    format: str

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

    Raises SourceMissing, saying where it was looked, and InputError for a format that is not read.
    """
    source = client.sources[name]
    here = client.folder / source.file
    found = [source.file] if here.is_file() else sorted(glob(source.file, root_dir=client.folder))
    files = [client.folder / one for one in found if (client.folder / one).is_file()]
    if not files:
        raise SourceMissing(
            f"{client.id}.yml, sources.{name}.file: there is no file {source.file!r}; looked for {here.resolve()}."
        )
    outside = os.path.isabs(source.file) or ".." in Path(source.file).parts  # says where on this machine: not shown
    shown = [path.name if outside else str(path.relative_to(client.folder)) for path in files]
    return [
        File(path, label, _format(path, f"{client.id}.yml, sources.{name}", source))
        for path, label in zip(files, shown, strict=True)
    ]


def _format(path: Path, where: str, source: Source) -> str:
    endings = [ending.lower() for ending in path.suffixes[-2:]]
    ending = endings[-2] if endings[-1:] == [".gz"] and len(endings) == 2 else "".join(endings[-1:])
    found = source.format or ENDINGS.get(ending)
    if not found:
        raise InputError(
            f"{where}: files such as {path.name!r} are not read; save it as CSV or Parquet "
            "(or say `format: csv` if it is text with a delimiter)."
        )
    return found


def opened(path: Path):
    """The file's bytes, unpacked where they are gzipped."""
    file = path.open("rb")
    packed = file.read(2) == b"\x1f\x8b"
    file.seek(0)
    return gzip.GzipFile(fileobj=file) if packed else file
