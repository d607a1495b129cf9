"""Does a report give away what it hides? Small clients, measured and attacked: python -m benchmarks.robustness.disclosure.

The attacker (`benchmarks.robustness.disclosure_solver`) has all figures that a report shows and knows what its metrics are: levels add up, parts add up, one
metric's numerator is another's denominator. Printed: by client, how many figures of small groups there are, how many of them follow where only
these are hidden, and how many follow from the report (0 is right). `--quick` takes two clients at random beside the crafted ones. The last line is JSON.

With `--run` the report is that of `crmnb run`: the Parquet file, the spreadsheet, and every page with its drawings. What a page prints is a
range (`benchmarks.robustness.disclosure_pages`, `benchmarks.robustness.disclosure_drawings`), and a hidden figure is recovered too where all ranges together leave
it one count, or one value as printed (`benchmarks.robustness.disclosure_ranges`). The readers are tried first: a level of four is put on a page, once in
words only and once as a mark of a drawing only, and the attack must find it. Nor may any figure that was read be another than the true one.
A quote must be of an author who allows it, and stand for a group that is not small.
Not attacked: reports of several periods set off against each other; counts of which one lies inside the other (orders that were followed
for 30 days, out of all orders); and that a share is 0 or 100 % where that tells nothing of how many.
"""

import argparse
import json
import shutil
import subprocess
import sys
from collections.abc import Iterable
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pandas as pd
import yaml
from bs4 import BeautifulSoup
from python_calamine import CalamineWorkbook

from benchmarks.robustness.disclosure_clients import Small, at_random, crafted
from benchmarks.robustness.disclosure_comments import given_away, given_away_on_pages, quotes_of
from benchmarks.robustness.disclosure_employees import shown_whatever_their_number
from benchmarks.robustness.disclosure_pages import Names, read, small_counts
from benchmarks.robustness.disclosure_ranges import Ranges
from benchmarks.robustness.disclosure_solver import KEY, Report
from crmnb.core.notes import Note
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.evaluation import evaluate_variant
from crmnb.evaluate.measure import measure_all
from crmnb.metrics.definition import Metric, catalogue
from crmnb.report.charts.segment_chart import by_segment
from crmnb.report.html import picture_address, picture_of
from crmnb.run.handbook import mark_current

PROJECT = Path(__file__).parents[2]
RANDOM, RANDOM_QUICK = 20, 2
_BESIDE = 630  # px from where on numbers stand beside the marks of a drawing
PERIOD = Period.parse("2025").observe(pd.Timestamp("2023-01-01"), pd.Timestamp("2026-01-01"))


def rows(small: Small, metrics: Iterable[Metric]) -> pd.DataFrame:
    """The rows of a report on a client."""
    tables = in_memory(small.client(), small.tables)
    return pd.concat([each.rows for each in measure_all(metrics, tables, PERIOD)], ignore_index=True)


def reports(small: Small, metrics: Iterable[Metric]) -> tuple[Report, Report]:
    """A client's report, and one in which the small groups are hidden and nothing else is."""
    metrics = list(metrics)
    truth, _ = truth_of(small, metrics)
    base = truth[["n", "clusters"]].where(lambda size: size > 0).min(axis=1)
    is_small = base < small.below
    naive = truth.assign(flags=truth["flags"].where(~is_small, "suppressed"))
    naive.loc[is_small, ["n", "clusters", "numerator", "denominator"]] = float("nan")
    shown = rows(small, metrics)
    return Report(shown, truth, small.below, small.within), Report(naive, truth, small.below, small.within)


def quotes(small: Small, metrics: Iterable[Metric], suppress_below: int | None = None) -> list[Note]:
    """The quotes of a report on a client; suppress_below: where it is not to be what the client declares."""
    tables = in_memory(small.client(suppress_below), small.tables)
    return [quote for each in measure_all(metrics, tables, PERIOD) for quote in quotes_of(each.notes)]


def published(small: Small, folder: Path) -> tuple[pd.DataFrame, Path]:
    """The rows in the Parquet file of a client's report, made by a run in a project of its own, and the report's folder.

    The spreadsheet holds the same, or AssertionError is raised.
    """
    shutil.copytree(PROJECT / "notebooks", folder / "notebooks")
    place = folder / "parameters" / small.name
    place.mkdir(parents=True)
    for name, table in small.tables.items():
        table.to_csv(place / f"{name}.csv", index=False)
    (place.parent / f"{small.name}.yml").write_text(
        yaml.safe_dump(small.parameters(), sort_keys=False), encoding="utf-8"
    )
    mark_current(folder)  # the handbook has nothing of a client
    command = [str(Path(sys.executable).with_name("crmnb")), "run", small.name, "--period", "2025"]
    subprocess.run(command, cwd=folder, check=True, capture_output=True)  # noqa: S603 -- our own command
    report = folder / "outputs" / small.name / "2025"
    frame = duckdb.read_parquet(str(report / "results.parquet")).df()
    sheet = CalamineWorkbook.from_path(str(report / "results.xlsx")).get_sheet_by_index(0).to_python()
    told = pd.DataFrame(sheet[1:], columns=sheet[0])
    for name in ("n", "clusters", "numerator", "denominator"):
        assert pd.to_numeric(told[name]).notna().equals(frame[name].notna()), f"{small.name}: {name} differs"
    return frame.fillna(dict.fromkeys((*KEY, "flags"), "")), report


def truth_of(small: Small, metrics: Iterable[Metric]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The rows and the points of all curves of a client's report in which nothing is hidden."""
    with shown_whatever_their_number():
        measured = measure_all(metrics, in_memory(small.client(1), small.tables), PERIOD)
    points = [each.points.assign(metric=each.rows["metric"].iloc[0]) for each in measured if len(each.points)]
    names = ["metric", "breakdown", "segment", "level", "x", "n"]
    return (
        pd.concat([each.rows for each in measured], ignore_index=True),
        pd.concat([pd.DataFrame(columns=names), *points], ignore_index=True),
    )


def from_pages(
    small: Small, report: Report, shown: pd.DataFrame, folder: Path, points: pd.DataFrame
) -> tuple[list, int]:
    """What follows once the pages in a folder are read too, and how many figures they print.

    Raises AssertionError where one was read that is not so: then the reader is at fault.
    """
    ranges = Ranges(report, shown, read(folder, Names(shown)), points)
    assert not ranges.misread, f"{small.name}: read what is not so: {ranges.misread[:3]}"
    return [*ranges.recovered(), *small_counts(folder, small.below)], len(ranges.printed)


def attacked(small: Small, report: Report) -> tuple[list, int]:
    """What follows from all that a run publishes, and how many figures its pages print."""
    _, points = truth_of(small, catalogue().values())
    with TemporaryDirectory() as name:
        shown, folder = published(small, Path(name))
        shutil.copy(Path(name) / "outputs" / "index.html", folder / "portfolio.html")
        of_run = report.beside(shown)
        found, printed = from_pages(small, of_run, shown, folder, points)
        found += given_away_on_pages(small.tables, folder, small.below)
    return [*of_run.recovered(), *found], printed


def planted(place: str) -> list:
    """What the attack finds where a page holds a level of four leads after all: place is "words" or "marks" (drawn, no number beside it), or
    "nowhere", for the picture that a report has."""
    small, metric, report, shown, points = _left_out()
    tables = in_memory(small.client(None if place == "nowhere" else 1), small.tables)
    soup = BeautifulSoup(by_segment(evaluate_variant(metric, tables, PERIOD))._repr_html_(), "html.parser")
    for image in soup("img"):
        if place == "words":
            image.decompose()
        elif place == "marks":
            image["alt"], image["src"] = image["alt"].partition(",")[0] + ".", _without_numbers(image["src"])
    for each in soup(["table", "figcaption"]) if place == "marks" else ():
        if each.name == "table":
            each.decompose()
        else:
            each.string = each.get_text().partition(":")[0]
    with TemporaryDirectory() as name:
        Path(name, "sales.html").write_text(str(soup), encoding="utf-8")
        return from_pages(small, report, shown, Path(name), points)[0]


@cache
def _left_out() -> tuple[Small, Metric, Report, pd.DataFrame, pd.DataFrame]:
    """A client with a level of four leads: the metric, its report, that report's rows, and the points of all curves (there are none)."""
    small = next(each for each in crafted() if each.name == "c2_left_out")
    metric = catalogue()["lead_conversion_rate"]
    truth, points = truth_of(small, [metric])
    shown = rows(small, [metric])
    return small, metric, Report(shown, truth, small.below), shown, points


def _without_numbers(source: str) -> str:
    """A drawing without the numbers that stand beside its marks; those of its axis stay."""
    drawing = BeautifulSoup(picture_of(source), "html.parser")
    for each in drawing("text"):
        if float(each.get("x", 0)) > _BESIDE:
            each.decompose()
    return picture_address(str(drawing))


def main() -> int:
    """Attack the clients and print what was recovered; 1 where something was."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--run", action="store_true", help="attack what a run publishes, rather than rows in memory")
    parser.add_argument("--clients", type=int, help="how many at random", metavar="N")
    parser.add_argument("--only", nargs="+", default=(), help="of these, those of such names", metavar="NAME")
    chosen = parser.parse_args()
    count = chosen.clients if chosen.clients is not None else RANDOM_QUICK if chosen.quick else RANDOM
    if chosen.run and (planted("nowhere") or not all(map(planted, ("words", "marks")))):
        raise SystemExit("The attack does not find what a page gives away on purpose, or finds what none does.")
    found, printed = {}, 0
    for small in [*crafted(), *at_random(count)]:
        if chosen.only and small.name not in chosen.only:
            continue
        report, naive = reports(small, catalogue().values())
        recovered, read_there = attacked(small, report) if chosen.run else (report.recovered(), 0)
        if "quote_consent" in small.tables.get("survey_responses", ()):
            recovered += given_away(small.tables, quotes(small, catalogue().values()), small.below)
        found[small.name] = len(recovered)
        printed += read_there
        print(
            f"{small.name}: {len(naive.recovered())} would follow, {len(recovered)} follow {recovered[:5] or ''}"
            + (f"; {read_there:,} figures on pages" if chosen.run else ""),
            flush=True,
        )
    print(json.dumps({"recovered": sum(found.values()), "clients": len(found), "figures_on_pages": printed}))
    return 1 if any(found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())
