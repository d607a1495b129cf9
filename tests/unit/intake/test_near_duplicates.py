"""Near duplicates are those of plain Python, which compares every pair of a block letter by letter."""

import duckdb
import numpy as np
import pandas as pd
import pytest
from near_duplicates import duplicates_of, jaro_winkler, near_pairs

from crmnb.intake.data_quality.near_duplicates import PAIRS, find_near_duplicates
from crmnb.schema.client import Duplicates

FIRST = ("Ann", "Anne", "José", "Jose", "Bo", "Élise", "Karl-Heinz", "Müller", "Mary Jane")
LAST = ("Smith", "Smyth", "O'Brien", "OBrien", "van Dijk", "Dijk", "Lind", "Lindh", "Li")
TOWN = ("Bath", "Bathe", "York", "New York", None)


@pytest.mark.parametrize(
    ("one", "other", "similarity"),
    [
        ("MARTHA", "MARHTA", 0.961),
        ("DWAYNE", "DUANE", 0.840),
        ("DIXON", "DICKSONX", 0.813),
        ("JONES", "JOHNSON", 0.832),
        ("ABROMS", "ABRAMS", 0.922),
        ("JULIES", "JULIUS", 0.933),
        ("ITMAN", "SMITH", 0.467),
    ],
)
def test_the_second_route_and_the_engine_give_the_published_similarities(one, other, similarity):
    """Winkler's own examples, as Cohen, Ravikumar & Fienberg 2003 and the census bureau's papers list them."""
    assert jaro_winkler(one, other) == pytest.approx(similarity, abs=5e-4)
    ((engine,),) = duckdb.execute("SELECT jaro_winkler_similarity(?, ?)", [one, other]).fetchall()
    assert engine == pytest.approx(similarity, abs=5e-4)


@pytest.mark.parametrize("seed", range(6))
def test_pairs_and_duplicates_are_those_of_plain_python(seed):
    draw = np.random.default_rng(seed)
    rows = [
        {
            "name": f"{_typed(draw.choice(FIRST), draw)} {draw.choice(LAST)}",
            "town": draw.choice(TOWN),
            "phone": _phone(draw),
        }
        for _ in range(150)
    ]
    rows += [
        {**row, "name": " ".join(reversed(row["name"].split(" ")))} for row in rows[:10]
    ]  # the words in another order
    blocks, fields, least = ("town", "phone"), ("name", "town"), 0.9
    con = duckdb.connect()
    con.register("people", pd.DataFrame(rows))
    declared = Duplicates(fields=fields, blocks=tuple((name,) for name in blocks), similarity=least)
    found = find_near_duplicates(con, "SELECT * FROM people", declared)
    pairs = {(one - 1, other - 1) for one, other in con.execute(f"SELECT one, other FROM {PAIRS}").fetchall()}
    expected = near_pairs(rows, fields, blocks, least)
    assert pairs == expected
    assert len(expected) > 20
    assert (found.records, found.duplicates, found.left_out) == (160, duplicates_of(expected), 0)


def _typed(name: str, draw: np.random.Generator) -> str:
    """A name as somebody types it: now and then two letters are swapped, or its case is another."""
    at = draw.integers(len(name) - 1)
    swapped = name[:at] + name[at + 1] + name[at] + name[at + 2 :]
    return str(draw.choice([name, name, name.upper(), swapped]))


def _phone(draw: np.random.Generator) -> str | None:
    return None if draw.random() < 0.2 else f"01 {draw.integers(40)}"
