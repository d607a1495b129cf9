"""Row steps: what metrics do with the rows of one relation, row by row, so that one pass over these rows serves them all.

Most metrics of a table ask for the same rows of its periods, and differ in which of them they leave out and what they count. Their queries are a
relation in common (the base: a table joined with its periods) and steps after it, each of which sees one row at a time.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import takewhile

from crmnb.engine.evidence import PERIOD, Evidence
from crmnb.engine.query import Query, quoted

_KEPT = '"row.kept"'  # the column that says whether a row has met all conditions


@dataclass(frozen=True)
class Branch:
    """Rows of a base after some steps, each a query of its own; the parts of a union are branches each, and the union is a step of both.

    `breakdown`: the SQL of the rows' breakdown, the same of all.
    """

    base: Query
    steps: tuple[Query, ...]
    breakdown: str = "''"


def branches_of(evidence: Evidence) -> list[Branch]:
    """The branches, of one base, of evidence that counts rows of customers (`den` is 1 in each); none where it is made otherwise."""
    has = evidence.types
    if (
        evidence.query is None
        or "weight" in has
        or not {"customer_id", "num", "den"} <= {*has}
        or has["num"] != "BIGINT"
    ):
        return []
    branches = []
    for base, steps in _branches(evidence.query):
        breakdown = _constant(steps, "breakdown") if "breakdown" in has else "''"
        if breakdown is None or _constant(steps, "den") != "1" or _changes_keys(base, steps):
            return []
        branches.append(Branch(base, tuple(steps), breakdown))
    return branches if len({branch.base.sql_query() for branch in branches}) == 1 else []


def breakdowns_of(evidence: Evidence) -> list[str]:
    """The SQL of the evidence's breakdowns, where they are known without a look at the rows; none where they are not, or there is none."""
    if evidence.query is None or "breakdown" not in evidence.types:
        return []
    values = [_constant(steps, "breakdown") for _, steps in _branches(evidence.query)]
    return [] if None in values else [*dict.fromkeys(values)]


def in_one_pass(branches: Sequence[Branch]) -> str:
    """The SQL of the rows of the branches' base with their period (`win`) and customer (`cluster`), and for each branch by its place whether it
    keeps the row (`kept_0`), and what it counts of it (`num_0`)."""
    base, same = branches[0].base, _same_steps(branches)
    base = branches[0].steps[same - 1] if same else base
    own = {name: quoted(f"base.{name}") for name in base.columns}
    carried = [*own.values()]
    sql = f"select {', '.join(f'{quoted(name)} as {column}' for name, column in own.items())} from ({base.sql_query()})"
    for place, branch in enumerate(branches):
        plain = [f"{column} as {quoted(name)}" for name, column in own.items()]
        sql = f"select {', '.join([*carried, *plain])}, true as {_KEPT} from ({sql})"
        for kind, text in (query.step for query in branch.steps[same:]):
            if kind == "filter":
                sql = f"select * replace ({_KEPT} and coalesce({text}, false) as {_KEPT}) from ({sql})"
            elif kind == "select":
                hidden = [] if text.startswith("*") else [*carried, _KEPT]
                sql = f"select {', '.join([*hidden, text])} from ({sql})"
        sql = f"select {', '.join(carried)}, case when {_KEPT} then num end as num_{place}, {_KEPT} as kept_{place} from ({sql})"
        carried += [f"num_{place}", f"kept_{place}"]
    columns = ", ".join(carried[len(own) :])
    return f"select {own[PERIOD]} as win, {own['customer_id']} as cluster, {columns} from ({sql})"


def _same_steps(branches: Sequence[Branch]) -> int:
    """How many of the first steps are the same in all branches, up to a union: the queries after one are those of all its rows."""
    steps_of = ([query.step for query in branch.steps] for branch in branches)
    are_same = (len({*steps}) == 1 and steps[0][0] != "union" for steps in zip(*steps_of, strict=False))
    return sum(takewhile(bool, are_same))


def _branches(query: Query) -> Iterator[tuple[Query, list[Query]]]:
    """The bases of a query, each with the steps from there to the query."""
    if query.step is None:
        yield query, []
        return
    for part in query.parts:
        if isinstance(part, Query):
            yield from ((base, [*steps, query]) for base, steps in _branches(part))


def _constant(steps: Sequence[Query], column: str) -> str | None:
    """The SQL of a column's value, where it is the same in all rows; None where it is not, or not known."""
    for at, query in reversed([*enumerate(steps)]):
        kind, text = query.step
        if kind != "select" or f' AS "{column}"' not in text:
            continue
        if literal := re.search(rf"""(?:^|, |\()('(?:[^']|'')*'|\d+) AS "{column}\"""", text):
            return literal[1]
        copied = re.search(rf"""(?:^|, |\()CAST\("(\w+)" AS VARCHAR\) AS "{column}\"""", text)
        return _constant(steps[:at], copied[1]) if copied else None
    return None


def _changes_keys(base: Query, steps: Sequence[Query]) -> bool:
    """Whether period or customer are not those of the base."""
    keys, texts = (PERIOD, "customer_id"), [query.step[1] for query in steps]
    is_other = [f' AS "{key}"' in text.replace(f'"{key}" AS "{key}"', "") for text in texts for key in keys]
    return any(is_other) or not {*keys} <= {*base.columns}
