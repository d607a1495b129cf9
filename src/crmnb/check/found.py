"""What a check found."""

from dataclasses import dataclass
from pathlib import Path

from crmnb.check.drift import Drift
from crmnb.check.metrics import Availability
from crmnb.client import Client
from crmnb.intake import Intake
from crmnb.period import Period


@dataclass(frozen=True)
class Checked:
    """What a check found. `chosen` says how the period was; `page` and `quarantine` are where the pages lie."""

    client: Client
    taken: Intake
    period: Period
    chosen: str
    metrics: tuple[Availability, ...]
    drift: tuple[Drift, ...]
    page: Path
    quarantine: Path
