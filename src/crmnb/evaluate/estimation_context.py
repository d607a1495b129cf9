"""What estimators know of a client: its declarations as plain numbers and names, which is all that `crmnb.stats` knows."""

from collections.abc import Mapping
from typing import Any

from crmnb.core.period import Period
from crmnb.metrics.declarations import DECLARATIONS
from crmnb.schema.client import TEAM_COLUMN, Client, Privacy, Segment
from crmnb.schema.tables import OTHER, UNKNOWN
from crmnb.stats.estimation import EstimationContext


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
        "unknown_levels": (UNKNOWN,),
    }
    for name, value in settings.items():
        declaration = DECLARATIONS.get(type(value))
        if declaration and declaration.for_statistics:
            plain |= declaration.for_statistics(value, client)
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


def _order_columns(segments: Mapping[str, Segment]) -> dict[str, str]:
    """The column of each segmentation that is by an attribute of the orders themselves."""
    columns = {name: segment.column.partition(".") for name, segment in segments.items()}
    return {name: column for name, (table, _, column) in columns.items() if table == "orders"}
