"""Shared fits: what several metrics compute of the same evidence is computed once in an evaluation, and forgotten with it."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import fields, is_dataclass
from functools import wraps
from hashlib import blake2b
from typing import Any, ParamSpec, TypeVar

import numpy as np
import pandas as pd

_P, _R = ParamSpec("_P"), TypeVar("_R")
_results: ContextVar[dict[tuple, Any] | None] = ContextVar("shared fits", default=None)


@contextmanager
def shared_fits() -> Iterator[None]:
    """An evaluation: within it, functions that are `shared` compute each result once. One inside another has results of its own."""
    token = _results.set({})
    try:
        yield
    finally:
        _results.reset(token)


def shared(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """A function of arrays, frames and values whose result is computed once in an evaluation; outside of one at each call.

    Arguments are the same if their contents are. Whoever calls it must not change the result. An exception is not stored.
    """

    @wraps(function)
    def remembered(*arguments: _P.args) -> _R:
        results = _results.get()
        if results is None:
            return function(*arguments)
        key = (function, *map(_identity, arguments))
        if key not in results:
            results[key] = function(*arguments)
        return results[key]

    return remembered


def _identity(argument: Any) -> Any:
    """What is equal of the same argument of two calls."""
    if isinstance(argument, pd.DataFrame):
        rows = pd.util.hash_pandas_object(argument, index=False).to_numpy()
        return tuple(argument.columns), _identity(rows)
    if isinstance(argument, np.ndarray):
        return argument.shape, blake2b(np.ascontiguousarray(argument)).digest()
    if isinstance(argument, Mapping):
        return tuple((name, _identity(value)) for name, value in argument.items())
    if is_dataclass(argument):
        return tuple(_identity(getattr(argument, field.name)) for field in fields(argument))
    return tuple(map(_identity, argument)) if isinstance(argument, list | tuple) else argument
