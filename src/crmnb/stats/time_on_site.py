"""Time on site: the median of the sessions with a measured time, and how many have none."""

import numpy as np

from crmnb.core.notes import Count, Note
from crmnb.stats import quantiles
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts

MISSING = "without a measured time"


def median(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The median as in `quantiles.median`; groups of the breakdown `MISSING` hold the sessions without a measured time, which are counted."""
    timed = [group for group in groups if group.breakdown != MISSING]
    return Estimates(quantiles.median(timed, context).rows, notes=_notes(groups))


def moves(group: GroupedCounts) -> list[tuple[str, str, np.ndarray, np.ndarray]]:
    """What a session of each duration moves the median by."""
    return [] if group.breakdown == MISSING else quantiles.moves(group)


def _notes(groups: list[GroupedCounts]) -> list[Note]:
    now = {group.breakdown: group.n for group in groups if group.win == "current" and group.is_whole}
    missing, total = now.get(MISSING, 0.0), sum(now.values())
    if not missing:
        return []
    return [Note("sessions_not_measured", sessions=Count(missing), of=Count(total))]
