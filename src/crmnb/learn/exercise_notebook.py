"""The exercise notebook, derived from the solution notebook: answers become `...`, prose that gives them away is left out.

The tag `solution` marks the cells. In a code cell each statement with the comment `# solution` loses what is right of its `=`; one without `=`
is left out. A text cell is left out as a whole. Everything else is copied, so that the two cannot drift apart.
"""

import ast
import re
from typing import Any

from crmnb.core.errors import InputError

TAG = "solution"
_MARK = re.compile(r"#\s*solution\s*$")

Notebook = dict[str, Any]


def exercise_of(solution: Notebook) -> Notebook:
    """The exercise notebook of a solution notebook (both as parsed JSON), without outputs.

    Raises InputError where a cell with the tag has no statement to leave out, or a statement is marked in a cell without the tag.
    """
    return solution | {"cells": [derived for cell in solution["cells"] for derived in _derived(cell)]}


def _derived(cell: Notebook) -> list[Notebook]:
    source = "".join(cell["source"])
    tagged = TAG in cell["metadata"].get("tags", [])
    if cell["cell_type"] != "code":
        return [] if tagged else [cell]
    text = _without_answers(source)
    if tagged != (text != source):
        rule = (
            "has the tag `solution`, but no statement is marked `# solution`" if tagged else "lacks the tag `solution`"
        )
        raise InputError(f"the code cell {cell.get('id', '')!r} {rule}")
    return [cell | {"source": text.splitlines(keepends=True), "outputs": [], "execution_count": None}]


def _without_answers(source: str) -> str:
    lines = source.splitlines()
    for statement in reversed(ast.parse(source).body):
        place = slice(statement.lineno - 1, statement.end_lineno)
        if any(_MARK.search(line) for line in lines[place]):
            lines[place] = [f"{targets} = ..."] if (targets := _targets(statement)) else []
    return "\n".join(lines)


def _targets(statement: ast.stmt) -> str:
    """What a statement assigns to; "" where it assigns nothing."""
    return " = ".join(ast.unparse(target) for target in statement.targets) if isinstance(statement, ast.Assign) else ""
