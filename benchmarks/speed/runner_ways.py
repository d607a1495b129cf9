"""The ways from notebooks to pages that the benchmark `runner` compares; each is run in a process of its own.

    python -m benchmarks.speed.runner_ways WAY PROJECT FILE CLIENT [CLIENT ...]

runs every notebook of PROJECT for each client and leaves in FILE, as JSON, what that took: seconds, seconds of CPU, and in `shown`
a hash of what each notebook displayed. Warm ways run the first client's notebooks once before they are measured: they
are asked for the cost of a further notebook.

All ways do the same: every notebook of every client, each once, the same results displayed. What counts as a signal hangs on all
families together, so a notebook that is run by itself computes them all, whichever way runs it; `crmnb run` computes them once
per client. That is a difference of the ways, and no difference in what they are asked for.
"""

import ast
import ctypes
import hashlib
import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PERIOD = "2025"
FAMILIES = tuple(sorted(path.stem for path in Path(__file__).parents[2].joinpath("notebooks").glob("*.ipynb")))
_ADOPT_ORPHANS = 36  # prctl(PR_SET_CHILD_SUBREAPER): descendants whose parent has ended become this process's children
_PATIENCE = 10  # seconds for descendants that are still on their way out

Job = tuple[str, str]


def main(arguments: list[str] | None = None) -> int:
    """Run one way."""
    way, project, to, *clients = arguments or sys.argv[1:]
    to = Path(to).resolve()
    os.chdir(project)
    to.write_text(json.dumps(WAYS[way](clients)))
    return 0


def jobs(clients: Iterable[str]) -> list[Job]:
    """The notebooks to be run: (client, family)."""
    return [(client, family) for client in clients for family in FAMILIES]


def spent(work: Callable[[], object]) -> dict[str, float]:
    """Do some work: its seconds, and the seconds of CPU of this process and everything that it started, orphans included.

    Raises SystemExit if something that was started is still there ten seconds later.
    """
    ctypes.CDLL(None, use_errno=True).prctl(_ADOPT_ORPHANS, 1, 0, 0, 0)
    began, before = time.perf_counter(), _cpu_seconds()
    work()
    seconds = time.perf_counter() - began
    _wait_for_all()
    return {"seconds": seconds, "cpu_seconds": _cpu_seconds() - before}


def _cpu_seconds() -> float:
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


def _wait_for_all() -> None:
    """Wait until no descendant is left: a system counts the time of those that were waited for only."""
    last = time.monotonic() + _PATIENCE
    while time.monotonic() < last:
        try:
            ended, _ = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if not ended:
            time.sleep(0.01)
    raise SystemExit("a process was left behind")


def command(*words: str) -> bytes:
    """Run a command of this environment; what it printed. SystemExit with its complaints where it fails."""
    here = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{here}{os.pathsep}{os.environ.get('PATH', '')}"}
    done = subprocess.run([str(here / words[0]), *words[1:]], capture_output=True, env=environment)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stderr.decode(errors='replace')}")
    return done.stdout


# ---- The ways ---------------------------------------------------------------------------------------------


def commands(clients: list[str]) -> dict:
    """The two commands, one notebook after the other."""
    return spent(lambda: [_by_commands(job) for job in jobs(clients)]) | _shown(clients, _out)


def commands_by_two(clients: list[str]) -> dict:
    """The two commands, two notebooks at a time."""
    with ThreadPoolExecutor(2) as pool:
        return spent(lambda: list(pool.map(_by_commands, jobs(clients)))) | _shown(clients, _out)


def _by_commands(job: Job) -> None:
    client, family = job
    out = _out(job)
    command("papermill", f"notebooks/{family}.ipynb", str(out), "-p", "client", client, "-p", "period", PERIOD)
    command("jupyter", "nbconvert", "--to", "html", str(out))


def _out(job: Job) -> Path:
    folder = Path("executed")
    folder.mkdir(exist_ok=True)
    return folder / f"{'-'.join(job)}.ipynb"


def papermill_api(clients: list[str]) -> dict:
    """Papermill and one exporter in one process that has them imported, kernels spawned cold."""
    import papermill
    from nbconvert.exporters import HTMLExporter

    exporter = HTMLExporter()

    def each(job: Job) -> None:
        client, family = job
        parameters, out = {"client": client, "period": PERIOD}, _out(job)
        papermill.execute_notebook(f"notebooks/{family}.ipynb", str(out), parameters, progress_bar=False)
        body, _ = exporter.from_filename(str(out))
        out.with_suffix(".html").write_text(body, encoding="utf-8")

    return _warm(each, clients) | _shown(clients, _out)


def script(clients: list[str]) -> dict:
    """The same cells in one warm interpreter: no kernel, no export, nothing kept."""
    shown = {}
    took = _warm(lambda job: shown.update({job: run_cells(job)}), clients)
    return took | {"shown": {"/".join(job): _hash(values) for job, values in shown.items()}}


def _warm(each: Callable[[Job], object], clients: list[str]) -> dict:
    for job in jobs(clients[:1]):
        each(job)
    return spent(lambda: [each(job) for job in jobs(clients)])


def run_cells(job: Job) -> list[str]:
    """Execute a notebook's code in a fresh namespace; what its cells display on a page, as HTML where a value has it."""
    client, family = job
    names, shown = {"__name__": "__main__"}, []
    for cell in json.loads(Path(f"notebooks/{family}.ipynb").read_text(encoding="utf-8"))["cells"]:
        if cell["cell_type"] == "code":
            values = _displayed("".join(cell["source"]), names)
            shown += values if _on_page(cell) else []
        if "parameters" in cell["metadata"].get("tags", []):
            names |= {"client": client, "period": PERIOD}
    return shown


def _displayed(source: str, names: dict) -> list[str]:
    """Execute a cell as IPython does: the value of a last expression is rendered as text and as HTML."""
    body = ast.parse(source).body
    last = ast.Expression(body.pop().value) if body and isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), "<cell>", "exec"), names)  # noqa: S102 (our own notebooks)
    value = eval(compile(last, "<cell>", "eval"), names) if last else None  # noqa: S307
    if value is None:
        return []
    text, as_html = repr(value), getattr(value, "_repr_html_", lambda: None)()
    return [text if as_html is None else as_html]


def _shown(clients: list[str], notebook: Callable[[Job], Path]) -> dict:
    """Of each executed notebook, a hash of what its cells displayed."""
    return {"shown": {"/".join(job): _hash(displays(notebook(job))) for job in jobs(clients)}}


def displays(notebook: Path) -> list[str]:
    """What the cells of an executed notebook display on a page, as HTML where there is some."""
    cells = [cell for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"] if _on_page(cell)]
    bundles = [output["data"] for cell in cells for output in cell.get("outputs", ()) if "data" in output]
    return ["".join(bundle.get("text/html") or bundle["text/plain"]) for bundle in bundles]


def _on_page(cell: dict) -> bool:
    """Whether a page shows a cell's outputs: rows behind a number are the analyst's, and come in any order."""
    return "analyst-only" not in cell["metadata"].get("tags", [])


def _hash(values: list[str]) -> str:
    return hashlib.sha256("\0".join(values).encode()).hexdigest()


def first(clients: list[str]) -> dict:
    """`crmnb run` of all clients whose data have not been taken in yet."""
    return spent(lambda: _run(clients))


def _run(clients: list[str], *options: str) -> dict:
    """`crmnb run` of the same notebooks as the other ways; what it says of itself."""
    families = [word for family in FAMILIES for word in ("--family", family)]
    return json.loads(command("crmnb", "run", *clients, "--period", PERIOD, *families, "--json", *options))


def refuse_others(said: dict, clients: list[str]) -> None:
    """Raise SystemExit unless `crmnb run` says that it ran each notebook of these clients, and no other."""
    ran = [
        (one["client"], each["family"]) for one in said["clients"] for each in one["notebooks"] if not each["reused"]
    ]
    if sorted(ran) != sorted(jobs(clients)):
        raise SystemExit(f"crmnb run ran other notebooks than the other ways: {sorted({*ran} ^ {*jobs(clients)})}")


def ours(clients: list[str]) -> dict:
    """`crmnb run` of all clients (and what it says of itself), of one, and of one again with nothing changed; the data are taken in."""
    said = []
    suite = spent(lambda: said.append(_run(clients, "--fresh")))
    one = spent(lambda: said.append(_run(clients[:1], "--fresh")))
    again = [spent(lambda: _run(clients[:1])) for _ in range(5)]
    refuse_others(said[0], clients)
    refuse_others(said[1], clients[:1])
    kept = _shown(clients, lambda job: Path("outputs", job[0], ".private", "runs", PERIOD, job[1], "notebook.ipynb"))
    return suite | {"one": one, "again": again, "said": said[0]} | kept


WAYS = {
    "first": first,
    "commands": commands,
    "commands_by_two": commands_by_two,
    "papermill_api": papermill_api,
    "script": script,
    "ours": ours,
}

if __name__ == "__main__":
    sys.exit(main())
