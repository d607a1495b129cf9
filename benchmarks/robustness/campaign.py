"""python -m benchmarks.robustness.campaign: the intake against thousands of generated tables, with an oracle in plain Python beside it.

Each case is a client with one to eight tables in some dialect, with defects; the tests' modules `campaign*` make and check it
and say what is held. Ends with one line of JSON: tables, rows, refusals by kind, tables compared by format, failures. Exits with 1
where a case fails, having printed the smallest one found.
"""

import argparse
import json
import multiprocessing
import os
import sys
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings

sys.path.extend(str(Path(__file__).parents[2] / "tests" / folder) for folder in ("", "support"))

from campaign_checks import Tally, check

from campaign import cases

_BATCH = 50  # cases


def main(arguments: list[str] | None = None) -> int:
    """Run the campaign, a process for each processor."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.robustness.campaign", description=__doc__.split("\n\n")[0]
    )
    parser.add_argument("--tables", type=int, default=10_000, help="generate at least so many")
    parser.add_argument("--seed", type=int, default=1, help="of the first batch of cases")
    given_ = parser.parse_args(arguments)
    told, failures, number = Tally(), [], given_.seed
    workers = os.cpu_count() or 1
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        while told.tables < given_.tables and not failures:
            few = min(_BATCH, (given_.tables - told.tables) // (3 * workers) + 1)
            for tally, failure in pool.starmap(batch, [(number + worker, few) for worker in range(workers)]):
                told.add(tally)
                failures += [failure] if failure else []
            number += workers
            if sys.stderr.isatty():
                print(f"\r{told.tables:,} of {given_.tables:,} tables", end="", file=sys.stderr)
    return report(told, failures)


def report(told: Tally, failures: list[str]) -> int:
    """Print the failing cases and the last line; 1 if there is any, else 0."""
    print(*failures, sep="\n\n")
    counts = {"tables": told.tables, "rows": told.rows, "quarantined": told.quarantined, "excluded": told.excluded}
    kinds = {"refusals": dict(told.refusals), "compared": dict(told.compared)}
    print(json.dumps({"benchmark": "campaign", **counts, **kinds, "failures": [one[:500] for one in failures]}))
    return 1 if failures else 0


def batch(number: int, size: int) -> tuple[Tally, str]:
    """Some cases by the seed of that number: what they went through, and the smallest failing one, if any."""
    tally = Tally()

    @seed(number)
    @settings(max_examples=size, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(cases())
    def held(case):
        with tempfile.TemporaryDirectory() as folder:
            check(case, Path(folder), tally)

    try:
        held()
    except Exception as wrong:  # which Hypothesis raises of the smallest case
        return tally, f"seed {number}: {wrong}"
    return tally, ""


if __name__ == "__main__":
    sys.exit(main())
