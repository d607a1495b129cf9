"""Paths: the project folder with parameters/, notebooks/ and outputs/, and a client's private folder."""

import re
from pathlib import Path

from crmnb.core.errors import InputError

NAME = r"^[a-z][a-z0-9_]*$"  # of a client, and so of its folder; of an item or a segment too
HANDBOOK = "handbook"  # the folder in outputs/ that is no client's


def is_client_name(name: str) -> bool:
    """Whether a client may have this name, which becomes that of its folder in outputs/."""
    return re.fullmatch(NAME, name) is not None and name != HANDBOOK


def find_project(start: Path) -> Path:
    """The nearest folder at or above `start` that holds `parameters/` and `notebooks/`."""
    for folder in (start, *start.parents):
        if (folder / "parameters").is_dir() and (folder / "notebooks").is_dir():
            return folder
    raise InputError(f"{start} is not in a project: neither it nor a folder above it has parameters/ and notebooks/.")


def handbook_folder(project: Path) -> Path:
    """The folder of the handbook, to which the reports of all clients link."""
    return project / "outputs" / HANDBOOK


def private_folder(project: Path, client: str) -> Path:
    """The client's folder for files that are not sent to anyone, open to its owner only; created if missing."""
    folder = project / "outputs" / client / ".private"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def relative_path(path: Path, folder: Path) -> str:
    """The path relative to a folder that contains it; otherwise the full path."""
    return str(path.relative_to(folder) if path.is_relative_to(folder) else path)
