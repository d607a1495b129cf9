"""The client: a parameters file (YAML), read safely and validated."""

from crmnb.schema.client.load import known_clients, load_client
from crmnb.schema.client.models import (
    Churn,
    Client,
    Dates,
    Gain,
    Item,
    Lines,
    Mapping,
    Privacy,
    Segment,
    Segments,
    Source,
    Worth,
)

__all__ = [
    "Churn",
    "Client",
    "Dates",
    "Gain",
    "Item",
    "Lines",
    "Mapping",
    "Privacy",
    "Segment",
    "Segments",
    "Source",
    "Worth",
    "known_clients",
    "load_client",
]
