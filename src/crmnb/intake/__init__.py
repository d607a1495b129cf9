"""The import of a client's sources into canonical tables and files of rejected rows; no row is lost."""

from crmnb.intake.audit import TableAudit
from crmnb.intake.pipeline import import_data
from crmnb.intake.sources.files import SourceMissing
from crmnb.intake.store import Intake
from crmnb.intake.validation.acceptance import ImportRefused

__all__ = ["ImportRefused", "Intake", "SourceMissing", "TableAudit", "import_data"]
