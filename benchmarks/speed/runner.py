"""python -m benchmarks.speed.runner [--quick]: from notebooks to pages, beside Papermill and nbconvert.

Eight clients with the same 100,000 rows or so, a notebook for each family of metrics, every one of them run, in one go on one machine. Every
way evaluates a client once, all families together, and its notebooks show the results that were kept; a notebook's share of that is in its
figure. The ways (benchmarks/speed/runner_ways.py): the two commands `papermill` and `jupyter nbconvert`, one notebook after the other;
the same, two at a time; Papermill's API and one exporter in one warm process; the same cells as a plain warm script, which makes no page;
and `crmnb run`, which makes the whole report. All have the data taken in before. Each way runs in a process of its own, in the order
A B C C B A (`--quick`: once); CPU is that of all its processes. A further notebook of ours is what a suite takes beyond a run of one client.
Ends with one line of JSON. Exits with 1 where two ways display something else on a page.
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.speed.contest import in_turn
from benchmarks.speed.runner_memory import watched
from benchmarks.speed.runner_ways import FAMILIES, PERIOD, command, variables

CHECKOUT = Path(__file__).parents[2]
WAYS = ("commands", "commands_by_two", "papermill_api", "script", "ours")
CUSTOMERS, CUSTOMERS_QUICK = 6_000, 1_000
_SPENT = ("seconds", "cpu_seconds")
_MANY_CHARTS = 6
# What is asked of the runner: (name, figure, "at least" or "at most", limit).
AIMS = (
    ("a further notebook 12 times faster than the two commands", "further_faster", "at_least", 12),
    ("a further notebook at most 1.3 times the CPU of the script", "further_cpu_to_script", "at_most", 1.3),
    ("set-up at most 5 s", "set_up_seconds", "at_most", 5),
    ("the suite with set-up 9 times faster than the two commands", "suite_faster", "at_least", 9),
    ("a client with nothing changed in under 1.5 s", "unchanged_seconds", "at_most", 1.5),
    ("the largest page with six charts at most 150 KB", "page_kb", "at_most", 150),
    ("a worker's private memory at most 220 MB", "worker_mb", "at_most", 220),
    ("a kernel's private memory at most 220 MB", "kernel_mb", "at_most", 220),
)


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.speed.runner", description=__doc__.split("\n\n")[0])
    parser.add_argument(
        "--quick",
        action="store_true",
        help="two clients of 1,000 customers, of which the peers run the first, and each way once",
    )
    parser.add_argument("--clients", type=int, help="two or more, with a notebook for each family")
    parser.add_argument("--customers", type=int, help="of a client, as `crmnb simulate` draws them: 6,000")
    given = parser.parse_args(arguments)
    if not Path("/proc/self/smaps_rollup").exists():
        parser.error("it needs a Linux, whose /proc tells what each process took")
    if given.clients is not None and given.clients < 2:
        parser.error("--clients: two or more, or there is no further notebook")
    customers = given.customers or (CUSTOMERS_QUICK if given.quick else CUSTOMERS)
    with tempfile.TemporaryDirectory(prefix="crmnb-benchmark-") as folder:
        project = Path(folder)
        clients = make(project, customers, given.clients or (2 if given.quick else 8))
        order = WAYS if given.quick else (*WAYS, *reversed(WAYS))
        of_peers = clients[:1] if given.quick else clients
        runs = contest(project, clients, order, of_peers)
        many = [len(of) * len(FAMILIES) for of in (clients, of_peers)]
        told = figures(runs, *many) | memory(project, clients) | pages(project / "outputs")
    asked = {"benchmark": "runner", "customers": customers, "notebooks": len(clients) * len(FAMILIES)}
    differing = differences(of_clients(runs, of_peers))
    told = asked | {"cores": os.cpu_count(), "answers_equal": not differing} | told | {"aims": judged(told)}
    print(*in_words(told), json.dumps(told), sep="\n")
    return 1 if differing else 0


def make(project: Path, customers: int, clients: int) -> list[str]:
    """A project with the suite's notebooks, and so many clients with the same files."""
    shutil.copytree(CHECKOUT / "notebooks", project / "notebooks")
    parameters = project / "parameters"
    parameters.mkdir()
    command("crmnb", "simulate", "--customers", str(customers), "--folder", str(parameters / "demo"))
    names = [f"client_{number}" for number in range(1, clients + 1)]
    for name in names:
        shutil.copy(CHECKOUT / "parameters" / "demo.yml", parameters / f"{name}.yml")
    return names


def contest(project: Path, clients: list[str], order: tuple[str, ...], of_peers: list[str]) -> dict[str, list[dict]]:
    """What each way took, each time. First of all the data are taken in, by a run. of_peers: the clients that the peers run."""
    runs: dict[str, list[dict]] = {"first": []} | {name: [] for name in WAYS}
    for name in in_turn(["first", *order]):
        runs[name].append(way(name, project, clients if name in ("first", "ours") else of_peers))
    return runs


def way(name: str, project: Path, clients: list[str]) -> dict:
    """What one way told, run in a process of its own."""
    to = project / "told.json"
    words = [sys.executable, "-m", "benchmarks.speed.runner_ways", name, str(project), str(to), *clients]
    done = subprocess.run(words, cwd=CHECKOUT, stderr=subprocess.PIPE, text=True)  # noqa: S603 (our own module)
    if done.returncode:
        raise SystemExit(f"{name} failed:\n{done.stderr}")
    return json.loads(to.read_text())


def of_clients(runs: dict[str, list[dict]], clients: list[str]) -> dict[str, list[dict]]:
    """The runs with what was shown of these clients alone."""
    return {
        name: [
            run | {"shown": {job: seen for job, seen in run["shown"].items() if job.partition("/")[0] in clients}}
            for run in of
            if "shown" in run
        ]
        for name, of in runs.items()
    }


def differences(runs: dict[str, list[dict]]) -> list[str]:
    """The notebooks that do not display the same on a page whichever way they are run; said on stderr."""
    shown = [(name, run["shown"]) for name, of in runs.items() for run in of if "shown" in run]
    first = shown[0][1] if shown else {}
    found = [
        f"{name}: {notebook} displays something else than by {shown[0][0]}"
        for name, displayed in shown
        for notebook in sorted({*first, *displayed})
        if displayed.get(notebook) != first.get(notebook)
    ]
    for each in found:
        print(each, file=sys.stderr)
    return found


def figures(runs: dict[str, list[dict]], notebooks: int, of_peers: int = 0) -> dict:
    """What the ways took, in seconds (medians of their runs), and how they compare. of_peers: how many notebooks these ran, if not all."""
    by_peers = of_peers or notebooks
    each = {name: {what: _median(of, what) / by_peers for what in _SPENT} for name, of in runs.items() if name in WAYS}
    suite = {what: _median(runs["ours"], what) for what in _SPENT}
    one = {what: _median([run["one"] for run in runs["ours"]], what) for what in _SPENT}
    each["ours"] = {what: (suite[what] - one[what]) / (notebooks - len(FAMILIES)) for what in _SPENT}
    faster = each["commands"]["seconds"] / max(each["ours"]["seconds"], 0.001)
    return {
        "further_notebook": _rounded(each),
        "ours": _rounded(
            {"suite": suite, "one_client": one, "suite_with_intake": {w: runs["first"][0][w] for w in _SPENT}}
        ),
        "steps": steps(runs["ours"][-1]["said"]),
        "further_faster": round(faster, 1),
        "further_cpu_to_script": round(each["ours"]["cpu_seconds"] / each["script"]["cpu_seconds"], 2),
        "suite_faster": round(each["commands"]["seconds"] * notebooks / suite["seconds"], 1),
        "unchanged_seconds": round(_median([again for run in runs["ours"] for again in run["again"]], "seconds"), 2),
    }


def steps(said: dict) -> dict:
    """The mean seconds of each step of a client and of a notebook, as `crmnb run --json` tells them."""
    of = {"client": [client["steps"] for client in said["clients"]]}
    of["notebook"] = [notebook["steps"] for client in said["clients"] for notebook in client["notebooks"]]
    return {
        what: {step: round(statistics.mean(one.get(step, 0) for one in all_), 3) for step in all_[0]}
        for what, all_ in of.items()
    }


def memory(project: Path, clients: list[str]) -> dict:
    """The private memory of the busiest process of each kind (of Papermill's kernel too), the CPU of each kind, and the set-up's seconds."""
    here = Path(sys.executable).parent
    peer = [str(here / "papermill"), f"notebooks/{FAMILIES[0]}.ipynb", "executed/watched.ipynb"]
    ours = watched([str(here / "crmnb"), "run", *clients, "--period", PERIOD, "--fresh"], cwd=project)
    return {
        "private_mb": ours["private_mb"]
        | {
            "papermill's kernel": watched(
                [*peer, "-p", "client", clients[0], "-p", "period", PERIOD],
                cwd=project,
                env=os.environ | variables(clients[0], project),
            )["private_mb"]["kernel"]
        },
        "worker_mb": ours["private_mb"].get("worker"),
        "kernel_mb": ours["private_mb"].get("kernel"),
        "suite_cpu_seconds": ours["cpu_seconds"],
        "set_up_seconds": ours["set_up_seconds"],
    }


def pages(outputs: Path) -> dict:
    """The size of the largest page of a report with six charts or more, and how many it has."""
    sizes = {}
    for page in outputs.glob("*/*/*.html"):
        if (charts := page.read_text(encoding="utf-8").count("data:image/")) >= _MANY_CHARTS:
            sizes[page.stat().st_size] = charts
    largest = max(sizes, default=0)
    return {"page_kb": round(largest / 1000, 1) or None, "page_charts": sizes.get(largest, 0)}


def judged(told: dict) -> list[dict]:
    """Each aim with its figure, and whether it is met; a figure that could not be had meets none."""
    return [
        {"aim": aim, "figure": told[figure], bound: limit, "met": _meets(told[figure], bound, limit)}
        for aim, figure, bound, limit in AIMS
    ]


def in_words(told: dict) -> list[str]:
    """The figures for people: what a notebook takes each way, where ours takes it, and the aims."""
    lines = ["seconds of a further notebook (of CPU):"]
    lines += [f"  {name}: {of['seconds']} ({of['cpu_seconds']})" for name, of in told["further_notebook"].items()]
    parts = {f"seconds of the steps of a {what}": of for what, of in told["steps"].items()}
    parts["seconds of CPU of the suite's processes"] = told["suite_cpu_seconds"]
    for what, of in parts.items():
        lines.append(f"ours, {what}: {', '.join(f'{part} {took}' for part, took in of.items())}")
    for aim in told["aims"]:
        bound = next(bound for bound in ("at_least", "at_most") if bound in aim)
        met = "met" if aim["met"] else "NOT MET"
        lines.append(f"{met}: {aim['aim']}: {aim['figure']} ({bound.replace('_', ' ')} {aim[bound]})")
    return lines


def _meets(figure: float | None, bound: str, limit: float) -> bool:
    return figure is not None and (figure >= limit if bound == "at_least" else figure <= limit)


def _median(runs: list[dict], what: str) -> float:
    return statistics.median(run[what] for run in runs)


def _rounded(figures: dict[str, dict[str, float]]) -> dict[str, dict[str, float]]:
    return {name: {what: round(value, 2) for what, value in of.items()} for name, of in figures.items()}


if __name__ == "__main__":
    sys.exit(main())
