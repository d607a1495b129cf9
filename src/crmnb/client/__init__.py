"""Client: a parameters file (YAML), read safely and checked."""

from crmnb.client.models import (
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
from crmnb.client.parameters import known_clients, load_client

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
