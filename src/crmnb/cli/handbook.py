"""`crmnb handbook`: the handbook of all metrics."""

import argparse
from pathlib import Path

from crmnb.cli.shared import FORMAT, displayed_path


def add_parser(commands) -> None:
    """Add the command to the parser."""
    handbook = commands.add_parser(
        "handbook",
        help="write the handbook: a page per metric with its formula and a count by hand, and the glossary",
        description="Writes outputs/handbook/: for each metric what it says, its formula, the rows of the corner shop that count and those that\n"
        "do not, with the reasons, its caveat, the metrics around it, and its source; the glossary; and the lessons for reading.\n"
        "All of it comes from the metrics' definitions. The pages need no script and no network. The methodology of each report\n"
        "links to them; crmnb run writes the handbook by itself if it is missing or older than the code.",
        epilog="examples:\n  crmnb handbook\n  crmnb handbook --folder /srv/www/handbook\n\nexit codes:\n  0  success\n"
        "  2  parameters/corner_shop.yml or its files are wrong; the old handbook stays\n"
        "  4  the folder cannot be written; the old handbook stays",
        **FORMAT,
    )
    handbook.add_argument(
        "--folder",
        type=Path,
        metavar="DIR",
        help="target folder, which is replaced; default: outputs/handbook of this project",
    )
    handbook.set_defaults(command=_handbook)


def _handbook(options: argparse.Namespace) -> int:
    from crmnb.core.paths import find_project
    from crmnb.run.handbook import make_handbook
    from crmnb.run.progress import select_progress

    project = find_project(Path.cwd())
    with select_progress() as progress:
        place, pages = make_handbook(project, options.folder, lambda step: progress.update_job("handbook", step))
    print(f"Handbook: {displayed_path(place / 'index.html')} ({pages} pages)")
    return 0
