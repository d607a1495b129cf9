"""`crmnb simulate`: the files of a simulated client."""

import argparse
from pathlib import Path

from crmnb.cli.shared import EXIT_CODES, FORMAT, displayed_path


def add_parser(commands) -> None:
    """Add the command to the parser."""
    from dataclasses import fields

    from crmnb.demo.parameters import CUSTOMERS, YEARS, Rates, option_name

    simulate = commands.add_parser(
        "simulate",
        help="write the files of a simulated client whose true figures are known",
        description="Simulates a client's customers, contracts, orders, leads, visits, tickets, surveys and costs over three years. Writes\n"
        "them as exports of several systems, with some wrong rows. parameters/demo.yml reads these files.\n"
        "truth.json in the same folder has the true value of every metric, and the wrong rows by cause.\n"
        "The same arguments produce the same bytes.",
        epilog=f"A rate is one value, or one value for each of {YEARS[0]} to {YEARS[-1]}; 0.8 means 80%.\n\nexamples:\n"
        "  crmnb simulate\n  crmnb simulate --folder parameters/demo --customers 2000 --seed 7\n"
        "  crmnb simulate --retention 0.70 0.75 0.80 --nps 20\n\n" + EXIT_CODES,
        **FORMAT,
    )
    simulate.add_argument(
        "--folder", type=Path, metavar="DIR", help="target folder; default: parameters/demo of this project"
    )
    simulate.add_argument(
        "--customers", type=int, default=CUSTOMERS, metavar="N", help=f"number of customers at the start ({CUSTOMERS})"
    )
    simulate.add_argument("--seed", type=int, default=1, metavar="N", help="seed of the random numbers (1)")
    rates = simulate.add_argument_group("true rates")
    for rate in fields(Rates):
        values = rate.default if isinstance(rate.default, tuple) else (rate.default,)
        default = " ".join(f"{value:g}" for value in values)
        words = f"{rate.metadata['words']} ({default})".replace("%", "%%")
        rates.add_argument(f"--{option_name(rate.name)}", type=float, nargs="+", metavar="R", help=words)
    simulate.set_defaults(command=_simulate)


def _simulate(options: argparse.Namespace) -> int:
    from crmnb.core.paths import find_project
    from crmnb.demo.folder import simulate
    from crmnb.demo.parameters import parse_rates

    rates = parse_rates(vars(options))
    folder = options.folder or find_project(Path.cwd()) / "parameters" / "demo"
    for table, written in simulate(folder, options.customers, options.seed, rates).items():
        print(f"{table}: {len(written.rows):,} rows, {written.good:,} of them good")
    print(f"Simulated files: {displayed_path(folder)}; true figures: {displayed_path(folder / 'truth.json')}")
    return 0
