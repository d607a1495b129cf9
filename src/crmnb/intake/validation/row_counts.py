"""The audit of validated rows: how many were read, accepted and rejected, the causes, and the totals of their amounts."""

from collections import Counter
from collections.abc import Iterator

from crmnb.intake.audit import ControlTotal, RejectionCause, TableAudit
from crmnb.intake.row_selection import count_excluded
from crmnb.intake.staging_table import fold_key, quote_literal
from crmnb.intake.validation.cell_counts import count_cells
from crmnb.intake.validation.contract import list_violations, mask_names, value_column, violates
from crmnb.intake.validation.daylight_saving import repeated_condition
from crmnb.intake.validation.refunds import negative_amounts
from crmnb.intake.validation.validated_rows import ValidatedRows
from crmnb.intake.validation.zone_marks import note_repeated_hours


def audit_rows(
    validated: ValidatedRows,
    rejected: int,
    removed: dict[str, int],
    excluded: dict[str, int],
    notes: tuple[str, ...] = (),
) -> TableAudit:
    """Account for all rows. `rejected` is the number of rows in the quarantine file; the `removed` ones (by field of the audit) left before."""
    contract = validated.contract
    ((read,),) = validated.query(f"SELECT count(*) FROM {validated.staging.table}")
    ((accepted,),) = validated.query(f"SELECT count(*) FROM {validated.table} WHERE NOT ({validated.is_rejected})")
    return TableAudit(
        table=contract.table.name if contract.table else "",
        source=contract.source,
        read=read,
        accepted=accepted,
        rejected=rejected,
        causes=_count_causes(validated),
        totals=_sum_amounts(validated),
        notes=(*_write_notes(validated, removed["replaced"], removed["erased"]), *notes),
        excluded=count_excluded(validated.con, validated.staging) | excluded,
        **removed,
        cells=count_cells(validated) if contract.table else (),
    )


def _count_causes(validated: ValidatedRows) -> tuple[RejectionCause, ...]:
    """The violated rules, most frequent first."""
    names = ", ".join(mask_names(validated.rules))
    rows: Counter[int] = Counter()
    sole_cause_rows: Counter[int] = Counter()
    groups = validated.query(
        f"SELECT {names}, count(*) FROM {validated.table} WHERE {validated.is_rejected} GROUP BY ALL ORDER BY ALL"
    )
    for *masks, count in groups:
        numbers = list_violations(validated.rules, tuple(masks))
        rows.update(dict.fromkeys(numbers, count))
        if len(numbers) == 1:
            sole_cause_rows[numbers[0]] += count
    return tuple(
        RejectionCause(
            rule.reason,
            rule.column,
            rows[number],
            sole_cause_rows[number],
            validated.examples(number),
            rule.request,
            rule.kind,
        )
        for number, rule in ((number, validated.rules[number]) for number, _ in rows.most_common())
    )


def _sum_amounts(validated: ValidatedRows) -> dict[str, ControlTotal]:
    """The exact control totals: every readable amount is either accepted or rejected.

    In a malformed record no cell can be trusted, so its amount counts as unreadable.
    """
    numbers = {rule.column: number for number, rule in enumerate(validated.rules) if rule.is_type}
    amounts = [column.name for column in validated.contract.columns if column.type == "money"]
    if not amounts:
        return {}
    sums = ", ".join(
        f"coalesce(sum({value_column(name)}) FILTER (NOT ({validated.is_rejected})), 0)::VARCHAR, "
        f"coalesce(sum({value_column(name)}) FILTER ({validated.is_rejected} AND NOT {violates(0)}), 0)::VARCHAR, "
        f"count(*) FILTER ({violates(numbers[name]) if name in numbers else 'false'} OR {violates(0)})"
        for name in amounts
    )
    (values,) = validated.query(f"SELECT {sums} FROM {validated.table}")
    return {name: ControlTotal(*values[3 * place : 3 * place + 3]) for place, name in enumerate(amounts)}


def _write_notes(validated: ValidatedRows, replaced: int, erased: int) -> tuple[str, ...]:
    """Notes on the rows beside the causes."""
    notes = []
    if replaced:
        notes.append(f"{replaced:,} rejected {'row is' if replaced == 1 else 'rows are'} replaced by corrected rows")
    if erased:
        notes.append(f"{erased:,} {'row is' if erased == 1 else 'rows are'} excluded (customers on the erasure list)")
    return (
        *notes,
        *negative_amounts(validated),
        *_note_uncounted(validated),
        *_note_future(validated),
        *_note_misdated(validated),
        *_note_several_keys(validated),
        *_note_case(validated),
        *_note_repeated_hours(validated),
        *note_repeated_hours(validated),
        *_note_rounded_amounts(validated),
    )


def _note_uncounted(validated: ValidatedRows) -> Iterator[str]:
    """How many rows do not count by their status, where a table says which do."""
    table = validated.contract.table
    if not table or not table.uncounted or "status" not in validated.contract.cells:
        return
    listed, status = ", ".join(map(quote_literal, table.uncounted)), value_column("status")
    counts = validated.query(
        f"SELECT {status}, count(*) FROM {validated.table} WHERE NOT ({validated.is_rejected}) AND {status} IN ({listed}) GROUP BY 1 ORDER BY 1"
    )
    if counts:
        shown = ", ".join(f"{name} ({rows:,})" for name, rows in counts)
        yield f"status: {sum(rows for _, rows in counts):,} rows do not count: {shown}"


def _note_future(validated: ValidatedRows) -> Iterator[str]:
    """Times after the end of the data that are not planned ones: they have not happened, or are only expected."""
    contract = validated.contract
    times = [
        column
        for column in contract.columns
        if contract.table and contract.end and column.type == "time" and not column.planned
    ]
    for column in times:
        ((rows,),) = validated.query(
            f"SELECT count(*) FROM {validated.table} "
            f"WHERE NOT ({validated.is_rejected}) AND {value_column(column.name)} >= TIMESTAMP '{contract.end}'"
        )
        if rows:
            others = [group[-1] for group in column.derived.needs] if column.derived else []
            advice = f". If these dates are only expected, map {' and '.join(others)} instead" if others else ""
            yield f"{column.name}: {rows:,} {'time is' if rows == 1 else 'times are'} after {contract.end_text}{advice}"


def _note_misdated(validated: ValidatedRows) -> Iterator[str]:
    """Times before the day of another one that they cannot be before: the rows count, these times do not."""
    columns = {column.name: column for column in validated.contract.columns}
    for column in columns.values():
        if column.not_before not in columns:
            continue
        earlier = f"{value_column(column.name)}::DATE < {value_column(column.not_before)}::DATE"
        ((rows,),) = validated.query(
            f"SELECT count(*) FROM {validated.table} WHERE NOT ({validated.is_rejected}) AND {earlier}"
        )
        if rows:
            are = "time is" if rows == 1 else "times are"
            yield f"{column.name}: {rows:,} {are} before {column.not_before} and left out by the metrics; the rows count"


def _note_several_keys(validated: ValidatedRows) -> Iterator[str]:
    """Cells of a key that hold several keys: they are taken as one key, which no other row has."""
    contract = validated.contract
    keys = [column.name for column in contract.columns if column.type == "key" and column.name in contract.cells]
    for name in keys if contract.table else ():
        value = value_column(name)
        ((rows,),) = validated.query(
            f"SELECT count(*) FROM {validated.table} WHERE NOT ({validated.is_rejected}) "
            f"AND contains({value}, ';') AND regexp_full_match({value}, '[^;]+(;[^;]+)+')"
        )
        if rows:
            yield (
                f"{name}: {rows:,} {'cell holds' if rows == 1 else 'cells hold'} several keys, separated by a semicolon, which "
                "are taken as one. Map a column with one key, or split them"
            )


def _note_case(validated: ValidatedRows) -> Iterator[str]:
    """Keys that differ only in upper and lower case or blanks, counted without showing any."""
    keys = [column.name for column in validated.contract.columns if column.type == "key"]
    if not keys:
        return
    mixed = ", ".join(f"bool_or({value_column(name)} <> {fold_key(value_column(name))})" for name in keys)
    (is_mixed,) = validated.query(f"SELECT {mixed} FROM {validated.table}")
    for name, some in zip(keys, is_mixed, strict=True):
        if not some:
            continue
        ((exact, folded),) = validated.query(
            f"SELECT count(DISTINCT {value_column(name)}), count(DISTINCT {fold_key(value_column(name))}) FROM {validated.table}"
        )
        if exact > folded:
            yield (
                f"{name}: {exact - folded:,} of {exact:,} different keys differ from another only in upper and lower case or blanks and count as "
                f"others; if they are the same, add `ignore_case: [{name}]` to the table"
            )


def _note_repeated_hours(validated: ValidatedRows) -> Iterator[str]:
    zone = validated.contract.zone
    times = [column.name for column in validated.contract.columns if column.type == "time"]
    if not times or not repeated_condition(zone, ""):
        return
    counts = ", ".join(f"count(*) FILTER ({repeated_condition(zone, value_column(name))})" for name in times)
    (rows_by_column,) = validated.query(f"SELECT {counts} FROM {validated.table} WHERE NOT ({validated.is_rejected})")
    for name, rows in zip(times, rows_by_column, strict=True):
        if rows:
            times_are = "time is" if rows == 1 else "times are"
            yield (
                f"{name}: {rows:,} {times_are} in the hour that occurs twice when daylight saving time ends in {zone}; "
                "durations may be wrong by an hour"
            )


def _note_rounded_amounts(validated: ValidatedRows) -> Iterator[str]:
    """Amounts have four decimals; texts with more decimals, other than zeros, are reported."""
    mark = validated.staging.source.decimal
    for column in validated.contract.columns:
        cell = validated.contract.cells.get(column.name)
        if cell is None or column.type != "money" or cell.kind != "text":
            continue
        point = f"strpos({cell.sql}, {quote_literal(mark)})"
        long = f"{point} > 0 AND length({cell.sql}) - {point} > 4"
        shape = quote_literal(f"[{mark}][0-9]{{4}}0*[1-9]")
        ((rows,),) = validated.query(
            f"SELECT count(*) FROM {validated.staging.rows} WHERE {long} AND regexp_matches({cell.sql}, {shape})"
        )
        if rows:
            yield f"{column.name}: {rows:,} {'amount has' if rows == 1 else 'amounts have'} more than four decimals and {'is' if rows == 1 else 'are'} rounded"
