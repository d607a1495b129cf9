"""The handbook beside the reports: it is written again when it is missing, or older than the code or the lessons."""

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from crmnb.core.checksum import file_checksum, read_json, write_json
from crmnb.core.folder_swap import replace_folder
from crmnb.core.lock import locked
from crmnb.core.paths import handbook_folder
from crmnb.run.cache_keys import code_hash
from crmnb.run.jobs import StepCallback, print_fault

_KEY = "handbook.json"  # what the folder was written from
_LOCK = ".handbook.lock"


def handbook_is_current(project: Path) -> bool:
    """Whether the handbook is there and was written by this code from these lessons: neither takes more than to read a file."""
    return (read_json(handbook_folder(project) / _KEY) or {}).get("key") == _key(project)


def mark_current(project: Path) -> None:
    """Have the handbook count as written: runs then leave it as it is, also where it is empty."""
    write_json(handbook_folder(project) / _KEY, {"key": _key(project)})


def make_handbook(project: Path, place: Path | None, on_step: Callable[[str], None]) -> tuple[Path, int]:
    """Write the handbook into a folder, by default that of the project; returns the folder and the number of pages.

    Raises InputError where the example client's parameters or files are wrong, OSError where the folder cannot be written; then the old
    handbook stays.
    """
    place = place or handbook_folder(project)
    with _place_locked(place):
        return place, _replace(project, place, on_step)


def update_handbook(project: str, client: str, on_step: StepCallback) -> dict[str, Any]:
    """The job of a run, of whatever client: write the handbook, unless another run has done so in the meantime.

    If the example client was changed so that the pages cannot be written from it, they are without their examples: reports link to them.
    """
    root = Path(project)
    place = handbook_folder(root)
    with _place_locked(place):
        if handbook_is_current(root):
            return {"pages": 0}
        try:
            return {"pages": _replace(root, place, on_step)}
        except (OSError, MemoryError):
            raise
        except Exception as fault:
            print_fault(fault)
            return {"pages": _replace(root, place, on_step, with_example=False)}


@contextmanager
def _place_locked(place: Path) -> Iterator[None]:
    place.parent.mkdir(parents=True, exist_ok=True)
    with locked(place.parent / _LOCK):
        yield


def _replace(project: Path, place: Path, on_step: Callable[[str], None], *, with_example: bool = True) -> int:
    from crmnb.handbook.build import write_handbook

    key, new = _key(project), place.with_name(f".{place.name}.new")
    shutil.rmtree(new, ignore_errors=True)
    try:
        pages = write_handbook(project, new, on_step, with_example=with_example)
        write_json(new / _KEY, {"key": key})
        replace_folder(new, place)
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return pages


def _key(project: Path) -> str:
    lessons = sorted((project / "notebooks" / "lessons").glob("*.ipynb"))
    return json.dumps([code_hash(project), {path.name: file_checksum(path) for path in lessons}])
