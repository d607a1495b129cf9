"""The context of a report's jobs: client, period and imported data, loaded the same way by each of them."""

from dataclasses import dataclass
from pathlib import Path

from crmnb.core.paths import private_folder
from crmnb.core.period import Period
from crmnb.intake import Intake
from crmnb.run import store
from crmnb.schema.client import Client, load_client


@dataclass(frozen=True)
class ReportContext:
    """The project, client, period (with the days that the data cover) and imported data of one report."""

    project: Path
    client: Client
    period: Period
    intake: Intake

    @property
    def private(self) -> Path:
        """The client's private folder."""
        return self.project / "outputs" / self.client.id / ".private"

    @property
    def report(self) -> Path:
        """The folder of the published report."""
        return self.project / "outputs" / self.client.id / self.period.label

    @property
    def record(self) -> Path:
        """The record of the published report."""
        return store.report_record(self.private, self.period.label)

    @property
    def evaluation(self) -> Path:
        """The folder of the evaluated results."""
        return store.evaluation_folder(self.private, self.period.label)

    def family(self, name: str) -> Path:
        """The folder of a family's executed notebook."""
        return store.family_folder(self.private, self.period.label, name)

    def staging(self, name: str) -> Path:
        """A new folder in which a job prepares its output."""
        folder = self.private / store.STAGING / name
        folder.mkdir(parents=True)
        return folder


def load_context(project: str, client: str, period: str, tables: str) -> ReportContext:
    """The context of a job after the first one; parameters are as they were when the run began.

    tables: the folder of the canonical tables. Raises Interruption if they have been replaced.
    """
    root = Path(project)
    loaded = load_client(client, store.parameters_folder(private_folder(root, client)))
    intake = store.load_intake(Path(tables))
    observed = Period.parse(period, loaded.fiscal_year_starts).observe(intake.data_from, intake.cutoff)
    return ReportContext(root, loaded, observed, intake)
