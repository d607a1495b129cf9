"""The exercise notebook, derived from the solution notebook: answers become `...`, prose that gives them away is left out.

The tag `solution` marks the cells. In a code cell each line that ends in `# solution` loses what is right of its `=`; one without `=` is left
out. A text cell is left out as a whole. Everything else is copied, so that the two cannot drift apart.
"""

import json
import re
from pathlib import Path
from typing import Any

from crmnb.core.errors import InputError
from crmnb.core.files import write_atomic

TAG = "solution"
_ANSWER = re.compile(r"^(?P<place>\s*[\w, ]+=\s*)(?P<answer>[^=].*?)\s*#\s*solution\s*$")
_MARK = re.compile(r"#\s*solution\s*$")

Notebook = dict[str, Any]


def exercise_of(solution: Notebook) -> Notebook:
    """The exercise notebook of a solution notebook (both as parsed JSON), without outputs.

    Raises InputError where a cell with the tag has no line to leave out, or a line is marked in a cell without the tag.
    """
    return solution | {"cells": [derived for cell in solution["cells"] for derived in _derived(cell)]}


def _derived(cell: Notebook) -> list[Notebook]:
    source = "".join(cell["source"])
    tagged = TAG in cell["metadata"].get("tags", [])
    if cell["cell_type"] != "code":
        return [] if tagged else [cell]
    lines = [_without_answer(line) for line in source.splitlines()]
    if tagged != (lines != source.splitlines()):
        rule = "has the tag `solution`, but no line ends in `# solution`" if tagged else "lacks the tag `solution`"
        raise InputError(f"the code cell {cell.get('id', '')!r} {rule}")
    text = "\n".join(line for line in lines if line is not None)
    return [cell | {"source": text.splitlines(keepends=True), "outputs": [], "execution_count": None}]


def _without_answer(line: str) -> str | None:
    """A line without its answer; None for one that is left out."""
    if answer := _ANSWER.match(line):
        return f"{answer['place']}..."
    return None if _MARK.search(line) else line


def write_exercise(solution: Notebook, target: Path) -> bool:
    """Write the exercise notebook, unless the learner has one already. Returns whether it was written."""
    if target.exists():
        return False
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(target, json.dumps(exercise_of(solution), indent=1, ensure_ascii=False) + "\n")
    return True
