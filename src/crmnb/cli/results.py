"""`crmnb results`: the figures of a published report."""

import argparse
from pathlib import Path

from crmnb.cli.shared import EXIT_CODES, FORMAT, client_name


def add_parser(commands) -> None:
    """Add the command to the parser."""
    results = commands.add_parser(
        "results",
        help="print the figures of a published report, as a table or as CSV",
        description="Prints the results of outputs/CLIENT/PERIOD/, one line per metric, breakdown, month and segment level.\n"
        "The same folder has them as results.xlsx and results.parquet. In Python, without further packages:\n\n"
        "  import duckdb; results = duckdb.read_parquet('outputs/corner_shop/2025/results.parquet').df()",
        epilog="examples:\n  crmnb results corner_shop 2025\n  crmnb results corner_shop 2025 --metric nps csat\n"
        "  crmnb results corner_shop 2025 --csv > results.csv\n\n" + EXIT_CODES,
        **FORMAT,
    )
    results.add_argument("client", metavar="CLIENT", type=client_name, help="a folder in outputs/")
    results.add_argument("period", metavar="PERIOD", help="a folder in it, such as 2025 or 2025Q4")
    results.add_argument(
        "--metric", nargs="+", default=[], metavar="M", help="only these metrics; `crmnb catalogue` lists all"
    )
    results.add_argument("--csv", action="store_true", help="print all columns as CSV")
    results.set_defaults(command=_results)


def _results(options: argparse.Namespace) -> int:
    from crmnb.core.errors import InputError, nearest
    from crmnb.core.paths import find_project
    from crmnb.run.published_results import format_csv, format_table, read_results

    frame = read_results(find_project(Path.cwd()), options.client, options.period)
    metrics = set(frame["metric"])
    for name in options.metric:
        if name not in metrics:
            raise InputError(f"the report has no metric {name!r}.{nearest(name, metrics)}")
    frame = frame[frame["metric"].isin(options.metric)] if options.metric else frame
    print(format_csv(frame) if options.csv else format_table(frame) + "\n", end="")
    return 0
