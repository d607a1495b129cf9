"""The environment of a run's processes: the variables that a kernel needs, its limits, and no secrets."""

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

from crmnb.core import environment as variables
from crmnb.core.errors import InputError
from crmnb.run.process_cleanup import RUN_ID

# A kernel gets no other variable: it could hold a password, and a notebook can print all variables.
ALLOWED = {
    *("PATH", "HOME", "USERPROFILE", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "COMSPEC"),
    *("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "CONDA_PREFIX"),
    *("PYTHONHASHSEED", "PYTHONUTF8", "MPLCONFIGDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "SOURCE_DATE_EPOCH"),
    *("JUPYTER_PATH", "JUPYTER_RUNTIME_DIR", "IPYTHONDIR", "JPY_PARENT_PID"),
    *("LC_ALL", "LC_COLLATE", "LC_CTYPE", "LC_MESSAGES", "LC_MONETARY", "LC_NUMERIC", "LC_TIME"),
    *(RUN_ID, variables.RECORD_FOLDER, variables.PARAMETERS_FOLDER, variables.RESULTS_FOLDER, variables.TABLES_FOLDER),
    *(variables.THREADS, variables.MEMORY, variables.PAGE_KEY),
}
_PR_SET_DUMPABLE = 4
_KERNELSPECS = Path(__file__).with_name("jupyter")

# One thread, since a fork copies only one; and the order of sets must not differ between runs.
_REPRODUCIBLE = {
    **dict.fromkeys(("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"), "1"),
    "JE_ARROW_MALLOC_CONF": "background_thread:false",
    "PYTHONHASHSEED": "0",
    "MPLBACKEND": "module://matplotlib_inline.backend_inline",
}


def minimal_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables for a kernel: those that it needs, and those that make its results reproducible."""
    return {name: value for name, value in environment.items() if name in ALLOWED} | _REPRODUCIBLE


def protect_process() -> None:
    """Deny other processes of the same user (except root's) access to the memory and start environment of this one.

    On Linux a kernel could otherwise read them in /proc.
    """
    if sys.platform.startswith("linux"):
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0)


def jupyter_environment(runtime: Path) -> dict[str, str]:
    """The variables by which Jupyter finds our kernelspec and the folder for sockets and connection files."""
    return {"JUPYTER_PATH": str(_KERNELSPECS), "JUPYTER_RUNTIME_DIR": str(runtime)}


def new_runtime_folder() -> Path:
    """The path of a folder for sockets, not created yet; it is short, since the path of a socket must be."""
    parent = os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir()
    if len(parent) > 40 or not os.access(parent, os.W_OK):
        parent = "/tmp" if sys.platform != "win32" else tempfile.gettempdir()  # noqa: S108 -- a private folder is created in it
    return Path(parent) / f"crmnb-{uuid4().hex[:12]}"


def machine_memory() -> int:
    """The memory available to this process in bytes: of the machine, or the limit of its container."""
    amounts = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")] if hasattr(os, "sysconf") else []
    with suppress(OSError, ValueError):  # no container, or one without a limit
        amounts.append(int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return min((amount for amount in amounts if amount > 0), default=4 << 30)


def limit_memory(size: int) -> None:
    """Limit the memory of this process and its children, in bytes; 0 means no limit, as on systems that cannot limit it."""
    with suppress(ImportError, ValueError, OSError):  # Windows; a limit below the memory in use
        import resource

        if size:
            resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def current_time() -> datetime:
    """The current time in UTC; SOURCE_DATE_EPOCH overrides it. Raises InputError if that is not a time."""
    fixed = os.environ.get("SOURCE_DATE_EPOCH")
    try:
        return datetime.fromtimestamp(int(fixed) if fixed else int(time.time()), UTC)
    except (ValueError, OverflowError, OSError):
        raise InputError("SOURCE_DATE_EPOCH in the environment is not a number of seconds since 1970.") from None


def remove_folder(folder: Path) -> None:
    """Remove a folder with everything in it; errors are ignored."""
    shutil.rmtree(folder, ignore_errors=True)
