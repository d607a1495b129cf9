"""The client: a parameters file (YAML), read safely and validated."""

from crmnb.schema.client.load import known_clients, load_client
from crmnb.schema.client.models import (
    INDEX,
    Churn,
    Client,
    Dates,
    Feedback,
    Gain,
    Item,
    Items,
    Lines,
    Mapping,
    Privacy,
    Relationship,
    Segment,
    Segments,
    Source,
    Worth,
)

__all__ = [
    "INDEX",
    "Churn",
    "Client",
    "Dates",
    "Feedback",
    "Gain",
    "Item",
    "Items",
    "Lines",
    "Mapping",
    "Privacy",
    "Relationship",
    "Segment",
    "Segments",
    "Source",
    "Worth",
    "known_clients",
    "load_client",
]
