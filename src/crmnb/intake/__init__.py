"""Intake: a client's sources become canonical tables and a quarantine; no row is lost, or it raises."""

from crmnb.intake.account import Account
from crmnb.intake.files import SourceMissing
from crmnb.intake.kept import Intake
from crmnb.intake.refusal import Refused
from crmnb.intake.taking import intake

__all__ = ["Account", "Intake", "Refused", "SourceMissing", "intake"]
