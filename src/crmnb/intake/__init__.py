"""Intake: a client's sources become canonical tables and a quarantine; read = accepted + quarantined, or it raises."""

from crmnb.intake.files import SourceMissing
from crmnb.intake.judge import Account
from crmnb.intake.kept import Intake
from crmnb.intake.taking import intake

__all__ = ["Account", "Intake", "SourceMissing", "intake"]
