"""Declarations: what a client declares once, outside of metrics' own settings, and metrics take as a parameter of that type.

This registry is the only list of their types: a new one is a model in `crmnb.schema.client`, an entry here, and, where metrics need it,
the sentence of its `missing` note.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from itertools import product
from typing import Any

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.metrics.features.answer_scale import is_top_box_alone
from crmnb.schema.client import (
    INDEX,
    TEAM_COLUMN,
    Churn,
    Client,
    DataQuality,
    Dates,
    Employees,
    Experiment,
    Experiments,
    Feedback,
    Initiative,
    Initiatives,
    Item,
    Items,
    Market,
    Outcome,
    Relationship,
    Segment,
    Segments,
    Service,
    TimeZone,
    Worth,
)
from crmnb.schema.tables import UNKNOWN
from crmnb.stats.estimation import RELATIONSHIP_INDEX
from crmnb.stats.experiment_arms import ExperimentPlan, OutcomePlan


@dataclass(frozen=True)
class Declaration:
    """A type of declaration.

    value: from the client, the metric's family and the value of the metric's setting of that name (None where it has none) to the
    argument; None where the client declares none. stand_ins: values for a metric that is described without a client. missing: the
    reason why a metric is unavailable without it. is_requirement: whether a metric's description names it among its requirements.
    words: the argument as it is stored beside a result; "" where it is not. for_statistics: from the argument and the client to plain
    settings by name, for statistics, which do not know the client.
    """

    value: Callable[[Client, str, Any], Any]
    stand_ins: tuple[Any, ...]
    missing: Note | None = None
    is_requirement: bool = True
    words: Callable[[Any], str] = lambda argument: ""
    for_statistics: Callable[[Any, Client], dict[str, Any]] | None = None

    def argument(self, client: Client, family: str, setting: Any = None) -> Any:
        """The argument of a metric of this family for a client. Raises Unavailable where the client does not declare it."""
        value = self.value(client, family, setting)
        if value is None:
            raise Unavailable(self.missing)
        return value


def _item(client: Client, family: str, name: str) -> Item:
    if name not in client.items:
        raise Unavailable(Note("needs_survey_item", item=name, declared=list(client.items)))
    return client.items[name].model_copy(update={"name": name})


def _item_words(item: Item) -> str:
    low, high = item.scale
    asks = f", \u201c{item.asks}\u201d" if item.asks else ""
    satisfied = "" if item.top_box is None else f", satisfied from {item.top_box} on"
    satisfied = f", only {high} counts as satisfied" if is_top_box_alone(item) else satisfied
    shares = ", ".join(f"{survey} {weight:g}" for survey, weight in item.survey_weights.items())
    weighed = f"; surveys pooled at the weights {shares}" if shares else ""
    return f"{item.name} ({low} to {high}, {item.direction}{satisfied}){asks}{weighed}"


def _churn_words(churn: Churn) -> str:
    return churn.kind + (f" ({churn.inactivity_days} days)" if churn.kind == "inactivity" else "")


def _churn_settings(churn: Churn, client: Client) -> dict[str, Any]:
    """Whether customers end a contract; and the days without an order after which they are lost, 0 under contract."""
    return {
        "contractual": churn.kind == "contractual",
        "inactivity_days": churn.inactivity_days,
        "grace_days": churn.history_days,
    }


def _worth_settings(worth: Worth, client: Client) -> dict[str, Any]:
    """Discount rate a year, horizon in months, revenue in the books by period, and gain, low and high by programme."""
    return {
        "discount_rate": worth.discount_rate,
        "horizon_months": worth.horizon_months,
        "books": dict(worth.books),
        "gains": {name: (gain.gain, gain.low, gain.high) for name, gain in worth.gains.items()},
    }


def _relationship_settings(relationship: Relationship, client: Client) -> dict[str, Any]:
    """The path model as declared: items by construct, paths, scheme, the drivers' names, what each item is called, and the unknown level."""
    named = {INDEX: RELATIONSHIP_INDEX}
    model = {
        "blocks": {named.get(name, name): of for name, of in relationship.constructs.items()},
        "paths": tuple((named.get(begin, begin), named.get(end, end)) for begin, end in relationship.all_paths),
        "scheme": relationship.scheme,
        "drivers": tuple(relationship.drivers),
        "labels": Items(client.items).labels,
        "unknown": UNKNOWN,  # the level of those whose level is not known
    }
    return {"relationship": model}


def _market_settings(market: Market, client: Client) -> dict[str, Any]:
    return {"own_brand": market.own_brand, "rest": market.rest}


def _experiment_settings(experiments: Experiments, client: Client) -> dict[str, Any]:
    return {"experiments": {name: _experiment_plan(experiment) for name, experiment in experiments.items()}}


def _experiment_plan(experiment: Experiment) -> ExperimentPlan:
    before = [f"{name} before" for name, outcome in experiment.outcomes.items() if outcome.has_before]
    return ExperimentPlan(
        arms=dict(experiment.arms),
        control=experiment.control,
        outcomes=tuple(_outcome_plan(name, outcome) for name, outcome in experiment.outcomes.items()),
        covariates=(*experiment.covariates, *before),
        planned_units=experiment.peeking and float(experiment.peeking.planned_units),
        power=experiment.power,
    )


def _outcome_plan(name: str, outcome: Outcome) -> OutcomePlan:
    form = "ratio" if outcome.is_ratio else "cuped" if outcome.has_before else "plain"
    unit = "money" if outcome.kind == "money" else "per unit"
    return OutcomePlan(name, outcome.kind == "rate", unit, form, outcome.smallest_effect)


def _service_settings(service: Service, client: Client) -> dict[str, Any]:
    return {"name_agents": service.name_agents, "has_working_week": bool(service.working_week)}


_ITEMS = tuple(
    Item(name="item", scale=scale, direction=direction)
    for direction, scale in product(("up", "effort"), ((0, 10), (1, 5)))
)
_CHURNS = (Churn(kind="inactivity", inactivity_days=365), Churn(kind="contractual", table="subscriptions"))
_RELATIONSHIP = Relationship(index=("item",), drivers={"driver": ("item",)}, outcomes={"outcome": ("item",)})
_FEEDBACK = Feedback(language="en", codebook={"theme": ("word",)}, lexicon={"word": 1})
_EXPERIMENTS = Experiments(
    {"test": Experiment(arms={"a": 1, "b": 1}, control="b", outcomes={"met": Outcome(kind="rate", column="met")})}
)
_MARKET = Market(own_brand="own", pillars={"pillar": ("item",)})
_INITIATIVES = Initiatives(
    {"initiative": Initiative(metric="csat", by="customers.region", starts={"unit": date(2025, 1, 1)})}
)
_SEGMENTS = Segments(
    {
        "channel": Segment(column="customers.acquisition_channel"),
        "tenure": Segment(column="customers.joined_at", years=(1,)),
        "team": Segment(column=TEAM_COLUMN),
    }
)

DECLARATIONS: dict[type, Declaration] = {  # where several are missing, the first is the reason
    Item: Declaration(_item, _ITEMS, words=_item_words),
    Churn: Declaration(
        lambda client, family, setting: client.churn,
        _CHURNS,
        missing=Note("needs_churn_declaration"),
        words=_churn_words,
        for_statistics=_churn_settings,
    ),
    Relationship: Declaration(
        lambda client, family, setting: client.relationship,
        (_RELATIONSHIP,),
        missing=Note("needs_relationship", table="survey_responses"),
        for_statistics=_relationship_settings,
    ),
    Feedback: Declaration(
        lambda client, family, setting: client.feedback,
        (_FEEDBACK,),
        missing=Note("needs_feedback", table="survey_responses"),
    ),
    Employees: Declaration(
        lambda client, family, setting: client.employees,
        (Employees(engagement=("item",), culture=("item",)),),
        missing=Note("needs_employees", table="employee_responses"),
    ),
    Market: Declaration(
        lambda client, family, setting: client.market,
        (_MARKET,),
        missing=Note("needs_market", table="market"),
        words=lambda market: market.own_brand,
        for_statistics=_market_settings,
    ),
    Experiments: Declaration(
        lambda client, family, setting: Experiments(client.experiments) or None,
        (_EXPERIMENTS,),
        missing=Note("needs_experiments", table="experiment_units"),
        for_statistics=_experiment_settings,
    ),
    Items: Declaration(lambda client, family, setting: Items(client.items), (Items({"item": _ITEMS[0]}),)),
    Initiatives: Declaration(
        lambda client, family, setting: Initiatives(client.initiatives) if client.initiatives else None,
        (_INITIATIVES,),
        missing=Note("needs_initiatives"),
    ),
    Worth: Declaration(
        lambda client, family, setting: client.worth, (Worth(margin_rate=0.5),), for_statistics=_worth_settings
    ),
    Segments: Declaration(lambda client, family, setting: client.segments_of(family), (_SEGMENTS,)),
    Service: Declaration(
        lambda client, family, setting: client.service,
        (Service(),),
        is_requirement=False,
        for_statistics=_service_settings,
    ),
    DataQuality: Declaration(
        lambda client, family, setting: client.data_quality, (DataQuality(),), is_requirement=False
    ),
    TimeZone: Declaration(
        lambda client, family, setting: TimeZone(client.time_zone), (TimeZone("UTC"),), is_requirement=False
    ),
    Dates: Declaration(
        lambda client, family, setting: Dates(client.dates_exact_to), (Dates("day"),), is_requirement=False
    ),
}
