"""Intake: a client's sources become canonical tables and a quarantine; no row is lost, or it raises."""

from crmnb.intake.audit import TableAudit
from crmnb.intake.pipeline import import_data
from crmnb.intake.sources.files import SourceMissing
from crmnb.intake.store import Intake
from crmnb.intake.validation.acceptance import ImportRefused

__all__ = ["ImportRefused", "Intake", "SourceMissing", "TableAudit", "import_data"]
