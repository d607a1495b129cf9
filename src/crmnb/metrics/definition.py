"""Metric: a named function from the client's tables, in a period, to evidence; and the registry of all of them."""

import inspect
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, Literal

from crmnb.core.errors import DOCSTRINGS_MISSING, InputError
from crmnb.metrics.measures import Estimator, net_promoters, proportion
from crmnb.schema.client import Churn, Dates, Item, Segments, Worth

Kind = Literal["input", "process", "output", "outcome"]
Direction = Literal["up", "down", "-"]

# What a client declares once, outside of a metric's own settings: given whole to a parameter of that type.
DECLARATIONS = (Item, Churn, Worth, Segments, Dates)


@dataclass(frozen=True)
class Metric:
    """A metric and every fact about it, each said once where it is defined.

    `function(*tables, period=..., **settings)` gives evidence: a narwhals frame, one row per unit counted, with `num`
    and `den` (or `value`, which is `num` with `den` 1), and optionally `breakdown`, `customer_id` (the cluster),
    `weight` (rows without one are left out) and `at` (a count's time). A count is out of `den` where its rows give one.

    `unit` is "%" (values 0-100), "points", "scale", "count", or words; `scaled` is what the estimate is multiplied by.
    `hand_count` is the value on the corner shop in 2025, as counted with a pencil: an expression, or one per breakdown. What
    no pencil can do names in `published` the test of a published figure instead.
    """

    id: str
    family: str
    function: Callable[..., Any]
    title: str
    unit: str
    kind: Kind
    direction: Direction | Callable[..., Direction]
    numerator: str
    denominator: str
    hand_count: str | dict[str, str]
    estimate: Estimator
    per_customer: bool
    transform: Callable[..., Any] | None
    definition: str
    why: str
    caution: str
    source: str
    breakdown: str  # what the breakdowns are ("survey", "platform"), empty where there are none
    always: tuple[str, ...]
    over_time: bool
    rows_at: str
    compares: bool
    cumulative: bool
    matures: str
    follow_up: str
    looks_back: bool
    depends_on_length: bool
    published: str
    units: dict[str, str]
    bounds: tuple[float, float] | Callable[..., tuple[float, float]] | None

    @property
    def reads(self) -> tuple[str, ...]:
        """The canonical tables it reads: its positional parameters."""
        return tuple(p.name for p in self._parameters if p.kind is p.POSITIONAL_OR_KEYWORD)

    @property
    def settings(self) -> dict[str, Any]:
        """What a client may set, with the defaults: its keyword-only parameters after `period`."""
        return {
            p.name: p.default for p in self._keyword_only if p.annotation is Item or p.annotation not in DECLARATIONS
        }

    @property
    def declarations(self) -> dict[str, type]:
        """The parameters that take one of the client's declarations, and its type."""
        return {p.name: p.annotation for p in self._keyword_only if p.annotation in DECLARATIONS}

    def said_of(self, fact: Any, given: dict[str, Any]) -> Any:
        """A fact of the metric that may depend on the client's declarations (`direction`, `bounds`), with these given."""
        return fact(**given) if callable(fact) else fact

    @property
    def scaled(self) -> float:
        """What the estimate is multiplied by to be in the unit: shares, and nps in [-1, 1], are shown times 100."""
        return 100.0 if self.unit == "%" or self.estimate is net_promoters else 1.0

    @property
    def _parameters(self) -> list[inspect.Parameter]:
        return list(inspect.signature(self.function).parameters.values())

    @property
    def _keyword_only(self) -> list[inspect.Parameter]:
        return [p for p in self._parameters if p.kind is p.KEYWORD_ONLY and p.name != "period"]

    def __call__(self, *tables, **named):
        return self.function(*tables, **named)


def metric(
    *,
    title: str,
    unit: str,
    kind: Kind,
    direction: Direction | Callable[..., Direction],
    numerator: str,
    denominator: str,
    hand_count: str | dict[str, str] = "",
    estimate: Estimator = proportion,
    per_customer: bool = False,
    transform: Callable[..., Any] | None = None,
    breakdown: str = "",
    always: tuple[str, ...] = (),
    over_time: bool = True,
    rows_at: str = "",
    compares: bool = False,
    cumulative: bool = False,
    matures: str = "",
    follow_up: str = "",
    looks_back: bool = False,
    depends_on_length: bool = False,
    published: str = "",
    units: dict[str, str] | None = None,
    bounds: tuple[float, float] | Callable[..., tuple[float, float]] | None = None,
) -> Callable[[Callable[..., Any]], Metric]:
    """Declare the function below as a metric; its name is the id, its module the family, its docstring the method.

    `per_customer`: the unit counted is a customer: rows without one are left out before the function sees them, and
    their share is said beside the result; the evidence then has one row per customer and breakdown.
    `transform(value, period)`: a monotone function applied to the value and both ends of the interval.
    `always`: the breakdowns of a count that are 0 where nothing happened, rather than not there.
    `over_time`: whether parts of the period make a trend of it. `rows_at`: the evidence's time by which the rows of a
    period are the rows of its parts, so that the parts need no call of their own. `compares`: it is a comparison with the time
    before already, and so compared with no other. `cumulative`: it tells of all data up to
    the period's end, so it has no parts and is compared with nothing that shares most of them. `matures`: the setting that
    says how many days after a period's end its figure can be told. `follow_up`: the setting that says how many days each row is
    followed for; those that the data do not follow that long are left out, in every window alike. `looks_back`: it asks for history, and so for that of the
    tables it reads (those that take a declaration of churn do, too). `depends_on_length`: of more days it has another value, even if
    nothing changes: it is not compared with a period of quite another length. `published`: the test of a published figure, "file::name".
    `units`: those of breakdowns that have another than the metric. `bounds`: values that a mean cannot pass, nor its interval.
    """

    def declare(function: Callable[..., Any]) -> Metric:
        return Metric(
            id=function.__name__,
            family=function.__module__.rsplit(".", 1)[-1],
            function=function,
            title=title,
            unit=unit,
            kind=kind,
            direction=direction,
            numerator=numerator,
            denominator=denominator,
            hand_count=hand_count,
            estimate=estimate,
            per_customer=per_customer,
            transform=transform,
            breakdown=breakdown,
            always=always,
            over_time=over_time and not cumulative,
            rows_at=rows_at,
            compares=compares,
            cumulative=cumulative,
            matures=matures,
            follow_up=follow_up,
            looks_back=looks_back,
            depends_on_length=depends_on_length,
            published=published,
            units=units or {},
            bounds=bounds,
            **_said(function),
        )

    return declare


def _said(function: Callable[..., Any]) -> dict[str, str]:
    """The docstring's parts: the definition (all before the first label), then `Why:`, `Caution:`, `Source:`."""
    if function.__doc__ is None and sys.flags.optimize > 1:
        raise InputError(DOCSTRINGS_MISSING)
    parts = re.split(r"^(Why|Caution|Source):", inspect.getdoc(function) or "", flags=re.MULTILINE)
    texts = [" ".join(text.split()) for text in parts]
    labelled = dict(zip(texts[1::2], texts[2::2], strict=True))
    return {"definition": texts[0]} | {label.lower(): labelled.get(label, "") for label in ("Why", "Caution", "Source")}


@cache
def families() -> tuple[str, ...]:
    """The families: the modules of `crmnb.metrics.families`."""
    package = import_module("crmnb.metrics.families")
    return tuple(sorted(module.name for module in iter_modules(package.__path__)))


@cache
def family(name: str) -> dict[str, Metric]:
    """A family's metrics by id, in the order of its file."""
    module = import_module(f"crmnb.metrics.families.{name}")
    return {m.id: m for m in vars(module).values() if isinstance(m, Metric) and m.family == name}


@cache
def catalogue() -> dict[str, Metric]:
    """Every metric by id, family after family."""
    return {id_: m for name in families() for id_, m in family(name).items()}
