"""Texts and functions that several commands share."""

import argparse
import sys
from pathlib import Path

FORMAT = {"formatter_class": argparse.RawDescriptionHelpFormatter}
EXIT_CODES = """exit codes:
  0  success (made or already up to date)
  1  a family failed; the report names it with the reason and contains the other families
  2  nothing was made: the command, the parameters file, the period or the client's files are wrong
  3  skipped: none of the client's files was found; the message says where to get them
  4  interrupted for a reason that says nothing about the data: a process was killed, a limit was reached, the disk is full,
     or another run of the client is in progress; the published report stays, and the same command continues the run
  5  the report is made or up to date, and an alert of severity error was raised (`alerts:` in the parameters file); see
     `crmnb alerts`
  130  stopped from the keyboard; the published report stays, and the same command continues the run
  143  stopped by SIGTERM; the published report stays, and the same command continues the run
With several clients the most severe code is returned, in the order 4, 2, 1, 5, 0; 3 only if all clients were skipped.
"""


def positive(value: float, option: str) -> float:
    """The value of an option. Raises InputError if it is not more than 0 or absurdly large."""
    from crmnb.core.errors import InputError

    if not 0 < value < 1e6:
        raise InputError(f"{option}: {value:g} is out of range; it must be more than 0.")
    return value


CLIENT = "a file in parameters/, with or without .yml"  # the help of an argument that `client_name` reads


def client_name(text: str) -> str:
    """The name of a client from its name or the path of its parameters file, as the type of an argument.

    Raises ArgumentTypeError for a file that is not in parameters/.
    """
    path = Path(text)
    if path.suffix != ".yml":
        return text
    from crmnb.core.paths import find_project

    folder = find_project(Path.cwd()) / "parameters"
    if path.name != text and path.resolve().parent != folder.resolve():
        raise argparse.ArgumentTypeError(f"{text}: a client's parameters file must be in {folder}. Move it there.")
    return path.stem


def displayed_path(path: Path) -> str:
    """The path relative to the working folder if it is below it; otherwise the full path."""
    from crmnb.core.paths import relative_path

    return relative_path(path, Path.cwd())


def report_skipped(missing: Exception) -> int:
    """Report that none of a client's files was found, which is not an error; returns the exit code."""
    print(f"crmnb: skipped: {missing}", file=sys.stderr)
    return 3
