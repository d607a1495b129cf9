"""When an intake is refused: a notation that is another one than was said, one that can be read in two ways, too many wrong rows."""

from pathlib import Path

from crmnb.core.errors import InputError
from crmnb.intake.audit import RejectionCause, TableAudit
from crmnb.intake.staging_table import quote_literal
from crmnb.intake.validation.casts import without_signs
from crmnb.intake.validation.contract import breaks, value
from crmnb.intake.validation.format_hints import lines_to_add, suggestion
from crmnb.intake.validation.validated_rows import Judged, such_as

_POINTED = quote_literal(r"[+-]?[0-9]*[.][0-9]*([eE][+-]?[0-9]+)?")  # a number with a decimal point
_GROUPED = quote_literal(r"[+-]?[1-9][0-9]{0,2}([.][0-9]{3})+")  # one whose points may be of thousands


class ImportRefused(InputError):
    """Rows were read and judged, and too much is wrong with them.

    `audits` are those of the tables so far, the refused one last; `folder` is where their quarantine lies.
    """

    def __init__(self, message: str, audits: tuple[TableAudit, ...] = (), folder: Path | None = None):
        super().__init__(message)
        self.audits = audits
        self.folder = folder


def refuse_ambiguous(judged: Judged) -> None:
    """Raise InputError where every point in a column of numbers may be a mark of thousands, and nothing was said of it.

    Only a number that its point cannot be one of thousands in (0.5, 12.50, 1234.567) shows what the others are. A number
    that came as one, in a workbook or as JSON, is a text here like any other, so it has to be told as well.
    """
    source, contract = judged.raw.source, judged.contract
    if not judged.raw.is_file or source.database or source.model_fields_set & {"decimal", "thousands"}:
        return
    for column in contract.columns:
        cell = contract.cells[column.name]
        if column.type not in ("money", "number", "integer") or cell.kind != "text":
            continue
        bare = without_signs(judged.given(column.name), source.signs)
        pointed = f"(SELECT {bare} AS bare FROM {judged.raw.table} WHERE contains({cell.sql}, '.'))"
        if judged.ask(
            f"SELECT 1 FROM {pointed} WHERE regexp_full_match(bare, {_POINTED}) AND NOT regexp_full_match(bare, {_GROUPED}) LIMIT 1"
        ):
            continue
        grouped = f"SELECT DISTINCT bare FROM {pointed} WHERE regexp_full_match(bare, {_GROUPED}) LIMIT 3"
        if found := judged.ask(grouped):
            shown = () if column.name in contract.personal else tuple(repr(text) for (text,) in sorted(found))
            raise InputError(
                f"{contract.key}: every point in {column.name} stands before three digits{such_as(shown)}, so it may be a "
                f"decimal mark or one of thousands. Nothing is guessed: add to sources.{judged.raw.name} the line that is "
                'right of `decimal: "."` and `decimal: ",", thousands: "."`.'
            )


def refuse_unreadable(judged: Judged, account: TableAudit) -> None:
    """Raise Refused where most of what stands in a column is not of its type: the notation is another one."""
    contract = judged.contract
    types = [(number, rule) for number, rule in enumerate(judged.rules) if rule.is_type]
    if not types:
        return
    counts = ", ".join(f"count({value(rule.column)}), count(*) FILTER ({breaks(number)})" for number, rule in types)
    (found,) = judged.ask(f"SELECT {counts} FROM {judged.table}")
    for (number, rule), good, bad in zip(types, found[::2], found[1::2], strict=True):
        if bad > max(0.5, contract.bad_rows_allowed) * (good + bad):
            raise ImportRefused(
                f"{contract.key}: {rule.words} in {bad:,} of {good + bad:,} rows{such_as(judged.examples(number))}. "
                f"{suggestion(judged, number)}",
                (account,),
            )


def refuse_too_many(judged: Judged, account: TableAudit, quarantine: Path) -> None:
    """Raise Refused where more rows are wrong than the client allows, with the three worst causes."""
    contract = judged.contract
    if account.rejected <= contract.bad_rows_allowed * account.read:
        return
    worst = account.causes[:3]
    lines = [
        f"{contract.key}: {account.rejected:,} of {account.read:,} rows are wrong "
        f"({account.rejected / account.read:.1%}), more than the {contract.bad_rows_allowed:.1%} that "
        "`bad_rows_allowed` allows.",
        *(f"- {cause.reason}: {cause.rows:,} rows{such_as(cause.examples)}{_line(judged, cause)}" for cause in worst),
        f"All of them, with their reasons, are in {quarantine}. Mend the file, or the parameters, and run again.",
    ]
    raise ImportRefused("\n".join(lines), (account,))


def _line(judged: Judged, cause: RejectionCause) -> str:
    """The line to add to the source, where there is one that reads what this cause set aside and the rest too."""
    number = next(number for number, rule in enumerate(judged.rules) if rule.words == cause.reason)
    lines = lines_to_add(judged, number) if judged.rules[number].is_type and judged.raw.is_file else []
    return f"; `{'` or `'.join(lines)}` in sources.{judged.raw.name} would read all" if lines else ""
