"""What a process of a run may know of the environment it was started in: what a kernel needs, and no secret."""

import ctypes
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from crmnb.core.errors import InputError

# A variable that a kernel does not need is not given to it: it may hold a password, and a notebook can print it all.
KEPT = {
    *("PATH", "HOME", "USERPROFILE", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "COMSPEC"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX"),
    *("PYTHONHASHSEED", "PYTHONUTF8", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "SOURCE_DATE_EPOCH"),
    *("JUPYTER_PATH", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JPY_PARENT_PID"),
    *("LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME"),
    *(
        "CRMNB_RUN",
        "CRMNB_RECORD_FOLDER",
        "CRMNB_PARAMETERS_FOLDER",
        "CRMNB_RESULTS_FOLDER",
        "CRMNB_TABLES_FOLDER",
    ),  # a run's own
    *("CRMNB_THREADS", "CRMNB_MEMORY", "CRMNB_PAGE_KEY"),
}
_PR_SET_DUMPABLE = 4
_KERNELSPECS = Path(__file__).with_name("jupyter")

# One thread, or a fork would copy half of a process; and a set's order must not differ from run to run.
_SINGLE = {
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}


def minimal(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables that a kernel gets: those it needs to work, and those that make its results reproducible."""
    return {name: value for name, value in environment.items() if name in KEPT} | _SINGLE


def hide() -> None:
    """Keep other processes of the same user, but for root's, from reading this one's memory and the environment it was
    started with: in Linux a kernel would otherwise find them in /proc.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)


def for_jupyter(runtime: Path) -> dict[str, str]:
    """The variables by which Jupyter finds our kernelspec, and puts sockets and connection files into a folder."""
    return {"JUPYTER_PATH": str(_KERNELSPECS), "JUPYTER_RUNTIME_DIR": str(runtime)}


def runtime_folder() -> Path:
    """A folder for sockets, not made yet; its name is short, as the name of a socket must be."""
    place = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    if len(place) > 40 or not os.access(place, os.W_OK):
        place = "/tmp" if sys.platform != "win32" else tempfile.gettempdir()  # noqa: S108 -- a folder of our own in it
    return Path(place) / f"crmnb-{uuid4().hex[:12]}"


def machine_memory() -> int:
    """The bytes of memory that this process may count on: the machine's, or what its container allows."""
    amounts = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")] if hasattr(os, "sysconf") else []
    with suppress(OSError, ValueError):  # no container, or one without a limit
        amounts.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min((amount for amount in amounts if amount > 0), default=4 << 30)


def limit_memory(size: int) -> None:
    """Allow this process, and those that it starts, so many bytes; 0 and systems that cannot: no limit."""
    with suppress(ImportError, ValueError, OSError):  # Windows; a limit below what the process has
        import resource

        if size:
            resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def now() -> datetime:
    """The time of the run, in UTC; SOURCE_DATE_EPOCH fixes it. Raises InputError where that is no time."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        return datetime.fromtimestamp(int(fixed) if fixed else int(time.time()), UTC)
    except (ValueError, OverflowError, OSError):
        raise InputError("SOURCE_DATE_EPOCH in the environment is not a number of seconds since 1970.") from None


def remove(folder: Path) -> None:
    """Remove a folder that is ours, whatever is left in it."""
    shutil.rmtree(folder, ignore_errors=True)
