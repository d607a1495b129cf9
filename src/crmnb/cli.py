"""The command `crmnb`. What a command does not need it does not import."""

import argparse
import json
import signal
import sys
import threading
from pathlib import Path

EXIT_CODES = """exit codes:
  0  all was made, or is as it was
  1  a family failed; the report says which and why, and holds the others
  2  nothing was made: the command, the parameters file, the period or the client's files are wrong
  3  skipped: none of the client's files is there; where to get them is said
  4  interrupted by something that says nothing about the data: a process was killed, a limit reached, the disk is full,
     another run of the client is under way; the report that was there stays, and the same command goes on where it stopped
  130  stopped from the keyboard; likewise
  143  asked to end (SIGTERM); likewise
Of several clients the gravest counts, in the order 4, 2, 1, 0; 3 only if all were skipped.
"""
_CODES = {"made": 0, "unchanged": 0, "planned": 0, "family failed": 1, "refused": 2, "skipped": 3, "interrupted": 4}


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit code says how it went (see EXIT_CODES), whether anybody hears what is printed or not."""
    from contextlib import redirect_stderr, redirect_stdout

    from crmnb.core.terminal import Terminal, ensure_standard_streams

    ensure_standard_streams()
    with redirect_stdout(Terminal(sys.stdout)) as out, redirect_stderr(Terminal(sys.stderr)) as err:
        try:
            return _main(arguments)
        finally:
            out.flush()
            err.flush()


def _main(arguments: list[str] | None) -> int:
    from crmnb.core.errors import DOCSTRINGS_MISSING, InputError, TimeLimitExceeded

    if sys.flags.optimize > 1:
        print(f"crmnb: {DOCSTRINGS_MISSING}", file=sys.stderr)
        return 2
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="replace")  # a terminal that lacks a character; stderr writes its escape anyway
    chosen = _parser().parse_args(arguments)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _end)
    try:
        return chosen.command(chosen)
    except InputError as wrong:
        print(f"crmnb: {wrong}", file=sys.stderr)
        return 4 if isinstance(wrong, TimeLimitExceeded) else 2
    except OSError as no:  # a full disk, a folder that may not be written to
        print(f"crmnb: {no}", file=sys.stderr)
        return 4
    except KeyboardInterrupt as stopped:
        print("crmnb: stopped; what was published before is still there.", file=sys.stderr)
        return 143 if stopped.args else 130


def _end(number: int, frame: object) -> None:
    """Asked to end: go the way that the keyboard's stop goes."""
    raise KeyboardInterrupt(number)


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

    _run_parser(commands, shape)

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
    check.add_argument(
        "--time-limit", type=float, default=30.0, metavar="MINUTES", help="that a query of the client's may take (30)"
    )
    check.add_argument("--json", action="store_true", help="print all that was found as JSON, for automation")
    check.set_defaults(command=_check)

    _results_parser(commands, shape)
    _simulate_parser(commands, shape)
    _keeping_parser(commands, shape)

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


def _run_parser(commands, shape: dict) -> None:
    run = commands.add_parser(
        "run",
        help="make and publish clients' reports",
        description="Reads each client's files, runs a notebook per family, and publishes outputs/CLIENT/PERIOD/ whole\n"
        "or not at all: until it is complete, the report that was there stays. What has not changed (files, parameters,\n"
        "notebook, code) is not run again; an interrupted run goes on where it stopped. outputs/index.html shows all clients.",
        epilog="examples:\n  crmnb run corner_shop --period 2025\n  crmnb run corner_shop --period 2025Q4 --family retention\n"
        "  crmnb run --all --period month        every client's last whole month\n  crmnb run --all --dry-run\n\n"
        + EXIT_CODES,
        **shape,
    )
    run.add_argument("client", nargs="*", metavar="CLIENT", help="a file in parameters/, without .yml; several at once")
    run.add_argument("--all", action="store_true", help="every client that has a file in parameters/")
    run.add_argument(
        "--period",
        default="",
        metavar="P",
        help="2025, 2025Q4, 2025-10, 2025-01-01..2025-06-30, FY2025 or FY2025Q4; year, quarter or month: the last whole\n"
        "one that a client's data cover; by default that year",
    )
    run.add_argument(
        "--family",
        action="append",
        default=[],
        metavar="F",
        help="only this family (may be repeated), all by default; the report then holds these families and no other",
    )
    run.add_argument("--fresh", action="store_true", help="run every notebook, also what has not changed")
    run.add_argument("--dry-run", action="store_true", help="say what would be run and why, and do nothing")
    run.add_argument(
        "--time-limit",
        type=float,
        default=30.0,
        metavar="MINUTES",
        help="that a cell, or any other step, may take (30)",
    )
    run.add_argument(
        "--memory-limit",
        type=float,
        default=0.0,
        metavar="GB",
        help="that a notebook may take; by default this machine's share of each worker",
    )
    run.add_argument("--json", action="store_true", help="print what was made as JSON, for automation")
    run.set_defaults(command=_run)


def _results_parser(commands, shape: dict) -> None:
    results = commands.add_parser(
        "results",
        help="print the figures of a published report, as a table or as CSV",
        description="Prints the results of outputs/CLIENT/PERIOD/, a line for each metric, breakdown, month and segment level.\n"
        "They lie there as results.xlsx and results.parquet too. From Python, with nothing more to install:\n\n"
        "  import duckdb; results = duckdb.read_parquet('outputs/corner_shop/2025/results.parquet').df()",
        epilog="examples:\n  crmnb results corner_shop 2025\n  crmnb results corner_shop 2025 --metric nps csat\n"
        "  crmnb results corner_shop 2025 --csv > results.csv\n\n" + EXIT_CODES,
        **shape,
    )
    results.add_argument("client", metavar="CLIENT", help="a folder in outputs/")
    results.add_argument("period", metavar="PERIOD", help="a folder in it, such as 2025 or 2025Q4")
    results.add_argument("--metric", nargs="+", default=[], metavar="M", help="only these; `crmnb catalogue` lists all")
    results.add_argument("--csv", action="store_true", help="print every column as CSV")
    results.set_defaults(command=_results)


def _simulate_parser(commands, shape: dict) -> None:
    from dataclasses import fields

    from crmnb.demo.parameters import CUSTOMERS, YEARS, Rates, flag

    made_up = commands.add_parser(
        "simulate",
        help="write the files of a made-up client, whose true figures are known",
        description="Draws a client's customers, contracts, orders, leads, visits, tickets, surveys and costs over three years, and writes\n"
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


def _keeping_parser(commands, shape: dict) -> None:
    codes = "exit codes:\n  0  done\n  2  nothing was removed: the command is wrong, a run is under way, or a file may not be removed"
    purge = commands.add_parser(
        "purge",
        help="remove all that is kept of a client",
        description="Removes outputs/CLIENT/: every report, and the private tables, quarantine and notebooks; then makes the index\n"
        "over all clients anew. parameters/CLIENT.yml and the files it names are yours, and stay. Without --yes nothing is\n"
        "removed: it is said what would be. It never asks, so a script does the same as a person.",
        epilog=f"examples:\n  crmnb purge corner_shop          # look\n  crmnb purge corner_shop --yes    # do it\n\n{codes}; or --yes is missing",
        **shape,
    )
    purge.add_argument("client", metavar="CLIENT", help="a folder in outputs/; its parameters file need not be there")
    purge.add_argument("--yes", action="store_true", help="remove it")
    purge.set_defaults(command=_purge)

    forget = commands.add_parser(
        "forget",
        help="remove one customer's rows from all that is kept of a client, for good",
        description="Removes a customer's rows from the tables and the quarantine, and the pages and notebooks that may show them,\n"
        "and takes the client's files in anew without them. The files themselves are yours and still hold the customer, so a\n"
        "salted digest of the key (not the key) is put on a list, and every later reading leaves those rows out. Reports that\n"
        "are published hold figures of groups only, and stay until the next run.",
        epilog="examples:\n  crmnb forget corner_shop 007\n  crmnb forget corner_shop - < key.txt    # keeps the key out of the shell's "
        f"history\n\n{codes}",
        **shape,
    )
    forget.add_argument("client", metavar="CLIENT", help="a file in parameters/, without .yml")
    forget.add_argument(
        "customer",
        metavar="CUSTOMER",
        help="the key, as in the client's files (007 is not 7); - reads it from standard input",
    )
    forget.set_defaults(command=_forget)
    for command in (purge, forget):
        command.add_argument("--json", action="store_true", help="print what was removed as JSON, for automation")


def _top(parser: argparse.ArgumentParser, chosen: argparse.Namespace) -> int:
    if chosen.version:
        from crmnb import __version__

        print(__version__)
        return 0
    parser.print_help()
    return 2


def _run(chosen: argparse.Namespace) -> int:
    from crmnb.core.paths import find_project
    from crmnb.run import Wanted, as_json, run
    from crmnb.run.progress import progress
    from crmnb.run.summary import plan_of, told

    project = find_project(Path.cwd())
    wanted = Wanted(
        period=chosen.period,
        families=tuple(chosen.family),
        seconds=60 * _positive(chosen.time_limit, "--time-limit"),
        memory=int(1e9 * _positive(chosen.memory_limit, "--memory-limit")) if chosen.memory_limit else 0,
        fresh=chosen.fresh,
        only_look=chosen.dry_run,
    )
    outcomes = run(project, _clients(project, chosen), wanted, progress())
    if chosen.json:
        print(as_json(outcomes))
    elif chosen.dry_run:
        print(plan_of(outcomes))
    else:
        said, wrong = told(outcomes, Path.cwd())
        print(said, end="")
        print(wrong, end="", file=sys.stderr)
    codes = {_CODES[one.outcome] for one in outcomes}
    return next(code for code in (4, 2, 1, 0, 3) if code in codes)


def _clients(project: Path, chosen: argparse.Namespace) -> list[str]:
    from crmnb.core.errors import InputError

    if chosen.all and chosen.client:
        raise InputError("name clients, or ask for --all of them, not both.")
    # A file whose name is none of ours is named too, so that it is refused rather than passed over.
    found = sorted(path.stem for path in (project / "parameters").glob("*.yml")) if chosen.all else chosen.client
    if not found:
        raise InputError("name a client (a file in parameters/, without .yml), several, or --all.")
    return list(dict.fromkeys(found))


def _positive(value: float, name: str) -> float:
    from crmnb.core.errors import InputError

    if not 0 < value < 1e6:
        raise InputError(f"{name}: {value:g} is out of range; it must be more than 0.")
    return value


def _check(chosen: argparse.Namespace) -> int:
    import shutil

    from crmnb.core.paths import find_project
    from crmnb.intake import SourceMissing
    from crmnb.report.data_check.sections import as_data, as_text
    from crmnb.run.data_check import check

    seconds = 60 * _positive(chosen.time_limit, "--time-limit")
    try:
        found = check(find_project(Path.cwd()), chosen.client, chosen.period, _progress(), seconds)
    except SourceMissing as absent:
        return _skipped(absent)
    if chosen.json:
        print(json.dumps(as_data(found), indent=1))
        return 0
    print(as_text(found, max(shutil.get_terminal_size((100, 24)).columns, 40)))
    print(f"\nPages: {_near(found.page)}\n       {_near(found.quarantine)}")
    return 0


def _results(chosen: argparse.Namespace) -> int:
    from crmnb.core.errors import InputError, nearest
    from crmnb.core.paths import find_project
    from crmnb.run.published_results import as_csv, as_table, results_of

    frame = results_of(find_project(Path.cwd()), chosen.client, chosen.period)
    known = set(frame["metric"])
    for name in chosen.metric:
        if name not in known:
            raise InputError(f"the report has no metric {name!r}.{nearest(name, known)}")
    frame = frame[frame["metric"].isin(chosen.metric)] if chosen.metric else frame
    print(as_csv(frame) if chosen.csv else as_table(frame) + "\n", end="")
    return 0


def _simulate(chosen: argparse.Namespace) -> int:
    from crmnb.core.paths import find_project
    from crmnb.demo.folder import simulate
    from crmnb.demo.parameters import rates_of

    rates = rates_of(vars(chosen))
    folder = chosen.folder or find_project(Path.cwd()) / "parameters" / "demo"
    for table, written in simulate(folder, chosen.customers, chosen.seed, rates).items():
        print(f"{table}: {len(written.rows):,} rows, {written.good:,} of them good")
    print(f"Made up: {_near(folder)}; what is true of it: {_near(folder / 'truth.json')}")
    return 0


def _purge(chosen: argparse.Namespace) -> int:
    from crmnb.core.paths import find_project
    from crmnb.run.data_removal import look, purge

    removed = (purge if chosen.yes else look)(find_project(Path.cwd()), chosen.client)
    periods = f", among them the report of {', '.join(removed.periods)}" if removed.periods else ""
    size = f"{removed.files:,} files, {removed.bytes / 1e6:,.1f} MB{periods}"
    _tell_removed(chosen, removed, f"{'Removed' if chosen.yes else 'Would be removed'} of {removed.client}: {size}.")
    if not chosen.yes:
        print("crmnb: nothing was removed; add --yes to do it.", file=sys.stderr)
    return 0 if chosen.yes else 2


def _forget(chosen: argparse.Namespace) -> int:
    from crmnb.core.paths import find_project
    from crmnb.run.data_removal import forget

    customer = sys.stdin.readline() if chosen.customer == "-" else chosen.customer
    removed = forget(find_project(Path.cwd()), chosen.client, customer)
    _tell_removed(
        chosen,
        removed,
        f"Removed of {removed.client}: the kept tables, quarantine, pages and notebooks ({removed.files:,} files).",
        *(f"  {table}: {rows:,} of the customer's rows" for table, rows in removed.rows.items()),
        *(f"  quarantine, {name}: {rows:,} rows with the key" for name, rows in removed.quarantined.items()),
    )
    return 0


def _tell_removed(chosen: argparse.Namespace, removed, *lines: str) -> None:
    if chosen.json:
        from dataclasses import asdict

        print(json.dumps(asdict(removed), indent=1))
    else:
        print("\n".join([*lines, *removed.said]))


def _skipped(absent: Exception) -> int:
    """Say that a client has no files here, which is no fault."""
    print(f"crmnb: skipped: {absent}", file=sys.stderr)
    return 3


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
    from crmnb.core.errors import InputError, nearest
    from crmnb.metrics.definition import catalogue
    from crmnb.metrics.describe import described, in_full, in_one_line

    known = catalogue()
    for name in chosen.metric:
        if name not in known:
            raise InputError(f"there is no metric {name!r}.{nearest(name, known)}")
    metrics = [known[name] for name in chosen.metric or known]
    if chosen.page:
        from crmnb.report.pages import catalogue_page

        chosen.page.write_text(catalogue_page(metrics), encoding="utf-8")
    elif chosen.json:
        print(json.dumps([described(metric) for metric in metrics], indent=1))
    else:
        print("\n".join(in_full(m) if chosen.metric else in_one_line(m) for m in metrics))
    return 0


if __name__ == "__main__":
    sys.exit(main())
