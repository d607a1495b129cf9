"""`crmnb init`: the first parameters file of a client, from its files."""

import argparse
import sys
from pathlib import Path

from crmnb.cli.shared import FORMAT, displayed_path

ANSWER_KEYS = {  # of the questions that `crmnb.setup` asks
    "currency": "the client's currency, such as EUR",
    "rate.CODE": "what one unit of another currency is worth, or exclude",
    "time_zone": "of the client, such as Europe/Berlin",
    "zone.SOURCE": "time zone of a file's times, if it is another one",
    "date_order.SOURCE": "whether the day or the month stands first",
    "mark.SOURCE": "what a point or comma in numbers separates: thousands or decimal",
    "data_until": "the last complete day of the data",
    "lost_after_days": "after how many days without an order a customer counts as lost",
    "table.SOURCE": "the table that a file holds (crmnb columns), or none",
    "column.TABLE.COLUMN": "the header of a column that was not certain",
    "refunds.SOURCE": "whether negative amounts are credit notes: yes or no",
    "scale.ITEM": "the lowest and the highest possible answer of a survey's question",
    "direction.ITEM": "what a high answer means",
    "COLUMN.WORD": "what a word of the client's means, such as status.shipped",
}


def add_parser(commands) -> None:
    """Add the command to the parser."""
    init = commands.add_parser(
        "init",
        help="write the parameters file of a new client from its files",
        description="Looks at the files, recognises the exports of common products, proposes tables and columns, and writes\n"
        "parameters/NAME.yml with the reason of each line. What no file can say is asked on a terminal; otherwise it stands in\n"
        "the file as a comment with `?`. Nothing is guessed and nothing is overwritten. Then checks the data.",
        epilog="examples:\n  crmnb init parameters/my_shop/orders.csv\n"
        "  crmnb init parameters/my_shop --name my_shop --answer currency=EUR --answer time_zone=Europe/Berlin\n\n"
        f"keys of --answer:\n{_listed_keys()}\n"
        "SOURCE is the name of a file as it stands under `sources:`. The output names the keys of the questions that are open.\n\n"
        "to answer after the first run:\n"
        "  In parameters/NAME.yml each open question is a comment with `?`: remove its first #, and correct the value.\n"
        "  Or delete that file, and run crmnb init again with --answer.\n\n"
        "exit codes:\n  0  the file was written, and the check can read the data\n"
        "  2  nothing was written, or the check stopped: the message says why",
        **FORMAT,
    )
    init.add_argument("files", nargs="+", metavar="FILES", type=Path, help="the client's files, or a folder of them")
    init.add_argument("--name", default="", help="the client's name; default: that of the folder of the first file")
    init.add_argument(
        "--answer",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help="the answer to a question, such as currency=EUR; the file and the output name the keys",
    )
    init.set_defaults(command=_init)


def _listed_keys() -> str:
    return "\n".join(f"  {key:<24} {meaning}" for key, meaning in ANSWER_KEYS.items())


def _init(options: argparse.Namespace) -> int:
    from crmnb.core.errors import InputError
    from crmnb.core.paths import find_project
    from crmnb.setup.project_files import write_parameters

    answers = {}
    for text in options.answer:
        key, separator, value = text.partition("=")
        if not separator or not key or not value:
            raise InputError(f"--answer {text}: write KEY=VALUE, such as currency=EUR.")
        answers[key] = value
    project = find_project(Path.cwd())
    is_terminal = sys.stdin is not None and sys.stdin.isatty() and sys.stdout.isatty()
    written = write_parameters(project, options.files, options.name, answers, _ask if is_terminal else None)
    for line in _summary(written):
        print(line)
    return _check(project, written)


def _ask(question) -> str:
    """The answer that somebody types; empty to leave the question in the file."""
    from crmnb.core.errors import escape_unprintable

    allowed = f" [{' / '.join(question.allowed)}]" if question.allowed else ""
    while True:
        print(f"? {escape_unprintable(question.text)}{allowed} (Enter: leave open)")
        try:
            answer = input("  ").strip()
        except EOFError:
            return ""
        if not answer or not question.allowed or answer in question.allowed:
            return answer
        print(f"  {answer!r} is not allowed.")


def _summary(written):
    """What was written, table by table, and the open questions."""
    from crmnb.core.errors import escape_unprintable

    draft = written.draft
    yield f"Written: {displayed_path(written.path)}"
    products = {source.name: source.product for source in draft.sources}
    for table in draft.tables:
        of = f" ({products[table.source]})" if products[table.source] else ""
        columns = "by a query" if table.query else f"columns {', '.join(table.columns)}"
        yield f"  {table.name} from {table.source}{of}: {columns}"
    for source in draft.sources:
        if reason := source.options.get("unrecognised"):
            yield f"  {escape_unprintable(source.profile.path.name)}: no table ({reason.value})"
    if written.questions:
        yield "\nOpen questions, in the file as comments with `?`:"
        for question in written.questions:
            allowed = f": {', '.join(question.allowed)}" if question.allowed else ""
            yield f"  {escape_unprintable(question.key)}: {escape_unprintable(question.text)}{allowed}"
        yield "Answer them in the file; or delete it, and run crmnb init again with --answer KEY=VALUE for each."


def _check(project: Path, written) -> int:
    """Check the data, and print what can be measured and which column would unlock which metrics."""
    from crmnb.core.errors import InputError
    from crmnb.run.data_check import check
    from crmnb.run.progress import select_progress
    from crmnb.setup.unlocks import unlocks_text

    print()
    try:
        with select_progress() as progress:
            checked = check(project, written.client, "", lambda step: progress.update_job(written.client, step))
    except InputError as error:
        print(f"crmnb: the file was written, but the check stopped: {error}", file=sys.stderr)
        return 2
    print(unlocks_text(checked.metrics, checked.client.tables))
    print(f"\nNext: crmnb check {written.client}, then crmnb run {written.client} --period {checked.period.label}")
    return 0
