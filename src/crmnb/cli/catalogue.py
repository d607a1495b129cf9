"""`crmnb catalogue`: the metrics and their definitions."""

import argparse
import json
from pathlib import Path

from crmnb.cli.shared import FORMAT


def add_parser(commands) -> None:
    """Add the command to the parser."""
    catalogue = commands.add_parser(
        "catalogue",
        help="list every metric: definition, method, caveats",
        description="Prints the catalogue of metrics, from their definitions in the code.",
        epilog="examples:\n  crmnb catalogue nps\n  crmnb catalogue --json\n  crmnb catalogue --page catalogue.html",
        **FORMAT,
    )
    catalogue.add_argument(
        "metric", nargs="*", metavar="METRIC", help="show these metrics in full; default: all, one line each"
    )
    catalogue.add_argument("--json", action="store_true", help="print the full definitions as JSON")
    catalogue.add_argument(
        "--coverage",
        action="store_true",
        help="list how each metric is verified: count by hand, simulated truth, published figure; "
        "the tests list metrics without a second implementation",
    )
    catalogue.add_argument("--page", metavar="FILE", type=Path, help="write an HTML page instead")
    catalogue.set_defaults(command=_catalogue)


def _catalogue(options: argparse.Namespace) -> int:
    from crmnb.core.errors import InputError, nearest
    from crmnb.metrics.definition import catalogue
    from crmnb.metrics.describe import coverage, described, in_full, in_one_line

    known = catalogue()
    for name in options.metric:
        if name not in known:
            raise InputError(f"there is no metric {name!r}.{nearest(name, known)}")
    metrics = [known[name] for name in options.metric or known]
    if options.page:
        from crmnb.report.pages import catalogue_page

        options.page.write_text(catalogue_page(metrics), encoding="utf-8")
    elif options.coverage:
        from crmnb.demo.parameters import Rates
        from crmnb.demo.truth.whole_year import figures_of_year

        print(coverage(metrics, {name for name, _ in figures_of_year(Rates(), 2025, 1)}))
    elif options.json:
        print(json.dumps([described(metric) for metric in metrics], indent=1))
    else:
        print("\n".join(in_full(m) if options.metric else in_one_line(m) for m in metrics))
    return 0
