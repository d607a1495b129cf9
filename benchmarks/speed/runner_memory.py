"""What each process of a command takes: memory and CPU, looked at twenty times a second; Linux alone tells that."""

import contextlib
import os
import re
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path

_EVERY = 0.05  # seconds
_TICKS = os.sysconf("SC_CLK_TCK")  # a second, of the times in /proc
_WARM = "crmnb.run.fork_server"


@dataclass
class Process:
    """What was seen of a process: its most private memory (bytes that no other process shares), its CPU, and what it is."""

    started: float  # seconds since the machine's start
    forked: bool
    words: str = ""
    private: int = 0
    cpu_seconds: float = 0.0
    is_kernel: bool = False

    @property
    def role(self) -> str:
        """kernel, worker (forked, and no kernel), warm (what they are forked from), or run."""
        if self.is_kernel:
            return "kernel"
        return "worker" if self.forked else "warm" if _WARM in self.words else "run"


@dataclass
class Watch:
    """What was seen of a command: when it began (seconds since the machine's start), and its processes by id."""

    began: float = field(default_factory=lambda: time.clock_gettime(time.CLOCK_BOOTTIME))
    processes: dict[int, Process] = field(default_factory=dict)

    def look(self, root: int) -> None:
        """Look at a process and all below it."""
        parents, sockets = _parents(), _kernel_sockets()
        for number in _below(root, parents):
            with contextlib.suppress(OSError, ValueError):  # it has ended meanwhile
                seen = self.processes.get(number) or _first_look(number, parents[number])
                self.processes[number] = seen
                seen.words = _words(number) or seen.words  # of what was forked to start another program, that program's
                seen.cpu_seconds = sum(map(int, _stat(number)[11:13])) / _TICKS
                seen.private = max(seen.private, private_bytes(number))
                seen.is_kernel = seen.is_kernel or "ipykernel" in seen.words or bool(sockets & _open_sockets(number))

    def summary(self) -> dict:
        """Of each role: the most private memory of a process in MB, the CPU of all; and seconds until the first kernel was started."""
        peaks, spent = {}, {}
        for each in self.processes.values():
            peaks[each.role] = max(peaks.get(each.role, 0), round(each.private / 1e6, 1))
            spent[each.role] = round(spent.get(each.role, 0) + each.cpu_seconds, 2)
        kernels = [each.started for each in self.processes.values() if each.is_kernel]
        set_up = round(min(kernels) - self.began, 2) if kernels else None
        return {"private_mb": peaks, "cpu_seconds": spent, "set_up_seconds": set_up}


def watched(command: list[str], **given) -> dict:
    """Run a command and watch it; its summary. Raises SystemExit where it fails."""
    watch = Watch()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **given)  # noqa: S603
    while process.poll() is None:
        watch.look(process.pid)
        time.sleep(_EVERY)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} failed")
    return watch.summary()


def private_bytes(number: int) -> int:
    """The memory of a process that it shares with no other."""
    lines = Path(f"/proc/{number}/smaps_rollup").read_text().splitlines()
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith("Private_"))


def _first_look(number: int, parent: int) -> Process:
    forked = _WARM in _words(number) and _WARM in _words(parent)
    return Process(int(_stat(number)[19]) / _TICKS, forked)


def _words(number: int) -> str:
    return Path(f"/proc/{number}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")


def _stat(number: int) -> list[str]:
    """The fields of a process's stat from its state on: what stands before may hold spaces."""
    return Path(f"/proc/{number}/stat").read_text(errors="replace").rpartition(")")[2].split()


def _parents() -> dict[int, int]:
    """The parent of each process."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            found[int(folder.name)] = int(_stat(int(folder.name))[1])
    return found


def _below(root: int, parents: dict[int, int]) -> list[int]:
    """A process and all its descendants."""
    found = [root]
    for number in found:
        found += [child for child, parent in parents.items() if parent == number]
    return found


def _kernel_sockets() -> set[str]:
    """The sockets that kernels listen on, PLACE-1 to PLACE-5: the only mark that a forked kernel cannot be without."""
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    return {f"socket:[{line[6]}]" for line in lines if len(line) == 8 and re.search(r"-\d+$", line[7])}


def _open_sockets(number: int) -> set[str]:
    found = set()
    for file in Path(f"/proc/{number}/fd").iterdir():
        with contextlib.suppress(OSError):
            found.add(str(file.readlink()))
    return found
