"""The ways from notebooks to pages that the benchmark `runner` compares; each is run in a process of its own.

    python -m benchmarks.speed.runner_ways WAY PROJECT FILE CLIENT [CLIENT ...]

evaluates each client of PROJECT and runs its notebooks, and leaves in FILE, as JSON, what that took: seconds, seconds of CPU, and in `shown`
a hash of what each notebook displayed. Warm ways evaluate a client and run one notebook before they are measured: they are asked for the
cost of a further notebook.

All ways do the same, and each pays for all of it: the metrics of every client are evaluated once, all families together, and kept; then every
notebook of the client is run once and shows what was kept. Evaluated is by the same public functions whichever way it is (`evaluate` and
`crmnb.evaluate.store`), and a notebook finds the results by the same environment variables. Who evaluates differs as the ways do:

- `commands` and `commands_by_two`: a process of its own for each client, `python -m benchmarks.speed.runner_ways evaluate ...`, as a shell script
  would have one; of `commands_by_two`, two clients at a time, and their notebooks afterwards.
- `papermill_api` and `script`: the warm process itself, before it runs the client's notebooks.
- `ours`: a job of `crmnb run`.

Ours does more besides, inside what is measured: it makes sure that neither data nor code have changed, keeps keys for the next run, and makes
the report's pages, spreadsheet and Parquet file. Whether the data have changed the peers ask once per client, as they evaluate.
"""

import ast
import ctypes
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from crmnb.core.environment import RESULTS_FOLDER, TABLES_FOLDER

PERIOD = "2025"
FAMILIES = tuple(sorted(path.stem for path in Path(__file__).parents[2].joinpath("notebooks").glob("*.ipynb")))
_ADOPT_ORPHANS = 36  # prctl(PR_SET_CHILD_SUBREAPER): descendants whose parent has ended become this process's children
_PATIENCE = 10  # seconds for descendants that are still on their way out

EVALUATED = Path("evaluated")  # the peers' results, a folder for each client

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


def evaluate_client(client: str) -> None:
    """Evaluate all families of a client, and keep the results and where their tables are: what a run does before its notebooks."""
    from crmnb.core.paths import private_folder
    from crmnb.core.period import Period
    from crmnb.evaluate.evaluation import evaluate
    from crmnb.evaluate.store import save
    from crmnb.intake import import_data
    from crmnb.schema.client import load_client
    from crmnb.workbook import open_on

    place = EVALUATED / client
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    who = load_client(client, Path("parameters"))
    private = private_folder(Path.cwd(), client)
    taken = import_data(who, private)
    book = open_on(who, Period.parse(PERIOD, who.fiscal_year_starts), taken)
    evaluation = evaluate(FAMILIES, book.tables, book.period)
    for fault in evaluation.failures.values():
        raise fault
    save(evaluation, place, "", who, book.period, book.tables.con)
    _tables_of(client).write_text(str(taken.folder), encoding="utf-8")


def _tables_of(client: str) -> Path:
    """The file that says where a client's tables are."""
    return EVALUATED / f"{client}.tables"


def variables(client: str, project: Path = Path()) -> dict[str, str]:
    """The environment variables by which a notebook finds what was evaluated of its client, and the tables."""
    results = (project / EVALUATED / client).resolve()
    return {RESULTS_FOLDER: str(results), TABLES_FOLDER: (project / _tables_of(client)).read_text(encoding="utf-8")}


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


def command(*words: str, more: dict[str, str] | None = None) -> bytes:
    """Run a command of this environment, with further variables; what it printed. SystemExit with its complaints where it fails."""
    here = Path(sys.executable).parent
    environment = os.environ | {"PATH": f"{here}{os.pathsep}{os.environ.get('PATH', '')}"} | (more or {})
    done = subprocess.run([str(here / words[0]), *words[1:]], capture_output=True, env=environment)  # noqa: S603
    if done.returncode:
        raise SystemExit(f"{' '.join(words)} failed:\n{done.stderr.decode(errors='replace')}")
    return done.stdout


# ---- The ways ---------------------------------------------------------------------------------------------


def commands(clients: list[str]) -> dict:
    """A command that evaluates a client, then the two commands, one notebook after the other."""

    def each() -> None:
        for client in clients:
            _evaluate_by_command(client)
            for job in jobs([client]):
                _by_commands(job)

    return spent(each) | _shown(clients, _out)


def commands_by_two(clients: list[str]) -> dict:
    """The same commands, two clients and then two notebooks at a time."""

    def each() -> None:
        list(pool.map(_evaluate_by_command, clients))
        list(pool.map(_by_commands, jobs(clients)))

    with ThreadPoolExecutor(2) as pool:
        return spent(each) | _shown(clients, _out)


def _evaluate_by_command(client: str) -> None:
    place = str(Path(__file__).parents[2])
    paths = os.pathsep.join(filter(None, (place, os.environ.get("PYTHONPATH"))))
    words = ("python", "-m", "benchmarks.speed.runner_ways", "evaluate", str(Path.cwd()), os.devnull, client)
    command(*words, more={"PYTHONPATH": paths})


def _by_commands(job: Job) -> None:
    client, family = job
    out = _out(job)
    parameters = ("-p", "client", client, "-p", "period", PERIOD)
    command("papermill", f"notebooks/{family}.ipynb", str(out), *parameters, more=variables(client))
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
    """Evaluate each client in this process and run its notebooks; an evaluation and a notebook before it is measured, for the imports."""

    def run(of: list[str], notebooks: int) -> None:
        for client in of:
            evaluate_client(client)
            os.environ |= variables(client)
            for job in jobs([client])[:notebooks]:
                each(job)

    run(clients[:1], 1)
    return spent(lambda: run(clients, len(FAMILIES)))


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


def evaluation(clients: list[str]) -> dict:
    """The evaluation of clients alone, as a command: a part of other ways."""
    return spent(lambda: [evaluate_client(client) for client in clients])


WAYS = {
    "evaluate": evaluation,
    "first": first,
    "commands": commands,
    "commands_by_two": commands_by_two,
    "papermill_api": papermill_api,
    "script": script,
    "ours": ours,
}

if __name__ == "__main__":
    sys.exit(main())
