"""The account of judged rows: how many were read, accepted and set aside, why, and the sums of their amounts."""

from collections import Counter

from crmnb.intake.account import Account, Cause, Total
from crmnb.intake.clock import repeated
from crmnb.intake.judged import Judged
from crmnb.intake.rules import breaks, broken, mask_names, value


def account_of(judged: Judged, quarantined: int) -> Account:
    """What became of the rows: read as they came, `quarantined` as they were written out; the others are accepted."""
    contract = judged.contract
    ((read,),) = judged.ask(f"SELECT count(*) FROM {judged.raw.table}")
    ((accepted,),) = judged.ask(f"SELECT count(*) FROM {judged.table} WHERE NOT ({judged.is_bad})")
    table = contract.table.name if contract.table else ""
    return Account(
        table, contract.source, read, accepted, quarantined, _causes(judged), _totals(judged), notes=_notes(judged)
    )


def _causes(judged: Judged) -> tuple[Cause, ...]:
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
        Cause(rule.words, rule.column, rows[number], alone[number], judged.examples(number), rule.ask)
        for number, rule in ((number, judged.rules[number]) for number, _ in rows.most_common())
    )


def _totals(judged: Judged) -> dict[str, Total]:
    """The control totals of the amounts, exact: what was read as an amount is either accepted or quarantined."""
    numbers = {rule.column: number for number, rule in enumerate(judged.rules) if rule.is_type}
    amounts = [column.name for column in judged.contract.columns if column.type == "money"]
    if not amounts:
        return {}
    sums = ", ".join(
        f"coalesce(sum({value(name)}) FILTER (NOT ({judged.is_bad})), 0)::VARCHAR, "
        f"coalesce(sum({value(name)}) FILTER ({judged.is_bad}), 0)::VARCHAR, count(*) FILTER ({breaks(numbers[name])})"
        for name in amounts
    )
    (found,) = judged.ask(f"SELECT {sums} FROM {judged.table}")
    return {name: Total(*found[3 * place : 3 * place + 3]) for place, name in enumerate(amounts)}


def _notes(judged: Judged) -> tuple[str, ...]:
    """What was accepted and is worth knowing."""
    zone = judged.contract.zone
    times = [column.name for column in judged.contract.columns if column.type == "time"]
    if not times or not repeated(zone, ""):
        return ()
    counts = ", ".join(f"count(*) FILTER ({repeated(zone, value(name))})" for name in times)
    (found,) = judged.ask(f"SELECT {counts} FROM {judged.table} WHERE NOT ({judged.is_bad})")
    return tuple(
        f"{name}: {rows:,} {'time lies' if rows == 1 else 'times lie'} in an hour that the clock of {zone} shows twice, so durations may be an hour off"
        for name, rows in zip(times, found, strict=True)
        if rows
    )
