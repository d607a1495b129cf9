"""`crmnb check`: the data quality check of a client."""

import argparse
import json
from pathlib import Path

from crmnb.cli.shared import CLIENT, EXIT_CODES, FORMAT, client_name, displayed_path, positive, report_skipped


def add_parser(commands) -> None:
    """Add the command to the parser."""
    check = commands.add_parser(
        "check",
        help="check the data quality of a client before a run: rows, available metrics, changes",
        description="Imports the client's data without computing metrics. Shows the rows that were read, rejected and linked, which\n"
        "metrics are available, what the others need, and the changes since the last import.\n"
        "Writes check.html and quarantine.html (rejected rows) into outputs/CLIENT/.private/.",
        epilog="examples:\n  crmnb check corner_shop\n  crmnb check corner_shop --period 2025Q4 --json\n\n"
        + EXIT_CODES,
        **FORMAT,
    )
    check.add_argument("client", metavar="CLIENT", type=client_name, help=CLIENT)
    check.add_argument("--period", default="", metavar="P", help="for the metrics; default: the last complete year")
    check.add_argument(
        "--time-limit", type=float, default=30.0, metavar="MINUTES", help="time limit of a database query (30)"
    )
    check.add_argument("--json", action="store_true", help="print all findings as JSON, for automation")
    check.set_defaults(command=_check)


def _check(options: argparse.Namespace) -> int:
    import shutil

    from crmnb.core.paths import find_project
    from crmnb.intake import SourceMissing
    from crmnb.report.data_check.sections import as_data, as_text
    from crmnb.run.data_check import check
    from crmnb.run.progress import select_progress

    time_limit = 60 * positive(options.time_limit, "--time-limit")
    project = find_project(Path.cwd())
    try:
        with select_progress() as progress:
            checked = check(
                project,
                options.client,
                options.period,
                lambda step: progress.update_job(options.client, step),
                time_limit,
            )
    except SourceMissing as missing:
        return report_skipped(missing)
    if options.json:
        print(json.dumps(as_data(checked), indent=1))
        return 0
    print(as_text(checked, max(shutil.get_terminal_size((100, 24)).columns, 40)))
    print(f"\nPages: {displayed_path(checked.page)}\n       {displayed_path(checked.quarantine)}")
    return 0
