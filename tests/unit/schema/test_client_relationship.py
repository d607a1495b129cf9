"""The key `relationship` of a parameters file: what it declares, and what is refused in words that help."""

from pathlib import Path

import pytest

from crmnb.core.errors import InputError
from crmnb.schema.client import load_client

SHOP = """
name: Shop
currency: GBP
sources: {a: {file: a.csv}}
tables:
  survey_responses:
    source: a
    columns: {response_id: No, survey: Survey, responded_at: At, q1: Q1, q2: Q2, q3: Q3, q4: Q4, hard: Hard}
items:
  q1: {scale: [1, 10]}
  q2: {scale: [1, 10]}
  q3: {scale: [1, 10]}
  q4: {scale: [1, 10]}
  hard: {scale: [1, 7], direction: effort}
relationship: {index: [q1], drivers: {Service: [q2], Price: [q3]}, outcomes: {Loyalty: [q4]}, paths: []}
"""


def load(folder: Path, text: str = SHOP):
    (folder / "shop.yml").write_text(text, encoding="utf-8")
    return load_client("shop", folder)


def refusal(folder: Path, old: str, new: str) -> str:
    assert old in SHOP
    with pytest.raises(InputError) as caught:
        load(folder, SHOP.replace(old, new))
    return str(caught.value)


def test_without_paths_drivers_lead_to_the_index_and_the_index_to_outcomes(tmp_path):
    relationship = load(tmp_path).relationship
    assert relationship.survey == "relationship"
    assert relationship.scheme == "path"
    assert relationship.all_paths == (("Service", "index"), ("Price", "index"), ("index", "Loyalty"))
    assert relationship.constructs == {"Service": ("q2",), "Price": ("q3",), "index": ("q1",), "Loyalty": ("q4",)}


def test_declared_paths_replace_all_others(tmp_path):
    paths = "paths: [[Service, Price], [Price, index], [index, Loyalty], [Service, Loyalty]]"
    relationship = load(tmp_path, SHOP.replace("paths: []", paths)).relationship
    assert relationship.all_paths == (
        ("Service", "Price"),
        ("Price", "index"),
        ("index", "Loyalty"),
        ("Service", "Loyalty"),
    )


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("index: [q1]", "index: [q9]", "relationship.index: 'q9' is not declared under items. Allowed: hard, q1, q2, q3, q4."),
        ("index: [q1]", "index: []", "relationship.index"),
        ("index: [q1], ", "", "relationship.index: is required"),
        ("Price: [q3]", "Price: []", "relationship.drivers.Price"),
        ("drivers: {Service: [q2], Price: [q3]}", "drivers: {}", "relationship.drivers"),
        (
            "Price: [q3]",
            "Price: [q2]",
            "relationship.drivers.Price: 'q2' is already an item of relationship.drivers.Service. Each item belongs to one construct",
        ),
        (
            "Price: [q3]",
            "Price: [q3, q3]",
            "relationship.drivers.Price: 'q3' is already an item. Each item belongs to one construct, once",
        ),
        (
            "Price: [q3]",
            "Price: [hard]",
            "relationship.drivers.Price: 'hard' has the direction effort. Items of the relationship need `up`",
        ),
        ("Price: [q3]", "index: [q3]", "relationship.drivers.index: this name is reserved. Rename it."),
        ("Price: [q3]", "Relationship index: [q3]", "relationship.drivers.Relationship index: this name is reserved."),
        ("Price: [q3]", '"Service, direct": [q3]', "relationship.drivers.Service, direct: this name is reserved."),
        (
            "Loyalty: [q4]",
            "Price: [q4]",
            "relationship.outcomes.Price: is a driver already",
        ),
        (
            "paths: []",
            "paths: [[Servce, index]]",
            "relationship.paths.0: 'Servce' is neither a driver nor an outcome nor `index`. Did you mean Service?",
        ),
        (
            "paths: []",
            "paths: [[Service, Price], [Price, index], [index, Service], [index, Loyalty]]",
            "relationship.paths: the paths lead in a circle",
        ),
        (
            "paths: []",
            "paths: [[Service, index], [Price, Loyalty], [index, Loyalty]]",
            "relationship.paths: no path leads from the driver 'Price' to `index`. Add one, or remove the driver.",
        ),
        (
            "paths: []",
            "paths: [[Service, index], [Price, index], [Price, Loyalty]]",
            "relationship.paths: no path leads from `index` to the outcome 'Loyalty'. Add one, or remove the outcome.",
        ),
        (
            "paths: []",
            "paths: [[Service, index], [Service, index], [Price, index], [index, Loyalty]]",
            "relationship.paths.1: ['Service', 'index'] is declared twice. Remove one.",
        ),
        ("paths: []", "scheme: equal", "relationship.scheme: 'equal' is not allowed. Allowed: centroid, factorial, path."),
        ("paths: []", "driver: {}", "relationship.driver: 'driver' is not a known key. Did you mean drivers?"),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_refused(tmp_path, old, new, words):
    assert words in refusal(tmp_path, old, new)
