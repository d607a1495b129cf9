"""Project: the folder that holds parameters/, notebooks/ and outputs/, and a client's place in it."""

from pathlib import Path

from crmnb.core.errors import InputError


def find_project(start: Path) -> Path:
    """The nearest folder at or above `start` that holds `parameters/` and `notebooks/`."""
    for folder in (start, *start.parents):
        if (folder / "parameters").is_dir() and (folder / "notebooks").is_dir():
            return folder
    raise InputError(f"no project here: neither {start} nor a folder above it holds parameters/ and notebooks/.")


def private_folder(project: Path, client: str) -> Path:
    """The client's place for what is not to be sent, open to its owner only; made where it is missing."""
    folder = project / "outputs" / client / ".private"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder
