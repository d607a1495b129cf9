"""The client: a parameters file (YAML), read safely and validated."""

from crmnb.schema.client.load import known_clients, load_client
from crmnb.schema.client.models.alerts import Alerts
from crmnb.schema.client.models.client import Client, Dates, TimeZone
from crmnb.schema.client.models.customers import Churn, Gain, Privacy, Segment, Segments, Worth
from crmnb.schema.client.models.data_quality import DataQuality, Duplicates
from crmnb.schema.client.models.experiments import Experiment, Experiments, Initiative, Initiatives, Outcome
from crmnb.schema.client.models.mapping import (
    ColumnTimes,
    ColumnValue,
    Condition,
    Lines,
    Mapping,
    Refunds,
    Source,
    Split,
)
from crmnb.schema.client.models.service import Service
from crmnb.schema.client.models.surveys import Employees, Feedback, Item, Items, Market, Relationship
from crmnb.schema.client.models.values import INDEX, TEAM_COLUMN

__all__ = [
    "INDEX",
    "TEAM_COLUMN",
    "Alerts",
    "Churn",
    "Client",
    "ColumnTimes",
    "ColumnValue",
    "Condition",
    "DataQuality",
    "Dates",
    "Duplicates",
    "Employees",
    "Experiment",
    "Experiments",
    "Feedback",
    "Gain",
    "Initiative",
    "Initiatives",
    "Item",
    "Items",
    "Lines",
    "Mapping",
    "Market",
    "Outcome",
    "Privacy",
    "Refunds",
    "Relationship",
    "Segment",
    "Segments",
    "Service",
    "Source",
    "Split",
    "TimeZone",
    "Worth",
    "known_clients",
    "load_client",
]
