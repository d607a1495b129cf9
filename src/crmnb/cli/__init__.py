"""The command `crmnb`: one module per command, with its parser and its action. A command imports only what it needs."""

import argparse
import signal
import sys
import threading

from crmnb.cli import (
    alerts,
    catalogue,
    check,
    columns,
    data_removal,
    handbook,
    init,
    learn,
    results,
    run,
    schema,
    simulate,
)
from crmnb.cli.shared import EXIT_CODES, FORMAT

_COMMANDS = (init, check, run, results, alerts, columns, schema, simulate, data_removal, catalogue, handbook, learn)


def main(arguments: list[str] | None = None) -> int:
    """Run a command; the exit code (see EXIT_CODES) does not depend on whether somebody reads the output."""
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
        sys.stdout.reconfigure(errors="replace")  # for a terminal that lacks a character; stderr writes an escape
    options = build_parser().parse_args(arguments)
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, _stop)
    try:
        return options.command(options)
    except InputError as error:
        print(f"crmnb: {error}", file=sys.stderr)
        return 4 if isinstance(error, TimeLimitExceeded) else 2
    except OSError as error:  # a full disk, a read-only folder
        print(f"crmnb: {error}", file=sys.stderr)
        return 4
    except KeyboardInterrupt as stop:
        print("crmnb: stopped; the published reports are unchanged.", file=sys.stderr)
        return 143 if stop.args else 130


def _stop(number: int, frame: object) -> None:
    """Handle SIGTERM like a stop from the keyboard."""
    raise KeyboardInterrupt(number)


def build_parser() -> argparse.ArgumentParser:
    """The parser of the command line, with all commands."""
    parser = argparse.ArgumentParser(
        prog="crmnb",
        description="Customer relationship metrics: from a client's files to a report, by notebooks.",
        epilog="example:\n  crmnb run corner_shop --period 2025\n\n" + EXIT_CODES,
        **FORMAT,
    )
    parser.add_argument("--version", action="store_true", help="print the version and exit")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    for module in _COMMANDS:
        module.add_parser(commands)
    parser.set_defaults(command=lambda options: _without_command(parser, options))
    return parser


def _without_command(parser: argparse.ArgumentParser, options: argparse.Namespace) -> int:
    if options.version:
        from crmnb import __version__

        print(__version__)
        return 0
    parser.print_help()
    return 2
