"""`crmnb schema`: the JSON schema of a parameters file."""

import argparse

from crmnb.cli.shared import FORMAT


def add_parser(commands) -> None:
    """Add the command to the parser."""
    schema = commands.add_parser(
        "schema",
        help="print the JSON schema of a parameters file, for editors",
        description="Prints the JSON schema of a parameters file. With it an editor completes keys and underlines what is wrong.",
        epilog="example:\n  crmnb schema > parameters/parameters.schema.json\n\nThe first line of a parameters file names it:\n"
        "  # yaml-language-server: $schema=parameters.schema.json",
        **FORMAT,
    )
    schema.set_defaults(command=_schema)


def _schema(options: argparse.Namespace) -> int:
    from crmnb.setup.document import schema_text

    print(schema_text(), end="")
    return 0
