"""The package's modules as syntax trees, which are parsed once and only where a test asks for them."""

import ast
from collections.abc import Mapping
from functools import cache
from pathlib import Path

SOURCE = Path(__file__).parents[2] / "src" / "crmnb"
PATHS = sorted(SOURCE.rglob("*.py"))


@cache
def tree_of(path: Path) -> ast.Module:
    """The syntax tree of a file."""
    return ast.parse(path.read_text(encoding="utf-8"))


def trees(modules: Mapping[str, Path]) -> dict[str, ast.Module]:
    """The syntax trees of files, by the same names."""
    return {name: tree_of(path) for name, path in modules.items()}
