"""Lazy imports: a package offers names without importing their modules before they are used."""

from collections.abc import Callable
from importlib import import_module


def lazy_getattr(package: str, modules: dict[str, str]) -> Callable[[str], object]:
    """The `__getattr__` (PEP 562) of a package that offers names from its modules; modules: name -> module."""

    def get_attribute(name: str) -> object:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{modules[name]}"), name)

    return get_attribute
