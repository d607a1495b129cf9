"""python -m benchmarks.robustness.faults [--quick]: runs that are disturbed at random moments, and what is left of them.

A client has a published report, and its data or its name changed, so that a new one is due. At a random moment of the run a random one
of its processes gets a signal: the runner SIGKILL, SIGTERM or SIGINT, any other SIGKILL. Afterwards the tree that may be sent must be
byte for byte the old or the new one; the exit code must not be 0, unless all had been done by then; no process, socket or temporary
folder of the run may be left; and the next run must succeed and leave the new tree. A fault after the end of a run does not count.
Prints a table and ends with one line of JSON. Exits with 1 where any of this is violated.
"""

import argparse
import json
import os
import random
import shutil
import signal
import sys
import time
from collections import Counter
from contextlib import suppress
from pathlib import Path

sys.path.extend(str(Path(__file__).parents[2] / "tests" / folder) for folder in ("", "support"))

import faulty

State = tuple[dict[str, str], float]  # the tree that an undisturbed run makes, and the seconds that it takes
_SIGNALS = {"runner": (signal.SIGKILL, signal.SIGTERM, signal.SIGINT)}


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.robustness.faults", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--quick", action="store_true", help="six faults")
    parser.add_argument("--faults", type=int, default=200, help="so many")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write each fault into it, a line each")
    given = parser.parse_args(arguments)
    if not Path("/proc/self/environ").exists():
        parser.error("it needs a Linux, whose /proc tells which processes belong to a run")
    folder, began = faulty.short_folder(), time.monotonic()
    try:
        chance = random.Random(given.seed)  # noqa: S311
        told = disturb(faulty.place(folder), 6 if given.quick else given.faults, chance, given.json)
    finally:
        shutil.rmtree(folder)
    return report(told, given.seed, time.monotonic() - began)


def disturb(folder: Path, faults: int, chance: random.Random, file: Path | None) -> list[dict]:
    """Disturb so many runs; of each {"process", "signal", "after", "exit", "tree", "violations"}."""
    states = _states(folder)
    at, told = 0, []
    while len(told) < faults:
        to = chance.choice([state for state in range(len(states)) if state != at])
        _change(folder, to)
        one = fault(folder, states[at], states[to], chance)
        at = to
        if one["process"]:
            told.append(one)
            if file:
                file.write_text("".join(json.dumps(one) + "\n" for one in told))
            if sys.stderr.isatty():
                print(f"\r{len(told)} of {faults} faults", end="", file=sys.stderr)
    return told


def _change(folder: Path, state: int) -> None:
    """Three states of the client: as it is, under another name, and with answers left out."""
    faulty.rename(folder, "Corner Shop" if state != 1 else "Shop at the Corner")
    faulty.remove_answers(folder, 0 if state != 2 else 2)


def _states(folder: Path) -> list[State]:
    """The tree that an undisturbed run makes of each state, and the seconds that it takes; at last that of the first stands."""
    states = []
    for state in (0, 1, 2, 0):
        _change(folder, state)
        began = time.monotonic()
        code, _, wrong = faulty.ended(faulty.start(folder))
        assert code == 0, wrong
        states.append((faulty.tree(folder), time.monotonic() - began))
    assert states[0][0] == states.pop()[0], "two runs of the same data differ"
    assert len({json.dumps(tree) for tree, _ in states}) == len(states)
    return states


def fault(folder: Path, old: State, new: State, chance: random.Random, options: tuple[str, ...] = ()) -> dict:
    """Disturb a run that is to make the new tree out of the old one, hold it to what is promised, and run again."""
    after = chance.uniform(0, new[1])
    run = faulty.start(folder, *options)
    time.sleep(after)
    process, number = _strike(run, chance)
    violations = []
    try:
        code, _, _ = faulty.ended(run)
    except AssertionError as left:
        code = run.process.poll()
        violations.append(str(left))
    tree = faulty.tree(folder)
    which = "old" if tree == old[0] else "new" if tree == new[0] else "neither"
    violations += ["the tree is neither the old nor the new one"] * (which == "neither")
    violations += ["the exit code is 0, and the tree is not the new one"] * (code == 0 and which != "new")
    violations += [f"left: {path}" for path in faulty.leftovers(folder)]
    again, _, wrong = faulty.ended(faulty.start(folder, *options))
    violations += [f"the next run ended with {again}: {wrong.strip()}"] * (again != 0)
    violations += ["the next run did not make the new tree"] * (faulty.tree(folder) != new[0])
    violations += [f"left by the next run: {path}" for path in faulty.leftovers(folder)]
    return {
        "process": process,
        "signal": number and signal.Signals(number).name,
        "after": round(after, 3),
        "exit": code,
        "tree": which,
        "violations": violations,
    }


def _strike(run: faulty.Run, chance: random.Random) -> tuple[str, int]:
    """Send a signal to one of the run's processes, each as likely as another; nothing where it has ended."""
    there = {process: what for process, what in sorted(faulty.processes(run).items()) if what != "other"}
    if run.process.poll() is not None:
        return "", 0
    process = chance.choice(list(there))
    number = chance.choice(_SIGNALS.get(there[process], (signal.SIGKILL,)))
    with suppress(ProcessLookupError):
        os.kill(process, number)
        return there[process], number
    return "", 0


def report(told: list[dict], seed: int, seconds: float) -> int:
    """Print the table, each violation and the last line; 1 where something was violated, else 0."""
    print(f"{'process':12}{'faults':>8}{'old tree':>10}{'new tree':>10}{'exit 0':>8}{'violations':>12}")
    for what in (*sorted({one["process"] for one in told}), "all"):
        mine = [one for one in told if what in (one["process"], "all")]
        trees = Counter(one["tree"] for one in mine)
        wrong, done = sum(bool(one["violations"]) for one in mine), sum(one["exit"] == 0 for one in mine)
        print(f"{what:12}{len(mine):>8}{trees['old']:>10}{trees['new']:>10}{done:>8}{wrong:>12}")
    violations = [one for one in told if one["violations"]]
    for one in violations:
        print(f"{one['signal']} to the {one['process']} after {one['after']} s: {'; '.join(one['violations'])}")
    last = {"benchmark": "faults", "seed": seed, "faults": len(told), "seconds": round(seconds, 1)}
    last |= {"by_process": Counter(one["process"] for one in told), "violations": len(violations)}
    print(json.dumps(last))
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main())
