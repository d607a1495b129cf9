"""Charts: drawings of results, each with its text alternative and its data table.

A module of this package holds one chart or several; `@chart(name)` registers the function that draws it, so a new chart is a
new module and no other file changes.
"""

from collections.abc import Callable
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any

from crmnb.core.errors import InputError, nearest

Draw = Callable[..., Any]
_registered: dict[str, Draw] = {}


def chart(name: str) -> Callable[[Draw], Draw]:
    """Register the function below under the name that `ResultView.plot` knows it by.

    The function takes a Result and options of its own, and gives a Figure or Figures.
    """

    def register(draw: Draw) -> Draw:
        _registered[name] = draw
        return draw

    return register


@cache
def charts() -> dict[str, Draw]:
    """The function of every chart, by its name."""
    for module in iter_modules(__path__):
        import_module(f"{__name__}.{module.name}")
    return dict(sorted(_registered.items()))


def chart_named(name: str) -> Draw:
    """The function that draws the chart of this name. Raises InputError where there is none."""
    known = charts()
    if name not in known:
        raise InputError(f"there is no chart {name!r}: choose one of {', '.join(known)}.{nearest(name, known)}")
    return known[name]
