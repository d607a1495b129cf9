"""The account of judged rows: how many were read, accepted and set aside, why, and the sums of their amounts."""

from collections import Counter
from collections.abc import Iterator

from crmnb.intake.audit import ControlTotal, RejectionCause, TableAudit
from crmnb.intake.staging_table import quote_literal
from crmnb.intake.validation.contract import breaks, broken, mask_names, value
from crmnb.intake.validation.daylight_saving import repeated
from crmnb.intake.validation.validated_rows import Judged


def account_of(judged: Judged, quarantined: int, replaced: int, forgotten: int) -> TableAudit:
    """What became of the rows: read as they came, `quarantined` as they were written out, the others as they were taken out."""
    contract = judged.contract
    ((read,),) = judged.ask(f"SELECT count(*) FROM {judged.raw.table}")
    ((accepted,),) = judged.ask(f"SELECT count(*) FROM {judged.table} WHERE NOT ({judged.is_bad})")
    table = contract.table.name if contract.table else ""
    told, notes = (_causes(judged), _totals(judged)), _notes(judged, replaced, forgotten)
    out = {"replaced": replaced, "erased": forgotten}
    return TableAudit(table, contract.source, read, accepted, quarantined, *told, notes=notes, **out)


def _causes(judged: Judged) -> tuple[RejectionCause, ...]:
    """The rules that rows break, most frequent first."""
    names = ", ".join(mask_names(judged.rules))
    rows: Counter[int] = Counter()
    alone: Counter[int] = Counter()
    found = judged.ask(f"SELECT {names}, count(*) FROM {judged.table} WHERE {judged.is_bad} GROUP BY ALL ORDER BY ALL")
    for *values, count in found:
        numbers = broken(judged.rules, tuple(values))
        rows.update(dict.fromkeys(numbers, count))
        if len(numbers) == 1:
            alone[numbers[0]] += count
    return tuple(
        RejectionCause(rule.words, rule.column, rows[number], alone[number], judged.examples(number), rule.ask)
        for number, rule in ((number, judged.rules[number]) for number, _ in rows.most_common())
    )


def _totals(judged: Judged) -> dict[str, ControlTotal]:
    """The control totals of the amounts, exact: what was read as an amount is either accepted or quarantined.

    In a malformed record nobody knows which cell is the amount, so it is counted with what cannot be read.
    """
    numbers = {rule.column: number for number, rule in enumerate(judged.rules) if rule.is_type}
    amounts = [column.name for column in judged.contract.columns if column.type == "money"]
    if not amounts:
        return {}
    sums = ", ".join(
        f"coalesce(sum({value(name)}) FILTER (NOT ({judged.is_bad})), 0)::VARCHAR, "
        f"coalesce(sum({value(name)}) FILTER ({judged.is_bad} AND NOT {breaks(0)}), 0)::VARCHAR, "
        f"count(*) FILTER ({breaks(numbers[name])} OR {breaks(0)})"
        for name in amounts
    )
    (found,) = judged.ask(f"SELECT {sums} FROM {judged.table}")
    return {name: ControlTotal(*found[3 * place : 3 * place + 3]) for place, name in enumerate(amounts)}


def _notes(judged: Judged, replaced: int, forgotten: int) -> tuple[str, ...]:
    """What is worth knowing of the rows, beside the causes."""
    again = f"{replaced:,} faulty {'row was' if replaced == 1 else 'rows were'} sent again and {'is' if replaced == 1 else 'are'} replaced"
    gone = f"{forgotten:,} {'row' if forgotten == 1 else 'rows'} of customers who are to be forgotten {'was' if forgotten == 1 else 'were'} left out"
    return (*([again] if replaced else []), *([gone] if forgotten else []), *_repeated_hours(judged), *_rounded(judged))


def _repeated_hours(judged: Judged) -> Iterator[str]:
    zone = judged.contract.zone
    times = [column.name for column in judged.contract.columns if column.type == "time"]
    if not times or not repeated(zone, ""):
        return
    counts = ", ".join(f"count(*) FILTER ({repeated(zone, value(name))})" for name in times)
    (found,) = judged.ask(f"SELECT {counts} FROM {judged.table} WHERE NOT ({judged.is_bad})")
    for name, rows in zip(times, found, strict=True):
        if rows:
            lie = "time lies" if rows == 1 else "times lie"
            yield f"{name}: {rows:,} {lie} in an hour that the clock of {zone} shows twice, so durations may be an hour off"


def _rounded(judged: Judged) -> Iterator[str]:
    """Amounts have four decimals; a text that has more, other than zeros, is told of."""
    mark = judged.raw.source.decimal
    for column in judged.contract.columns:
        cell = judged.contract.cells[column.name]
        if column.type != "money" or cell.kind != "text":
            continue
        long = f"strpos({cell.sql}, {quote_literal(mark)}) > 0 AND length({cell.sql}) - strpos({cell.sql}, {quote_literal(mark)}) > 4"
        shape = quote_literal(f"[{mark}][0-9]{{4}}0*[1-9]")
        ((rows,),) = judged.ask(
            f"SELECT count(*) FROM {judged.raw.table} WHERE {long} AND regexp_matches({cell.sql}, {shape})"
        )
        if rows:
            yield f"{column.name}: {rows:,} {'amount has' if rows == 1 else 'amounts have'} more than four decimals and {'is' if rows == 1 else 'are'} rounded to four"
