"""The environment of the benchmarks' peers, made on demand: they need other versions than the suite.

It lies in .peers, beside .venv. The last act of a complete install is to leave there a copy of what was asked for: a second call
compares two files and installs nothing, an interrupted one starts afresh.
"""

import fcntl
import os
import shutil
import subprocess
import sys
import venv
from importlib.util import find_spec
from pathlib import Path

CHECKOUT = Path(__file__).parents[2]
ASKED = Path(__file__).with_name("requirements-peers.txt")
PLACE = CHECKOUT / ".peers"


def python() -> Path:
    """The interpreter of that environment, which is made first where it is absent or another one was asked for.

    Raises SystemExit where it cannot be installed.
    """
    kept, interpreter = PLACE / ASKED.name, PLACE / "bin" / "python"
    with ASKED.open() as held:
        fcntl.flock(held, fcntl.LOCK_EX)  # of two benchmarks at once, the second waits until the first has made it
        if not kept.exists() or kept.read_bytes() != ASKED.read_bytes():
            _make(interpreter)
            shutil.copy(ASKED, kept)
    return interpreter


def _make(interpreter: Path) -> None:
    print(f"Installing into {PLACE.name} what {ASKED.name} asks for; this happens once.", file=sys.stderr)
    venv.create(PLACE, clear=True, with_pip=True)
    install = [interpreter, "-m", "pip", "install", "--quiet", "--requirement", ASKED]
    if subprocess.run(install).returncode:  # noqa: S603 (our own list)
        raise SystemExit(f"what {ASKED.name} asks for could not be installed")


def stand_among(peer: str, module: str, *arguments: str) -> None:
    """Go on in the peers' environment where this one lacks the peer: the same module with the same arguments, from its start."""
    if find_spec(peer) is None:
        there = str(python())
        os.execv(there, [there, "-m", module, *arguments])  # noqa: S606 (our own environment)
