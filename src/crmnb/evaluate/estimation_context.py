"""What estimators know of a client: its declarations as plain numbers and names, which is all that `crmnb.stats` knows."""

from collections.abc import Mapping
from typing import Any

from crmnb.core.period import Period
from crmnb.schema.client import INDEX, TEAM_COLUMN, Churn, Client, Items, Privacy, Relationship, Segment, Service, Worth
from crmnb.schema.tables import OTHER, UNKNOWN
from crmnb.stats.estimation import RELATIONSHIP_INDEX, EstimationContext


def estimation_context(
    client: Client, settings: Mapping[str, Any], periods: Mapping[str, Period], privacy: Privacy | None = None
) -> EstimationContext:
    """The context of a metric's estimates.

    settings: the metric's keyword arguments, the client's declarations among them. periods: by window. privacy: the metric's own, where
    it demands more than the client.
    """
    privacy = privacy or client.privacy
    teams = tuple(name for name, segment in client.segments.items() if segment.column == TEAM_COLUMN)
    plain: dict[str, Any] = {
        "order_columns": _order_columns(client.segments),
        "team_segments": teams,
        "other_level": OTHER,
    }
    for name, value in settings.items():
        if isinstance(value, Churn):
            plain |= _churn_settings(value)
        elif isinstance(value, Worth):
            plain |= _worth_settings(value)
        elif isinstance(value, Relationship):
            plain["relationship"] = _relationship_settings(value, Items(client.items))
        elif isinstance(value, Service):
            plain |= {"name_agents": value.name_agents, "has_working_week": bool(value.working_week)}
        elif isinstance(value, bool | int | float | str | tuple):
            plain[name] = value
    return EstimationContext(
        level=client.level,
        settings=plain,
        periods=periods,
        suppress_below=privacy.suppress_below,
        min_base=privacy.min_base,
        time_segmentations=frozenset(name for name, segment in client.segments.items() if segment.years),
    )


def _churn_settings(churn: Churn) -> dict[str, Any]:
    """Whether customers end a contract; and the days without an order after which they are lost, 0 under contract."""
    return {
        "contractual": churn.kind == "contractual",
        "inactivity_days": churn.inactivity_days,
        "grace_days": churn.history_days,
    }


def _worth_settings(worth: Worth) -> dict[str, Any]:
    """Discount rate a year, horizon in months, revenue in the books by period, and gain, low and high by programme."""
    return {
        "discount_rate": worth.discount_rate,
        "horizon_months": worth.horizon_months,
        "books": dict(worth.books),
        "gains": {name: (gain.gain, gain.low, gain.high) for name, gain in worth.gains.items()},
    }


def _relationship_settings(relationship: Relationship, items: Items) -> dict[str, Any]:
    """The path model as declared: items by construct, paths, scheme, the drivers' names, what each item is called, and the unknown level."""
    named = {INDEX: RELATIONSHIP_INDEX}
    return {
        "blocks": {named.get(name, name): of for name, of in relationship.constructs.items()},
        "paths": tuple((named.get(begin, begin), named.get(end, end)) for begin, end in relationship.all_paths),
        "scheme": relationship.scheme,
        "drivers": tuple(relationship.drivers),
        "labels": items.labels,
        "unknown": UNKNOWN,  # the level of those whose level is not known
    }


def _order_columns(segments: Mapping[str, Segment]) -> dict[str, str]:
    """The column of each segmentation that is by an attribute of the orders themselves."""
    columns = {name: segment.column.partition(".") for name, segment in segments.items()}
    return {name: column for name, (table, _, column) in columns.items() if table == "orders"}
