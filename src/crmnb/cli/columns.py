"""`crmnb columns`: what each canonical table can hold."""

import argparse

from crmnb.cli.shared import FORMAT


def add_parser(commands) -> None:
    """Add the command to the parser."""
    columns = commands.add_parser(
        "columns",
        help="list the tables and columns that a client can map, and the metrics that need them",
        description="Lists the canonical tables. With TABLE: its columns, with type, whether they are required, what they allow,\n"
        "and the metrics that cannot do without them.",
        epilog="examples:\n  crmnb columns\n  crmnb columns orders",
        **FORMAT,
    )
    columns.add_argument("table", nargs="?", metavar="TABLE", help="a canonical table; default: all, one line each")
    columns.set_defaults(command=_columns)


def _columns(options: argparse.Namespace) -> int:
    from crmnb.core.errors import InputError, nearest
    from crmnb.setup.contract import table_lines, tables_lines
    from crmnb.setup.vocabulary import tables_to_map

    if options.table is None:
        print("\n".join(tables_lines()))
        return 0
    if options.table not in tables_to_map():
        raise InputError(f"there is no table {options.table!r}.{nearest(options.table, tables_to_map())}")
    print("\n".join(table_lines(options.table)))
    return 0
