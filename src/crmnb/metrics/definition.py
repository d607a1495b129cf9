"""Metric: a named function from the client's tables, in a period, to evidence; and the registry of all of them."""

import inspect
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cache, cached_property
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Any, Literal

from crmnb.core.errors import Unavailable
from crmnb.metrics.declarations import DECLARATIONS
from crmnb.metrics.estimators import net_promoters
from crmnb.metrics.formulas import Formula, formula_of
from crmnb.metrics.measures import Measure
from crmnb.schema.client import Client, Item, Privacy

if TYPE_CHECKING:
    from crmnb.engine.periods import Periods
    from crmnb.engine.views import View

Kind = Literal["input", "process", "output", "outcome"]
Direction = Literal["up", "down", "-"]

_FAMILIES = "crmnb.metrics.families"


@dataclass(frozen=True)
class Metric:
    """A metric and every fact about it, each stated once where it is defined.

    `function(*views, **settings)` gives a `Measure` of a client's tables (`crmnb.engine.views.View`). It is called once for all periods.
    `measure` is what it measures: of a client's tables once the function was called, else of empty tables. `trend`: whether it is
    computed for the parts of a period, too.

    `unit` is "%" (values 0-100), "points", "scale", "count", or words; `scaled` is what the estimate is multiplied by.
    `hand_count` is the value on the corner shop in 2025, as counted with a pencil: an expression, or one per breakdown. What
    no pencil can do names in `published` the test of a published figure instead.
    `per_customer`: the unit counted is a customer: rows without one are left out before the function sees them, and
    their share is stated beside the result; the evidence then has one row per customer and breakdown.
    """

    id: str
    family: str
    function: Callable[..., Any]
    title: str
    unit: str
    kind: Kind
    direction: Direction | Callable[..., Direction]
    hand_count: str | dict[str, str]
    published: str
    per_customer: bool
    definition: str
    why: str
    caution: str
    source: str
    declared_formula: str
    known: Measure | None = None
    trend: bool = True
    opens_report: bool = False

    @cached_property
    def measure(self) -> Measure:
        """What it measures: evidence left out, the facts that go with it."""
        return self.known or on_empty_tables(self)

    estimate = property(lambda self: self.measure.estimate)
    numerator = property(lambda self: self.measure.numerator)
    denominator = property(lambda self: self.measure.denominator)
    breakdown = property(lambda self: self.measure.breakdown)
    units = property(lambda self: self.measure.units)
    bounds = property(lambda self: self.measure.bounds)
    parts = property(lambda self: self.measure.parts)
    always = property(lambda self: self.measure.always)
    transform = property(lambda self: self.measure.transform)
    over_time = property(lambda self: self.trend and self.measure.trend and not self.measure.cumulative)
    compares = property(lambda self: self.measure.compares)
    cumulative = property(lambda self: self.measure.cumulative)
    looks_back = property(lambda self: self.measure.looks_back)
    depends_on_length = property(lambda self: self.measure.depends_on_length)

    def __call__(self, periods: "Periods", views: "Sequence[View]", arguments: dict[str, Any]) -> Measure:
        """The measure of a client's tables, with what the accessors noted. arguments: settings and declarations by name."""
        measure = self.function(*views, **arguments)
        return replace(
            measure,
            trend=measure.trend and periods.has_trend and not periods.reporting_only,
            cumulative=periods.reporting_only and not measure.compares,
            of_events=periods.of_events and not periods.of_states,
            looks_back=periods.looks_back,
            follow_up_days=periods.follow_up_days,
            maturity_days=periods.maturity_days,
        )

    @cached_property
    def tables(self) -> tuple[str, ...]:
        """The canonical tables that its function takes: its positional parameters."""
        return tuple(p.name for p in self._parameters if p.kind is p.POSITIONAL_OR_KEYWORD)

    @property
    def has_rows(self) -> bool:
        """Whether it counts rows of tables, and is not made of other metrics alone."""
        return bool(self.tables) or not self.measure.is_derived

    @cached_property
    def reads(self) -> tuple[str, ...]:
        """The canonical tables that it is computed from: those of its function, or of a derived metric's inputs."""
        if self.tables:
            return self.tables
        return tuple(dict.fromkeys(name for input_ in self.measure.inputs for name in catalogue()[input_].reads))

    @property
    def interval(self) -> str:
        """How its interval is computed, in words; of a transformed input, how that one's is."""
        inputs = self.measure.inputs if self.measure.transform else ()
        return catalogue()[inputs[0]].interval if inputs else self.estimate.interval

    @cached_property
    def formula(self) -> Formula | None:
        """How its value is computed, in symbols: as its docstring declares, or as its estimator does; None where neither says it."""
        return formula_of(self.declared_formula, self.estimate.name, self.numerator, self.denominator)

    @cached_property
    def settings(self) -> dict[str, Any]:
        """What a client may set, with the defaults: its keyword-only parameters."""
        return {
            p.name: p.default for p in self._keyword_only if p.annotation is Item or p.annotation not in DECLARATIONS
        }

    @cached_property
    def declarations(self) -> dict[str, type]:
        """The parameters that take one of the client's declarations, and its type, in the order of `DECLARATIONS`."""
        return {p.name: kind for kind in DECLARATIONS for p in self._keyword_only if p.annotation is kind}

    def direction_of(self, arguments: dict[str, Any]) -> Direction:
        """The direction, which may depend on the client's declarations (`arguments`, by name)."""
        return self.direction(**arguments) if callable(self.direction) else self.direction

    def privacy(self, client: Client) -> Privacy:
        """The client's thresholds, raised to what the metric itself demands."""
        return client.privacy.raised(self.measure.suppress_below)

    @property
    def scaled(self) -> float:
        """What the estimate is multiplied by to be in the unit: shares, and nps in [-1, 1], are shown times 100."""
        return 100.0 if self.unit == "%" or self.estimate == net_promoters else 1.0

    @cached_property
    def _parameters(self) -> list[inspect.Parameter]:
        return list(inspect.signature(self.function).parameters.values())

    @property
    def _keyword_only(self) -> list[inspect.Parameter]:
        return [p for p in self._parameters if p.kind is p.KEYWORD_ONLY]


def metric(
    *,
    title: str,
    unit: str,
    kind: Kind,
    direction: Direction | Callable[..., Direction],
    hand_count: str | dict[str, str] = "",
    published: str = "",
    per_customer: bool = False,
    opens_report: bool = False,
) -> Callable[[Callable[..., Any]], Metric]:
    """Declare the function below as a metric; its name is the id, its module the family, its docstring the method.

    What it measures follows from the measure that the function returns and the accessors that it uses. The decorator takes what is
    known without any tables, such as `per_customer`, which decides which rows the function receives. `opens_report`: it stands
    before all others on the first page, whatever the client's objectives are.
    """

    def declare(function: Callable[..., Any]) -> Metric:
        return Metric(
            id=function.__name__,
            family=_family_of(function.__module__),
            function=function,
            title=title,
            unit=unit,
            kind=kind,
            direction=direction,
            hand_count=hand_count,
            published=published,
            per_customer=per_customer,
            opens_report=opens_report,
            **_docstring_parts(function),
        )

    return declare


def on_empty_tables(metric: Metric) -> Measure:
    """What a metric measures, as it says of tables that have every column and no row."""
    from crmnb.metrics.empty_tables import empty_views, stand_ins

    for arguments in stand_ins(metric):
        try:
            return metric(*empty_views(metric), arguments).facts
        except Unavailable:  # a declaration of another kind is needed
            continue
    raise TypeError(f"{metric.id} measures nothing of empty tables")


def _docstring_parts(function: Callable[..., Any]) -> dict[str, str]:
    """The docstring's parts: the definition (all before the first label), then `Why:`, `Caution:`, `Formula:`, `Source:`."""
    parts = re.split(r"^(Why|Caution|Formula|Source):", inspect.getdoc(function) or "", flags=re.MULTILINE)
    texts = [" ".join(text.split()) for text in parts]
    labelled = dict(zip(texts[1::2], texts[2::2], strict=True))
    own = {label.lower(): labelled.get(label, "") for label in ("Why", "Caution", "Source")}
    return {"definition": texts[0], "declared_formula": labelled.get("Formula", "")} | own


def _family_of(module: str) -> str:
    """The family that a module belongs to: it is the module, or the package around it."""
    inside = module.removeprefix(f"{_FAMILIES}.")
    return inside.partition(".")[0] if inside != module else module.rpartition(".")[2]


@cache
def families() -> tuple[str, ...]:
    """The families: the modules and packages in `crmnb.metrics.families`."""
    package = import_module(_FAMILIES)
    return tuple(sorted(module.name for module in iter_modules(package.__path__)))


@cache
def family(name: str) -> dict[str, Metric]:
    """A family's metrics by id, in the order of its file; of a package, file after file as its `PARTS` name them."""
    whole = import_module(f"{_FAMILIES}.{name}")
    modules = [whole, *(import_module(f"{whole.__name__}.{part}") for part in getattr(whole, "PARTS", ()))]
    metrics = (value for module in modules for value in vars(module).values() if isinstance(value, Metric))
    return {metric.id: metric for metric in metrics if metric.family == name}


@cache
def catalogue() -> dict[str, Metric]:
    """Every metric by id, family after family."""
    return {id_: m for name in families() for id_, m in family(name).items()}
