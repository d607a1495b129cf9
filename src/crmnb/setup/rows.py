"""The rules for rows: which are no data, which continue the one above, and what negative amounts are."""

from crmnb.schema.tables import TABLES
from crmnb.setup.answers import Answers
from crmnb.setup.draft import Line, Question, SourceDraft, TableDraft
from crmnb.setup.vocabulary import likeness, parent_names


def add_row_rules(source: SourceDraft, table: TableDraft, answers: Answers) -> None:
    """Add `where`, `fill_down`, `refunds` and `ignore_case` as far as the rows of the file show them."""
    _leave_out_totals(source, table)
    _fill_down(source, table)
    _add_refunds(source, table, answers)
    _ignore_case(source, table)


def _leave_out_totals(source: SourceDraft, table: TableDraft) -> None:
    """Keep the rows in which a column is filled that no total or footer fills; else leave out their texts."""
    totals = source.profile.totals
    if not totals:
        return
    mapped = [line.value for name, line in table.columns.items() if isinstance(line.value, str)]
    always = [
        header
        for header in mapped
        if header not in source.profile.filled_in_totals and source.profile.by_header[header].filled == 1
    ]
    examples = ", ".join(repr(text) for texts in totals.values() for text in texts[:2])[:80]
    if always:
        source.options["where"] = Line({always[0]: {"filled": True}}, f"totals and footers: {examples}")
    else:
        rules = {header: {"not": list(texts)} for header, texts in totals.items()}
        source.options["where"] = Line(rules, f"totals and footers: {examples}")


def _fill_down(source: SourceDraft, table: TableDraft) -> None:
    """Fill down a key that stands only on the first row of a group, which the totals of the groups show."""
    for header, texts in source.profile.totals.items():
        column = source.profile.by_header[header]
        grouped = [text for text in texts if any(text.endswith(value) for value in column.counts)]
        if column.filled < 1 and grouped and header in [line.value for line in table.columns.values()]:
            source.options["fill_down"] = Line(
                [header], f"it stands on the first row of each group only ({grouped[0]!r})"
            )


def _add_refunds(source: SourceDraft, table: TableDraft, answers: Answers) -> None:
    header = table.header_of("amount")
    numbers = source.profile.by_header[header].numbers if table.name == "orders" and header else None
    if not numbers or numbers.low >= 0:
        return
    near = [(likeness(c.header, parent_names())[0], c.header) for c in source.profile.columns if c.values]
    score, parent = max(near)
    if score >= 0.85:
        table.options["refunds"] = Line({"parent": parent}, "rows with negative amounts are refunds of that order")
    elif not table.header_of("refunded_amount"):
        why = "rows with negative amounts are credit notes: net revenue is less by them in the period of their date"
        table.options["refunds"] = Line({"stand_alone": True}, why)
    else:
        text = "whether rows with negative amounts are refunds that no other column holds"
        question = Question(f"refunds.{source.name}", text, "refunds: {stand_alone: true}", ("yes", "no"))
        answer = answers.get(question)
        if answer == "yes":
            table.options["refunds"] = Line({"stand_alone": True}, "as answered")
        elif answer is None:
            table.questions.append(question)


def _ignore_case(source: SourceDraft, table: TableDraft) -> None:
    """Unite keys that differ only in case or blanks, where there are some."""
    columns = [
        column.name
        for column in TABLES[table.name].columns
        if column.type == "key" and (header := table.header_of(column.name)) and _differs_in_case(source, header)
    ]
    if columns and "ignore_case" not in table.options:
        table.options["ignore_case"] = Line(columns, "some keys differ only in capital letters")


def _differs_in_case(source: SourceDraft, header: str) -> bool:
    values = source.profile.by_header[header].counts
    return len({" ".join(value.lower().split()) for value in values}) < len(values)
