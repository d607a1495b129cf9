"""Reasons to refuse an import: ambiguous numbers, a format other than the declared one, too many rejected rows."""

from pathlib import Path

from crmnb.core.errors import InputError
from crmnb.intake.audit import RejectionCause, TableAudit
from crmnb.intake.staging_table import quote_literal
from crmnb.intake.validation.casts import bare_number
from crmnb.intake.validation.contract import value_column, violates
from crmnb.intake.validation.format_hints import find_hints, suggest_hints
from crmnb.intake.validation.refunds import negative_amounts
from crmnb.intake.validation.validated_rows import ValidatedRows, format_examples

_WITH_POINT = quote_literal(r"[+-]?[0-9]*[.][0-9]*([eE][+-]?[0-9]+)?")
_GROUPED = quote_literal(r"[+-]?[1-9][0-9]{0,2}([.][0-9]{3})+")  # the point may be a thousands separator


class ImportRefused(InputError):
    """The rows were read and validated, and too many are wrong.

    `audits` are those of the tables so far, with the refused table last; `folder` holds their rejected rows.
    """

    def __init__(self, message: str, audits: tuple[TableAudit, ...] = (), folder: Path | None = None):
        super().__init__(message)
        self.audits = audits
        self.folder = folder


def check_ambiguous_numbers(validated: ValidatedRows) -> None:
    """Raise InputError if every point in a column of numbers may separate thousands and the source declares no format.

    Only a number whose point cannot separate thousands (0.5, 12.50, 1234.567) shows what the others are. This holds for
    the numbers of workbooks and JSON files too: they are text at this stage.
    """
    source, contract = validated.staging.source, validated.contract
    if not validated.staging.is_file or source.database or source.model_fields_set & {"decimal", "thousands"}:
        return
    for column in contract.columns:
        cell = contract.cells.get(column.name)
        is_number = column.type in ("money", "number", "integer") and column.name not in contract.constants
        if cell is None or not is_number or cell.kind != "text":
            continue
        bare = bare_number(validated.cleaned_text(column.name), source.signs)
        with_point = f"(SELECT {bare} AS bare FROM {validated.staging.rows} WHERE contains({cell.sql}, '.'))"
        if validated.query(
            f"SELECT 1 FROM {with_point} WHERE regexp_full_match(bare, {_WITH_POINT}) AND NOT regexp_full_match(bare, {_GROUPED}) LIMIT 1"
        ):
            continue
        grouped = f"SELECT DISTINCT bare FROM {with_point} WHERE regexp_full_match(bare, {_GROUPED}) LIMIT 3"
        if numbers := validated.query(grouped):
            shown = () if column.name in contract.personal else tuple(repr(text) for (text,) in sorted(numbers))
            raise InputError(
                f"{contract.key}: the format of the numbers in {column.name} is ambiguous. Every point is followed by three "
                f"digits{format_examples(shown)}, so it may be a decimal point or a thousands separator. Add the correct line "
                f'to sources.{validated.staging.name}: `decimal: "."` or `decimal: ",", thousands: "."`.'
            )


def check_readable(validated: ValidatedRows, audit: TableAudit) -> None:
    """Raise ImportRefused if most values of a column do not have its type: the format is a different one."""
    contract = validated.contract
    types = [(number, rule) for number, rule in enumerate(validated.rules) if rule.is_type]
    if not types:
        return
    counts = ", ".join(
        f"count({value_column(rule.column)}), count(*) FILTER ({violates(number)})" for number, rule in types
    )
    (values,) = validated.query(f"SELECT {counts} FROM {validated.table}")
    for (number, rule), readable, unreadable in zip(types, values[::2], values[1::2], strict=True):
        if unreadable > max(0.5, contract.bad_rows_allowed) * (readable + unreadable):
            raise ImportRefused(
                f"{contract.key}: {rule.reason} in {unreadable:,} of {readable + unreadable:,} rows"
                f"{format_examples(validated.examples(number))}. {suggest_hints(validated, number)}",
                (audit,),
            )


def check_rejected_share(validated: ValidatedRows, audit: TableAudit, quarantine: Path) -> None:
    """Raise ImportRefused, with the three most frequent causes, if more rows are rejected than the client allows."""
    contract = validated.contract
    if audit.rejected <= contract.bad_rows_allowed * audit.read:
        return
    lines = [
        f"{contract.key}: {audit.rejected:,} of {audit.read:,} rows are rejected ({audit.rejected / audit.read:.1%}), "
        f"more than the {contract.bad_rows_allowed:.1%} that `bad_rows_allowed` allows.",
        *(
            f"- {cause.reason}: {cause.rows:,} rows{format_examples(cause.examples)}{_hint(validated, cause)}"
            for cause in audit.causes[:3]
        ),
        *(f"- {text}" for text in negative_amounts(validated)),
        f"All rejected rows, with their reasons, are in {quarantine}. Correct the file or the parameters, and run again.",
    ]
    raise ImportRefused("\n".join(lines), (audit,))


def _hint(validated: ValidatedRows, cause: RejectionCause) -> str:
    """The line to add to the source, if there is one with which all values of the column are readable."""
    number = next(number for number, rule in enumerate(validated.rules) if rule.reason == cause.reason)
    lines = find_hints(validated, number) if validated.rules[number].is_type and validated.staging.is_file else []
    return f"; with `{'` or `'.join(lines)}` in sources.{validated.staging.name} all are readable" if lines else ""
