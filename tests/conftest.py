"""What several tests share: the corner shop taken in once, and run once; a project of one's own."""

import os
import shutil
from pathlib import Path

import pytest

from crmnb.cli import main
from crmnb.client import load_client
from crmnb.intake import intake
from crmnb.period import Period
from crmnb.workbook import Workbook, open_on

PROJECT = Path(__file__).parents[1]


def project(folder: Path) -> Path:
    """A project of its own, with the corner shop."""
    for name in ("notebooks", "parameters"):
        shutil.copytree(PROJECT / name, folder / name, ignore=shutil.ignore_patterns("demo"))  # its files are made
    return folder


def crmnb(folder: Path, *arguments: str) -> int:
    """The command's exit code, called in a folder."""
    before = Path.cwd()
    os.chdir(folder)
    try:
        return main(list(arguments))
    finally:
        os.chdir(before)


@pytest.fixture(scope="session")
def made(tmp_path_factory) -> Path:
    """The corner shop's project after a run of 2025."""
    folder = project(tmp_path_factory.mktemp("made"))
    assert crmnb(folder, "run", "corner_shop", "--period", "2025") == 0
    return folder


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
