"""The command `crmnb`. What a command does not need it does not import."""

import argparse
import json
import sys
from pathlib import Path

EXIT_CODES = """exit codes:
  0  all was made
  1  a family failed; the report says which and why, and holds the others
  2  nothing was made: the command, the parameters file, the period or the client's files are wrong
  3  skipped: none of the client's files is there; where to get them is said
  130  stopped from the keyboard; what was published before is still there
"""


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit code says how it went (see EXIT_CODES)."""
    from crmnb.errors import InputError

    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character; stderr writes its escape anyway
    chosen = _parser().parse_args(arguments)
    try:
        return chosen.command(chosen)
    except (InputError, OSError) as wrong:  # OSError: a full disk, a folder that may not be written to
        print(f"crmnb: {wrong}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("crmnb: stopped; what was published before is still there.", file=sys.stderr)
        return 130


def _parser() -> argparse.ArgumentParser:
    shape = {"formatter_class": argparse.RawDescriptionHelpFormatter}
    parser = argparse.ArgumentParser(
        prog="crmnb",
        description="Measures customer relationships: from a client's files to a report, by notebooks.",
        epilog="example:\n  crmnb run corner_shop --period 2025\n\n" + EXIT_CODES,
        **shape,
    )
    parser.add_argument("--version", action="store_true", help="print the version and stop")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")

    run = commands.add_parser(
        "run",
        help="make and publish a client's report",
        description="Reads the client's files, runs a notebook per family, and publishes outputs/CLIENT/PERIOD/ whole\n"
        "or not at all: until it is complete, the report that was there stays.",
        epilog="examples:\n  crmnb run corner_shop --period 2025\n  crmnb run corner_shop --period 2025Q4 --family retention\n\n"
        + EXIT_CODES,
        **shape,
    )
    run.add_argument("client", metavar="CLIENT", help="a file in parameters/, without .yml")
    run.add_argument(
        "--period", required=True, metavar="P", help="2025, 2025Q4, 2025-10, 2025-01-01..2025-06-30, FY2025 or FY2025Q4"
    )
    run.add_argument(
        "--family",
        action="append",
        default=[],
        metavar="F",
        help="only this family (may be repeated), all by default; the report then holds these families and no other",
    )
    run.add_argument("--json", action="store_true", help="print what was made as JSON, for automation")
    run.set_defaults(command=_run)

    check = commands.add_parser(
        "check",
        help="look at a client's data before a run: rows, metrics that can be had, changes",
        description="Takes the client's data in, computes nothing, and tells what was read, set aside and linked, which\n"
        "metrics can be computed and what the others need, and what changed since the data were last read.\n"
        "Writes check.html and quarantine.html (rows to mend) into outputs/CLIENT/.private/.",
        epilog="examples:\n  crmnb check corner_shop\n  crmnb check corner_shop --period 2025Q4 --json\n\n"
        + EXIT_CODES,
        **shape,
    )
    check.add_argument("client", metavar="CLIENT", help="a file in parameters/, without .yml")
    check.add_argument("--period", default="", metavar="P", help="for the metrics; by default the last whole year")
    check.add_argument("--json", action="store_true", help="print all that was found as JSON, for automation")
    check.set_defaults(command=_check)

    _simulate_parser(commands, shape)

    listing = commands.add_parser(
        "catalogue",
        help="list every metric: what it means, how it is computed, how it misleads",
        description="Prints the catalogue, from the metrics' definitions alone.",
        epilog="examples:\n  crmnb catalogue nps\n  crmnb catalogue --json\n  crmnb catalogue --page catalogue.html",
        **shape,
    )
    listing.add_argument(
        "metric", nargs="*", metavar="METRIC", help="only these, in full; all, a line each, by default"
    )
    listing.add_argument("--json", action="store_true", help="print all that is known of each as JSON")
    listing.add_argument("--page", metavar="FILE", type=Path, help="write it as an HTML page instead")
    listing.set_defaults(command=_catalogue)
    parser.set_defaults(command=lambda chosen: _top(parser, chosen))
    return parser


def _simulate_parser(commands, shape: dict) -> None:
    from dataclasses import fields

    from crmnb.simulate.rates import CUSTOMERS, YEARS, Rates, flag

    made_up = commands.add_parser(
        "simulate",
        help="write the files of a made-up client, whose true figures are known",
        description="Draws a client's customers, contracts, orders, tickets, surveys and reviews over three years, and writes\n"
        "them as the exports of several systems, some of their rows wrong. parameters/demo.yml reads them.\n"
        "truth.json beside them holds the true value of every metric, and the wrong rows by cause.\n"
        "The same arguments give the same bytes.",
        epilog=f"A rate is one value, or one for each of {YEARS[0]} to {YEARS[-1]}; 0.8 means 80 %.\n\nexamples:\n"
        "  crmnb simulate\n  crmnb simulate --folder parameters/demo --customers 2000 --seed 7\n"
        "  crmnb simulate --retention 0.70 0.75 0.80 --nps 20\n\n" + EXIT_CODES,
        **shape,
    )
    made_up.add_argument(
        "--folder", type=Path, metavar="DIR", help="where to; by default parameters/demo, of this project"
    )
    made_up.add_argument(
        "--customers", type=int, default=CUSTOMERS, metavar="N", help=f"how many there are at the start ({CUSTOMERS})"
    )
    made_up.add_argument("--seed", type=int, default=1, metavar="N", help="another seed, other rows (1)")
    rates = made_up.add_argument_group("true rates")
    for rate in fields(Rates):
        yearly = isinstance(rate.default, tuple)
        usual = " ".join(f"{value:g}" for value in (rate.default if yearly else (rate.default,)))
        words = f"{rate.metadata['words']} ({usual})".replace("%", "%%")
        rates.add_argument(f"--{flag(rate.name)}", type=float, nargs="+", metavar="R", help=words)
    made_up.set_defaults(command=_simulate)


def _top(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    if chosen.version:
        from crmnb import __version__

        print(__version__)
        return 0
    parser.print_help()
    return 2


def _run(chosen: argparse.Namespace) -> int:
    from crmnb.intake import SourceMissing
    from crmnb.run import run
    from crmnb.workbook import find_project

    try:
        made = run(find_project(Path.cwd()), chosen.client, chosen.period, tuple(chosen.family), _progress())
    except SourceMissing as absent:
        return _skipped(absent)
    if chosen.json:
        print(json.dumps(_told(made)))
    else:
        for family in made.failed:
            print(
                f"crmnb: {family.name}: {family.failure}\n  for the analyst: {_near(family.notebook)}", file=sys.stderr
            )
        print(f"Report: {_near(made.folder / 'index.html')}")
    return 1 if made.failed else 0


def _check(chosen: argparse.Namespace) -> int:
    import shutil

    from crmnb.check import as_data, as_text, check
    from crmnb.intake import SourceMissing
    from crmnb.workbook import find_project

    try:
        found = check(find_project(Path.cwd()), chosen.client, chosen.period, _progress())
    except SourceMissing as absent:
        return _skipped(absent)
    if chosen.json:
        print(json.dumps(as_data(found), indent=1))
        return 0
    print(as_text(found, max(shutil.get_terminal_size((100, 24)).columns, 40)))
    print(f"\nPages: {_near(found.page)}\n       {_near(found.quarantine)}")
    return 0


def _simulate(chosen: argparse.Namespace) -> int:
    from crmnb.simulate.folder import simulate
    from crmnb.simulate.rates import rates_of
    from crmnb.workbook import find_project

    rates = rates_of(vars(chosen))
    folder = chosen.folder or find_project(Path.cwd()) / "parameters" / "demo"
    for table, written in simulate(folder, chosen.customers, chosen.seed, rates).items():
        print(f"{table}: {len(written.rows):,} rows, {written.good:,} of them good")
    print(f"Made up: {_near(folder)}; what is true of it: {_near(folder / 'truth.json')}")
    return 0


def _skipped(absent: Exception) -> int:
    """Say that a client has no files here, which is no fault."""
    print(f"crmnb: skipped: {absent}", file=sys.stderr)
    return 3


def _told(made) -> dict:
    return {
        "report": str(made.folder),
        "families": {
            f.name: {"failure": f.failure, "seconds": round(f.seconds, 2), "notebook": str(f.notebook)}
            for f in made.families
        },
        "unavailable": list(made.unavailable),
    }


def _near(path: Path) -> str:
    """The path as seen from here, where it lies below."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


def _progress():
    """What to do with each step: a line on a terminal, nothing in a pipe."""
    if not sys.stderr.isatty():
        return lambda text: None
    import time

    began = time.monotonic()
    return lambda text: print(f"{time.monotonic() - began:6.1f} s  {text}", file=sys.stderr)


def _catalogue(chosen: argparse.Namespace) -> int:
    from crmnb.describe import described, in_full, in_one_line
    from crmnb.errors import InputError, nearest
    from crmnb.metric import catalogue

    known = catalogue()
    for name in chosen.metric:
        if name not in known:
            raise InputError(f"there is no metric {name!r}.{nearest(name, known)}")
    metrics = [known[name] for name in chosen.metric or known]
    if chosen.page:
        from crmnb.page import catalogue_page

        chosen.page.write_text(catalogue_page(metrics), encoding="utf-8")
    elif chosen.json:
        print(json.dumps([described(metric) for metric in metrics], indent=1))
    else:
        print("\n".join(in_full(m) if chosen.metric else in_one_line(m) for m in metrics))
    return 0


if __name__ == "__main__":
    sys.exit(main())
