"""Does a report give away what it hides? Small clients, measured and attacked: python -m benchmarks.robustness.disclosure.

The attacker (`benchmarks.robustness.disclosure_solver`) has all figures that a report shows and knows what its metrics are: levels add up, parts add up, one
metric's numerator is another's denominator. Printed: by client, how many figures of small groups there are, how many of them follow where only
these are hidden, and how many follow from the report (0 is right). `--quick` takes two clients at random beside the crafted ones. The last line is JSON.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pandas as pd
import yaml
from python_calamine import CalamineWorkbook

from benchmarks.robustness.disclosure_clients import BELOW, Small, at_random, crafted
from benchmarks.robustness.disclosure_solver import KEY, Report
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure_all
from crmnb.metrics.definition import Metric, catalogue

PROJECT = Path(__file__).parents[2]
RANDOM, RANDOM_QUICK = 20, 2
PERIOD = Period.parse("2025").observe(pd.Timestamp("2023-01-01"), pd.Timestamp("2026-01-01"))


def rows(small: Small, suppress_below: int, metrics: Iterable[Metric]) -> pd.DataFrame:
    """The rows of a report on a client, groups of fewer than so many hidden."""
    tables = in_memory(small.client(suppress_below), small.tables)
    return pd.concat([each.rows for each in measure_all(metrics, tables, PERIOD)], ignore_index=True)


def reports(small: Small, metrics: Iterable[Metric]) -> tuple[Report, Report]:
    """A client's report, and one in which the small groups are hidden and nothing else is."""
    metrics = list(metrics)
    truth = rows(small, 1, metrics)
    base = truth[["n", "clusters"]].where(lambda size: size > 0).min(axis=1)
    is_small = base < BELOW
    naive = truth.assign(flags=truth["flags"].where(~is_small, "suppressed"))
    naive.loc[is_small, ["n", "clusters", "numerator", "denominator"]] = float("nan")
    shown = rows(small, BELOW, metrics)
    return Report(shown, truth, BELOW, small.within), Report(naive, truth, BELOW, small.within)


def published(small: Small, folder: Path) -> pd.DataFrame:
    """The rows in the Parquet file of a client's report, made by a run in a project of its own; the spreadsheet holds the same."""
    shutil.copytree(PROJECT / "notebooks", folder / "notebooks")
    place = folder / "parameters" / small.name
    place.mkdir(parents=True)
    for name, table in small.tables.items():
        table.to_csv(place / f"{name}.csv", index=False)
    (place.parent / f"{small.name}.yml").write_text(
        yaml.safe_dump(small.parameters(), sort_keys=False), encoding="utf-8"
    )
    command = [str(Path(sys.executable).with_name("crmnb")), "run", small.name, "--period", "2025"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603 -- our own command
    report = folder / "outputs" / small.name / "2025"
    frame = duckdb.read_parquet(str(report / "results.parquet")).df()
    sheet = CalamineWorkbook.from_path(str(report / "results.xlsx")).get_sheet_by_index(0).to_python()
    told = pd.DataFrame(sheet[1:], columns=sheet[0])
    for name in ("n", "clusters", "numerator", "denominator"):
        assert pd.to_numeric(told[name]).notna().equals(frame[name].notna()), f"{small.name}: {name} differs"
    return frame.fillna(dict.fromkeys((*KEY, "flags"), ""))


def main() -> int:
    """Attack the clients and print what was recovered; 1 where something was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--run", action="store_true", help="attack what a run publishes, rather than rows in memory")
    chosen = parser.parse_args()
    count = RANDOM_QUICK if chosen.quick else RANDOM
    found = {}
    for small in [*crafted(), *at_random(count)]:
        report, naive = reports(small, catalogue().values())
        if chosen.run:
            with TemporaryDirectory() as folder:
                report = report.beside(published(small, Path(folder)))
        recovered = report.recovered()
        found[small.name] = len(recovered)
        print(
            f"{small.name}: {len(naive.recovered())} would follow, {len(recovered)} follow {recovered[:5] or ''}",
            flush=True,
        )
    print(json.dumps({"recovered": sum(found.values()), "clients": len(found)}))
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
