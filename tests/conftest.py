"""Fixtures that several tests share: the corner shop, taken in once."""

from pathlib import Path

import pytest

from crmnb.client import load_client
from crmnb.intake import intake
from crmnb.period import Period
from crmnb.workbook import Workbook, open_on

PROJECT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def corner_shop_intake(tmp_path_factory):
    """The corner shop's client and its canonical tables."""
    client = load_client("corner_shop", PROJECT / "parameters")
    return client, intake(client, tmp_path_factory.mktemp("corner_shop"))


@pytest.fixture(scope="session")
def corner_shop(corner_shop_intake) -> Workbook:
    """The corner shop's workbook of 2025."""
    client, taken = corner_shop_intake
    return open_on(client, Period.parse("2025"), taken)
