"""What a check found."""

from dataclasses import dataclass, field
from pathlib import Path

from crmnb.core.period import Period
from crmnb.evaluate.availability import Availability
from crmnb.intake import Intake
from crmnb.report.data_check.drift import Drift
from crmnb.schema.client import Client


@dataclass(frozen=True)
class Checked:
    """What a check found. `chosen` says how the period was; `page` and `quarantine` are where the pages lie.

    `many_levels`: the number of levels of segmentations that have more levels than reports show.
    """

    client: Client
    intake: Intake
    period: Period
    chosen: str
    metrics: tuple[Availability, ...]
    drift: tuple[Drift, ...]
    page: Path
    quarantine: Path
    many_levels: dict[str, int] = field(default_factory=dict)
