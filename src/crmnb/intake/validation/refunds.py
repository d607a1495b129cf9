"""Refunds: rows with negative amounts are refunds of an order, credit notes of a customer, or rejected with what that hides.

A refund of an order becomes its refunded amount. A credit note stays a row of its own: it reduces revenue and is no order.
"""

from collections.abc import Iterator
from dataclasses import replace

from crmnb.intake.staging_table import Cell
from crmnb.intake.validation.contract import Rule, locate_bit, value_column, violates
from crmnb.intake.validation.validated_rows import Contract, ValidatedRows
from crmnb.schema.client import Refunds
from crmnb.schema.tables import Column, Table

PARENT = "_parent"  # the key of the order that a row refunds; no column of a client begins with _
_REFUNDED = ("refunded_amount", "refunded_at")
_SUBTRACTED = "refund of an order, subtracted from it"
_NO_PARENT = Rule(
    "refund of an order that is not there",
    "amount",
    "false",
    "Ask for the orders that these rows refund. If they are credit notes without an order, add `stand_alone: true` under `refunds`.",
    "contradiction",
)
_TOO_HIGH = Rule(
    "refunds are above the amount of the order",
    "amount",
    "false",
    "Ask which of the order and its refunds are correct.",
    "contradiction",
)


def with_refunds(columns: list[Column], refunds: Refunds | None, table: Table) -> list[Column]:
    """The columns of a table with negative amounts allowed, and with those that refunds of orders need."""
    if not refunds:
        return columns
    columns = [replace(column, at_least=None) if column.name == "amount" else column for column in columns]
    if not refunds.parent:
        return columns
    names = {column.name for column in columns}
    added = (table.by_name[name] for name in _REFUNDED if name not in names)
    return [*columns, *added, Column(PARENT, "key")]


def parent_cell(refunds: Refunds | None, cell: Cell | None) -> dict[str, Cell]:
    """The cell with the key of the order that a row refunds."""
    return {PARENT: cell} if refunds and refunds.parent and cell else {}


def refund_rules(contract: Contract) -> list[Rule]:
    """The rules on refunds of orders, which are marked once all rows are known."""
    return [_NO_PARENT, _TOO_HIGH] if contract.refunds and contract.refunds.parent else []


def is_own_refund(contract: Contract) -> str:
    """The SQL condition that a row refunds the order whose key it has itself: not a second row with the same key."""
    if PARENT not in contract.cells:
        return "false"
    return f"coalesce({value_column('amount')} < 0 AND {value_column(PARENT)} = {value_column('order_id')}, false)"


def merge_refunds(validated: ValidatedRows) -> tuple[dict[str, int], tuple[str, ...]]:
    """Subtract the rows that refund an order from it, and remove them; return their number by cause, and notes on refunds and credit notes."""
    contract = validated.contract
    if not contract.refunds:
        return {}, ()
    merged, notes = _merge(validated) if contract.refunds.parent else (0, ())
    return {_SUBTRACTED: merged} if merged else {}, (*notes, *_note_credits(validated))


def _merge(validated: ValidatedRows) -> tuple[int, tuple[str, ...]]:
    table, amount, parent = validated.table, value_column("amount"), value_column(PARENT)
    key, accepted = value_column("order_id"), f"NOT ({validated.is_rejected})"
    is_refund = f"{accepted} AND {amount} < 0 AND {value_column('status')} <> 'cancelled'"
    is_order = f"{accepted} AND {amount} >= 0"
    margin = value_column("margin") if "margin" in contract_columns(validated) else "NULL"
    validated.query(
        f"CREATE OR REPLACE TEMP TABLE refunds AS SELECT {parent} AS parent, -sum({amount}) AS back, "
        f"min({value_column('ordered_at')}) AS first, sum({margin}) AS margin, count(DISTINCT {value_column('ordered_at')}::DATE) AS days "
        f"FROM {table} WHERE {is_refund} AND {parent} IN (SELECT {key} FROM {table} WHERE {is_order}) GROUP BY parent"
    )
    too_high = f"SELECT {key} FROM {table} JOIN refunds ON {key} = parent WHERE {is_order} AND back > {amount}"
    validated.query(f"CREATE OR REPLACE TEMP TABLE too_high AS {too_high}")
    _mark(
        validated,
        _TOO_HIGH,
        f"({is_order} AND {key} IN (FROM too_high)) OR ({is_refund} AND {parent} IN (FROM too_high))",
    )
    known = f"{parent} IN (SELECT parent FROM refunds)"
    if not validated.contract.refunds.stand_alone:
        _mark(validated, _NO_PARENT, f"{is_refund} AND NOT coalesce({known}, false)")
    margins = f", {margin} = {margin} + coalesce(refunds.margin, 0)" if margin != "NULL" else ""
    validated.query(
        f"UPDATE {table} SET {value_column('refunded_amount')} = back, {value_column('refunded_at')} = first{margins} "
        f"FROM refunds WHERE {key} = parent AND {is_order}"
    )
    ((rows, back),) = validated.query(
        f"SELECT count(*), coalesce(-sum({amount}), 0) FROM {table} WHERE {is_refund} AND {known}"
    )
    ((several,),) = validated.query("SELECT count(*) FROM refunds WHERE days > 1 AND parent NOT IN (FROM too_high)")
    validated.query(f"DELETE FROM {table} WHERE {is_refund} AND {known}")
    return rows, tuple(_note_merged(rows, back, several))


def contract_columns(validated: ValidatedRows) -> set[str]:
    """The names of the columns under validation."""
    return {column.name for column in validated.contract.columns}


def _mark(validated: ValidatedRows, rule: Rule, condition: str) -> None:
    mask, bit = locate_bit(validated.rules.index(rule))
    validated.query(f"UPDATE {validated.table} SET {mask} = {mask} | {bit} WHERE {condition}")


def _note_merged(rows: int, back: object, several: int) -> Iterator[str]:
    if rows:
        yield f"{rows:,} {'row is a refund' if rows == 1 else 'rows are refunds'} of an order: {back:,.2f} is subtracted from these"
    if several:
        yield (
            f"refunded_at: {several:,} {'order was' if several == 1 else 'orders were'} refunded on several days; the first "
            "of these is taken as the day of all refunds of the order"
        )


def _note_credits(validated: ValidatedRows) -> Iterator[str]:
    condition = (
        f"NOT ({validated.is_rejected}) AND {value_column('amount')} < 0 AND {value_column('status')} <> 'cancelled'"
    )
    ((rows, back),) = validated.query(
        f"SELECT count(*), -sum({value_column('amount')}) FROM {validated.table} WHERE {condition}"
    )
    if rows:
        are = "row is a credit note" if rows == 1 else "rows are credit notes"
        yield f"{rows:,} {are}: {back:,.2f} is subtracted from revenue in the period of the date; none counts as an order"


def negative_amounts(validated: ValidatedRows) -> Iterator[str]:
    """By how much the sum of each amount is too high as negative ones are rejected, and the line to write."""
    contract = validated.contract
    for number, rule in enumerate(validated.rules):
        column = next((column for column in contract.columns if column.name == rule.column), None)
        is_below = column and column.type == "money" and rule.reason == f"{rule.column} is below 0"
        if is_below or rule is _NO_PARENT:
            value = value_column(rule.column)
            ((rows, total),) = validated.query(
                f"SELECT count(*), -sum({value}) FROM {validated.table} WHERE {violates(number)} AND NOT {violates(0)}"
            )
            if rows:
                yield _overstatement(contract, rule, rows, total)


def _overstatement(contract: Contract, rule: Rule, rows: int, total: object) -> str:
    are = "row with a negative amount is" if rows == 1 else "rows with negative amounts are"
    text = f"{rule.column}: {rows:,} {are} rejected, so "
    if not (contract.table and contract.table.credits and rule.column == "amount"):
        return f"{text}the sum of {rule.column} is overstated by {total:,.2f}"
    line = "`refunds: {stand_alone: true}` (credit notes of a customer)"
    if not contract.refunds:
        line = f"`refunds: {{parent: COLUMN}}` (refunds; the column has the key of the order) or {line}"
    return f"{text}net revenue is overstated by {total:,.2f}. Add the line that fits to {contract.key}: {line}"
