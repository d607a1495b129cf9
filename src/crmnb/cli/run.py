"""`crmnb run`: make and publish reports."""

import argparse
import sys
from pathlib import Path

from crmnb.cli.shared import CLIENT, EXIT_CODES, FORMAT, client_name, positive


def add_parser(commands) -> None:
    """Add the command to the parser."""
    run = commands.add_parser(
        "run",
        help="make and publish the reports of clients",
        description="Reads each client's files, runs one notebook per family, and publishes outputs/CLIENT/PERIOD/ in one step.\n"
        "Until the new report is complete, the old one stays. If its files, parameters, notebook and code are unchanged, a\n"
        "family does not run again. The same command continues an interrupted run. outputs/index.html lists all clients.",
        epilog="examples:\n  crmnb run corner_shop --period 2025\n  crmnb run corner_shop --period 2025Q4 --family retention\n"
        "  crmnb run --all --period month        last complete month of every client\n  crmnb run --all --dry-run\n\n"
        + EXIT_CODES,
        **FORMAT,
    )
    run.add_argument("client", nargs="*", metavar="CLIENT", type=client_name, help=f"{CLIENT}; one or several")
    run.add_argument("--all", action="store_true", help="every client with a file in parameters/")
    run.add_argument(
        "--period",
        default="",
        metavar="P",
        help="2025, 2025Q4, 2025-10, 2025-01-01..2025-06-30, FY2025 or FY2025Q4; year, quarter or month means the last\n"
        "complete one in each client's data; default: year",
    )
    run.add_argument(
        "--family",
        action="append",
        default=[],
        metavar="F",
        help="only this family (may be repeated; default: all); the report then contains only these families",
    )
    run.add_argument("--fresh", action="store_true", help="run every notebook, even if nothing has changed")
    run.add_argument("--dry-run", action="store_true", help="show what would run and why, and change nothing")
    run.add_argument(
        "--time-limit",
        type=float,
        default=30.0,
        metavar="MINUTES",
        help="time limit of a cell and of any other step (30)",
    )
    run.add_argument(
        "--memory-limit",
        type=float,
        default=0.0,
        metavar="GB",
        help="memory limit of a notebook; default: the machine's memory, divided by the number of workers",
    )
    run.add_argument("--json", action="store_true", help="print the outcome as JSON, for automation")
    run.set_defaults(command=_run)


def _run(options: argparse.Namespace) -> int:
    from crmnb.core.paths import find_project
    from crmnb.run import RunOptions, as_json, run
    from crmnb.run.progress import select_progress
    from crmnb.run.status import exit_code
    from crmnb.run.summary import format_plan, summarize

    project = find_project(Path.cwd())
    run_options = RunOptions(
        period=options.period,
        families=tuple(options.family),
        time_limit=60 * positive(options.time_limit, "--time-limit"),
        memory_limit=int(1e9 * positive(options.memory_limit, "--memory-limit")) if options.memory_limit else 0,
        fresh=options.fresh,
        dry_run=options.dry_run,
    )
    clients = _clients(project, options)
    with select_progress() as progress:
        outcomes = run(project, clients, run_options, progress)
    if options.json:
        print(as_json(outcomes))
    elif options.dry_run:
        print(format_plan(outcomes))
    else:
        summary, errors = summarize(outcomes, Path.cwd())
        print(summary, end="")
        print(errors, end="", file=sys.stderr)
    has_errors = any(outcome.has_errors for outcome in outcomes)
    return exit_code((outcome.status for outcome in outcomes), has_errors=has_errors)


def _clients(project: Path, options: argparse.Namespace) -> list[str]:
    from crmnb.core.errors import InputError

    if options.all and options.client:
        raise InputError("name clients or use --all, not both.")
    # A file with an invalid name is included, so that it is refused rather than ignored.
    files = (project / "parameters").glob("*.yml")
    clients = sorted(path.stem for path in files) if options.all else options.client
    if not clients:
        raise InputError("name one or more clients (files in parameters/, without .yml), or use --all.")
    for name in options.client:  # a slip in the second name is known before the first report is made
        _check_name(name, project / "parameters", options.period)
    return list(dict.fromkeys(clients))


def _check_name(name: str, folder: Path, period: str) -> None:
    """Raise InputError if a client has no parameters file; for a period in the place of a client, say how to name it."""
    from crmnb.core.errors import InputError, nearest
    from crmnb.core.period import Period
    from crmnb.schema.client import known_clients

    if (folder / f"{name}.yml").is_file():
        return
    try:
        Period.parse(name)
    except InputError:
        hint = nearest(name, known_clients(folder))
    else:
        hint = "" if period else f" Did you mean --period {name}?"
    raise InputError(f"the client {name[:80]!r} does not exist: it has no file in {folder}.{hint}")
