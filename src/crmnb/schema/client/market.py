"""Checks of the key `market` of a parameters file: the own brand is no rest, and pillars consist of declared items that point up."""

from collections.abc import Iterator

from crmnb.core.errors import nearest
from crmnb.schema.client.models.client import Client
from crmnb.schema.client.models.surveys import Market


def find_market_problems(market: Market, client: Client) -> Iterator[str]:
    """All faults of the key `market`. Each message begins with the key."""
    if market.own_brand in market.rest:
        yield f"market.rest: {market.own_brand!r} is the own brand. Name only what stands for several small competitors."
    pillar_of: dict[str, str] = {}
    for pillar, items in market.pillars.items():
        for item in items:
            key = f"market.pillars.{pillar}"
            if item in pillar_of:
                yield f"{key}: {item!r} is in the pillar {pillar_of[item]} already. An item belongs to one pillar."
            elif item not in client.items:
                yield f"{key}: {item!r} is not declared under items.{nearest(item, client.items)}"
            elif (direction := client.items[item].direction) != "up":
                yield f"{key}: {item!r} has the direction {direction}. A pillar needs `up`, where a higher answer is better."
            pillar_of.setdefault(item, pillar)
