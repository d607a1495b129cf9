"""`crmnb purge` and `crmnb forget`: remove a client's data, or those of one customer."""

import argparse
import json
import sys
from pathlib import Path

from crmnb.cli.shared import CLIENT, FORMAT, client_name

_EXIT_CODES = "exit codes:\n  0  success\n  2  nothing was removed: the command is wrong, a run is in progress, or a file cannot be removed"


def add_parser(commands) -> None:
    """Add the commands to the parser."""
    purge = commands.add_parser(
        "purge",
        help="remove all stored data of a client",
        description="Removes outputs/CLIENT/ (all reports, and the private tables, quarantine and notebooks) and rebuilds the index over\n"
        "all clients. parameters/CLIENT.yml and the files that it names are not removed. Without --yes, the command only shows\n"
        "what it would remove. It never asks for confirmation, so it does the same in a script.",
        epilog="examples:\n  crmnb purge corner_shop          # show\n  crmnb purge corner_shop --yes    # remove\n\n"
        f"{_EXIT_CODES};\n     or --yes is missing",
        **FORMAT,
    )
    purge.add_argument("client", metavar="CLIENT", help="a folder in outputs/; its parameters file may be missing")
    purge.add_argument("--yes", action="store_true", help="remove the data")
    purge.set_defaults(command=_purge)

    forget = commands.add_parser(
        "forget",
        help="erase one customer from all stored data of a client, permanently",
        description="Erases a customer's rows from the tables and the quarantine, removes the pages and notebooks that may show them,\n"
        "and re-imports the client's files without them. The files themselves are not changed and still contain the customer.\n"
        "Therefore a salted digest of the key (not the key) goes to the erasure list, and every later import leaves those rows\n"
        "out. Published reports contain figures of groups only, and stay until the next run.",
        epilog="examples:\n  crmnb forget corner_shop 007\n  crmnb forget corner_shop - < key.txt    # keeps the key out of the shell's "
        f"history\n\n{_EXIT_CODES}",
        **FORMAT,
    )
    forget.add_argument("client", metavar="CLIENT", type=client_name, help=CLIENT)
    forget.add_argument(
        "customer",
        metavar="CUSTOMER",
        help="the key, exactly as in the client's files (007 is not 7); - reads it from standard input",
    )
    forget.set_defaults(command=_forget)
    for command in (purge, forget):
        command.add_argument("--json", action="store_true", help="print the removed data as JSON, for automation")


def _purge(options: argparse.Namespace) -> int:
    from crmnb.core.paths import find_project
    from crmnb.run.data_removal import preview_purge, purge

    remove = purge if options.yes else preview_purge
    removal = remove(find_project(Path.cwd()), options.client)
    reports = f", with the reports of {', '.join(removal.periods)}" if removal.periods else ""
    size = f"{removal.files:,} files, {removal.bytes / 1e6:,.1f} MB{reports}"
    _print(options, removal, f"{'Removed' if options.yes else 'Would remove'} from {removal.client}: {size}.")
    if not options.yes:
        print("crmnb: nothing was removed; add --yes to remove the data.", file=sys.stderr)
    return 0 if options.yes else 2


def _forget(options: argparse.Namespace) -> int:
    from crmnb.core.paths import find_project
    from crmnb.run.data_removal import forget

    customer = sys.stdin.readline() if options.customer == "-" else options.customer
    removal = forget(find_project(Path.cwd()), options.client, customer)
    _print(
        options,
        removal,
        f"Removed from {removal.client}: the stored tables, quarantine, pages and notebooks ({removal.files:,} files).",
        *(f"  {table}: {rows:,} of the customer's rows" for table, rows in removal.rows.items()),
        *(f"  quarantine, {name}: {rows:,} rows with the key" for name, rows in removal.quarantined.items()),
    )
    return 0


def _print(options: argparse.Namespace, removal, *lines: str) -> None:
    if options.json:
        from dataclasses import asdict

        print(json.dumps(asdict(removal), indent=1))
    else:
        print("\n".join([*lines, *removal.notes]))
