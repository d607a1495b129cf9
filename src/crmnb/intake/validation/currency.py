"""Currencies: an amount in another currency than the client's is converted, left out, or refused; it is never added up as it is."""

from crmnb.core.errors import InputError
from crmnb.intake.staging_table import quote_literal
from crmnb.intake.validation.contract import EMPTY, Rule, value_column, violates
from crmnb.intake.validation.validated_rows import Contract, ValidatedRows
from crmnb.schema.tables import ENGINE_TYPES
from crmnb.schema.tables.columns import CURRENCY

_EXCLUDE = "exclude"
_CODE = f"upper({value_column(CURRENCY.name)})"


def currency_rules(contract: Contract) -> list[Rule]:
    """The rule that an amount has a currency, where the client has a column of currencies."""
    if not (amounts := _amounts(contract)):
        return []
    condition = f"{_CODE} IS NULL AND coalesce({', '.join(map(value_column, amounts))}) IS NOT NULL"
    return [Rule("currency is empty", CURRENCY.name, condition, "Ask for the currency of these amounts.", EMPTY)]


def convert_amounts(contract: Contract) -> dict[str, str]:
    """The SQL of each amount in the client's currency, by its column's SQL name."""
    rates = {code: rate for code, rate in contract.exchange_rates.items() if rate != _EXCLUDE}
    if not rates:
        return {}
    money = ENGINE_TYPES["money"]
    return {
        value_column(name): f"CASE {_CODE} "
        + " ".join(
            f"WHEN {quote_literal(code)} THEN TRY_CAST({value_column(name)} * {rate!r}::DOUBLE AS {money})"
            for code, rate in rates.items()
        )
        + f" ELSE {value_column(name)} END"
        for name in _amounts(contract)
    }


def exclude_currencies(validated: ValidatedRows) -> tuple[dict[str, int], tuple[str, ...]]:
    """Remove the rows in currencies that the client leaves out; return their number by cause, and notes on the converted ones.

    Raises InputError, with the line to add, for a currency that is neither the client's nor has an exchange rate.
    """
    contract = validated.contract
    if not _amounts(contract):
        return {}, ()
    counts = dict(
        validated.query(
            f"SELECT {_CODE} AS code, count(*) FROM {validated.table} WHERE code IS NOT NULL AND NOT {violates(0)} GROUP BY code ORDER BY code"
        )
    )
    if unknown := [code for code in counts if code not in {contract.currency, *contract.exchange_rates}]:
        raise InputError(_refusal(contract, {code: counts[code] for code in unknown}))
    notes, excluded = [], {}
    for code, rate in contract.exchange_rates.items():
        rows = counts.get(code, 0)
        if rows and rate == _EXCLUDE:
            condition = f"{_CODE} = {quote_literal(code)} AND NOT {violates(0)}"
            ((excluded[f"currency {code}"],),) = validated.query(f"DELETE FROM {validated.table} WHERE {condition}")
        elif rows:
            are = "row is" if rows == 1 else "rows are"
            notes.append(f"currency: {rows:,} {are} converted from {code} into {contract.currency} at {rate:g}")
    return excluded, tuple(notes)


def _refusal(contract: Contract, counts: dict[str, int]) -> str:
    first = next(iter(counts))
    shown = ", ".join(
        f"{code!r} ({rows:,} {'row' if rows == 1 else 'rows'})" for code, rows in list(counts.items())[:5]
    )
    shown = "" if CURRENCY.name in contract.personal else f": {shown}"
    example = first if len(first) == 3 and first.isalpha() and shown else "USD"
    return (
        f"{contract.key}.columns.{CURRENCY.name}: there are amounts in another currency than the client's, "
        f"which is {contract.currency}{shown}. Amounts in different currencies are not added up. Add what one is worth in "
        f"{contract.currency}, or leave such rows out: `exchange_rates: {{{example}: {_EXCLUDE}}}`. A word or sign for a currency "
        "is recoded under `values`."
    )


def _amounts(contract: Contract) -> list[str]:
    """The mapped amounts of a table with a column of currencies."""
    if not contract.table or CURRENCY.name not in contract.table.by_name or CURRENCY.name not in contract.cells:
        return []
    return [column.name for column in contract.columns if column.type == "money" and column.name in contract.cells]
