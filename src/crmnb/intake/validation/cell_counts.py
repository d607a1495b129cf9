"""Counts of cells: of each column of validated rows, how many values are missing and how many are wrong."""

from collections import defaultdict

from crmnb.intake.audit import CellAudit
from crmnb.intake.validation.contract import locate_bit, value_column, violates
from crmnb.intake.validation.validated_rows import ValidatedRows


def count_cells(validated: ValidatedRows) -> tuple[CellAudit, ...]:
    """The cells of each column, accepted or not; malformed records, in which no cell can be trusted, are left out.

    Few rows violate a rule: only these are looked at for more than whether there is a value.
    """
    columns, names = validated.contract.columns, [value_column(c.name) for c in validated.contract.columns]
    rules = {c.name: [n for n, rule in enumerate(validated.rules) if rule.column == c.name] for c in columns}
    of_value = {name: [n for n in numbers if validated.rules[n].is_of_value] for name, numbers in rules.items()}
    unreadable = {name: [n for n in numbers if validated.rules[n].is_type] for name, numbers in rules.items()}
    known = ", ".join(f"count({name})" for name in names)
    ((rows, *filled),) = validated.query(f"SELECT count(*), {known} FROM {validated.table}")
    malformed = violates(0)
    figures = [
        f"count({name}) FILTER ({malformed}), count(*) FILTER ({_violates_any(unreadable[column.name])}), "
        f"count(*) FILTER ({_violates_any(of_value[column.name])})"
        for name, column in zip(names, columns, strict=True)
    ]
    ((lost, *faults),) = validated.query(
        f"SELECT count(*) FILTER ({malformed}), {', '.join(figures)} FROM {validated.table} WHERE {validated.is_rejected}"
    )
    cells = []
    for column, values, untrusted, no_type, invalid in zip(
        columns, filled, faults[::3], faults[1::3], faults[2::3], strict=True
    ):
        missing = (rows - values) - (lost - untrusted) - no_type
        cells.append(
            CellAudit(column.name, column.required, bool(of_value[column.name]), rows - lost, missing, invalid)
        )
    return tuple(cells)


def _violates_any(numbers: list[int]) -> str:
    """The SQL condition that a row violates one of the rules with these numbers."""
    bits: dict[str, int] = defaultdict(int)
    for number in numbers:
        mask, bit = locate_bit(number)
        bits[mask] |= bit
    return " OR ".join(f"({mask} & {bit}) <> 0" for mask, bit in bits.items()) or "false"
