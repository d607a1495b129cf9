"""Faults of the key `initiatives`: each message names the key, what is wrong, and what is near."""

from datetime import date
from pathlib import Path

import pytest

from crmnb.schema.client import Client, Initiative, load_client
from crmnb.schema.client.initiatives import find_initiative_problems

SHOP = load_client("corner_shop", Path(__file__).parents[3] / "parameters")


def problems(**facts) -> list[str]:
    given = {"metric": "csat", "by": "region", "starts": {"North": date(2025, 3, 1)}} | facts
    return list(find_initiative_problems("initiatives.desk", Initiative(**given), SHOP))


def test_a_segmentation_and_a_mapped_column_are_right():
    assert isinstance(SHOP, Client)
    assert problems() == []
    assert problems(by="customers.region") == []


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        ({"by": "regoin"}, "initiatives.desk.by: 'regoin' is not declared under segments. Did you mean region?"),
        ({"by": "tenure"}, "initiatives.desk.by: the levels of tenure change with time"),
        ({"by": "custmers.region"}, "initiatives.desk.by: 'custmers' is not mapped under tables."),
        ({"by": "customers.regoin"}, "initiatives.desk.by: 'regoin' is not mapped under tables.customers.columns."),
        ({"by": "customers.name"}, "initiatives.desk.by: customers.name is declared personal"),
        ({"champions": {"Nort": "Asha"}}, "initiatives.desk.champions.Nort: this unit does not start."),
        ({"starts": {"North": date(2023, 10, 1)}}, "initiatives.desk.starts.North: 2023-10-01 is not after data_from"),
    ],
)
def test_each_fault_is_said_with_its_key(facts, words):
    (message,) = problems(**facts)
    assert message.startswith(words), message
