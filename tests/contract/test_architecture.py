"""The map of the house in docs/architecture.md lists the packages that exist, in the order of their layers."""

import re
from collections import Counter
from pathlib import Path

import pytest
from layers import LAYERS

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
SOURCE = ROOT / "src/crmnb"
PACKAGES = re.findall(r"^\| `(\w+)` \|", TEXT, re.MULTILINE)
PLACES = sorted({place for place in re.findall(r"`((?:\w+/)+\w+)`", TEXT) if not place.startswith("tests/")})


def test_every_package_is_listed_once_and_no_other():
    tree = {path.stem for path in SOURCE.iterdir() if path.suffix == ".py" or (path / "__init__.py").exists()}
    assert sorted(PACKAGES) == sorted(tree - {"__init__"})


def test_packages_are_listed_from_the_ground_up():
    heights = [height for package in PACKAGES for height, layer in enumerate(LAYERS) if package in layer]
    assert heights == sorted(heights)


def test_files_of_tests_have_names_of_their_own():
    """pytest imports them, and what they share, by name alone: of two with the same name it would take the first for both."""
    names = Counter(path.name for path in (ROOT / "tests").rglob("*.py"))
    assert [name for name, count in names.items() if count > 1] == []


@pytest.mark.parametrize("place", PLACES)
def test_every_place_that_it_names_exists(place):
    assert (SOURCE / place).exists() or (SOURCE / f"{place}.py").exists()
