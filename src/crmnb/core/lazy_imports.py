"""Names of a package that are imported when they are asked for: what a command does not need it does not import."""

from collections.abc import Callable
from importlib import import_module


def lazily(package: str, where: dict[str, str]) -> Callable[[str], object]:
    """The `__getattr__` (PEP 562) of a package that offers names from its modules; where: name -> module."""

    def offered(name: str) -> object:
        if name not in where:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{where[name]}"), name)

    return offered
