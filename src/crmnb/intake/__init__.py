"""Intake: a client's sources become canonical tables and a quarantine; no row is lost, or it raises."""

from crmnb.intake.audit import Account
from crmnb.intake.pipeline import intake
from crmnb.intake.sources.files import SourceMissing
from crmnb.intake.store import Intake
from crmnb.intake.validation.acceptance import Refused

__all__ = ["Account", "Intake", "Refused", "SourceMissing", "intake"]
