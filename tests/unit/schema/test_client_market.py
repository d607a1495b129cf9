"""The key `market` of a parameters file: each fault is named with its key and what would be right."""

from pathlib import Path

import pytest

from crmnb.schema.client import Client
from crmnb.schema.client.validation import find_problems

ITEMS = {"quality": {"scale": [1, 5]}, "trust": {"scale": [1, 5]}, "effort": {"scale": [1, 7], "direction": "effort"}}


def problems(**market) -> list[str]:
    named = {"id": "alma", "folder": Path(), "name": "Alma", "currency": "EUR", "sources": {}, "tables": {}}
    return find_problems(Client(**named, items=ITEMS, market={"own_brand": "Alma"} | market))


@pytest.mark.parametrize(
    ("market", "message"),
    [
        ({"rest": ["others", "Alma"]}, "market.rest: 'Alma' is the own brand"),
        (
            {"pillars": {"Quality": ["qualty"]}},
            "market.pillars.Quality: 'qualty' is not declared under items. Did you mean quality?",
        ),
        (
            {"pillars": {"Quality": ["quality"], "Trust": ["trust", "quality"]}},
            "market.pillars.Trust: 'quality' is in the pillar Quality already",
        ),
        ({"pillars": {"Ease": ["effort"]}}, "market.pillars.Ease: 'effort' has the direction effort"),
    ],
)
def test_a_fault_is_named_with_its_key(market, message):
    (problem,) = problems(**market)
    assert problem.startswith(message)


def test_what_is_right_has_no_fault():
    assert problems(rest=["others"], pillars={"Quality": ["quality"], "Trust": ["trust"]}) == []
