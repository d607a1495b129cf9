"""Quality of the simulated client's data: addresses that grow old, records that are checked, customers who are listed twice, and an audit.

All of it has random numbers of its own, so that everything else stays the same. Who is listed twice has a second record under another key, with
the name, the street or the birthday written otherwise.
"""

import numpy as np
import pandas as pd

from crmnb.demo.parameters import YEARS

MOVED = 0.05  # share of customers whose street on the list is no longer the true one
CHECKED, CHECKED_WITHIN = (
    0.7,
    730,
)  # share of records that were ever checked, and the days before the end in which they were, evenly
TWICE = 0.015  # second records per customer on the list
AUDITED = 400  # customers whose street and region somebody compared with the truth
_WITHOUT_BIRTHDAY = 0.1  # share of second records
_OLDEST, _DAYS_OF_BIRTH = np.datetime64("1940-01-01"), 365 * 64
_STEMS = (
    "Mill",
    "Oak",
    "Church",
    "Station",
    "Harbour",
    "Garden",
    "King",
    "Bridge",
    "Castle",
    "Linden",
    "Market",
    "Meadow",
)
_ENDS = ("Street", "Road", "Lane", "Row", "Square", "Hill")
_TOWNS = ("Ashford", "Brinton", "Corwell", "Dunmore", "Elsham", "Farley", "Glenby", "Hexton", "Ilford", "Kelso")
_END = np.datetime64(f"{YEARS[-1] + 1}-01-01")


def with_addresses(customers: pd.DataFrame, seed: int) -> tuple[pd.DataFrame, pd.Series]:
    """The customers with birthday, street and day of the last check as they are listed, and their true streets."""
    random, rows = np.random.default_rng([seed, 15]), len(customers)
    born = _OLDEST + random.integers(0, _DAYS_OF_BIRTH, rows)
    listed, true = _draw_streets(random, rows), _draw_streets(random, rows)
    has_moved = random.random(rows) < MOVED
    checked = _END - random.integers(1, CHECKED_WITHIN + 1, rows)
    checked = np.where(random.random(rows) < CHECKED, checked, np.datetime64("NaT"))
    details = {
        "born": born.astype(str),
        "street": listed,
        "verified_at": pd.to_datetime(checked).astype("datetime64[s]"),
    }
    return customers.assign(**details), pd.Series(np.where(has_moved, true, listed), customers["customer_id"])


def _draw_streets(random: np.random.Generator, rows: int) -> np.ndarray:
    parts = [
        random.integers(1, 200, rows).astype(str),
        *(random.choice(np.array(names, dtype=object), rows) for names in (_STEMS, _ENDS, _TOWNS)),
    ]
    return np.array([f"{number} {stem} {end}, {town}" for number, stem, end, town in zip(*parts, strict=True)], object)


def audit(customers: pd.DataFrame, streets: pd.Series, seed: int) -> pd.DataFrame:
    """The values of a random sample of customers that somebody compared with the truth."""
    random = np.random.default_rng([seed, 16])
    sample = customers.iloc[np.sort(random.choice(len(customers), min(AUDITED, len(customers)), replace=False))]
    true = {"street": streets.loc[sample["customer_id"]].to_numpy(), "region": sample["region"].to_numpy()}
    parts = [
        pd.DataFrame({"table": "customers", "record": sample["customer_id"].to_numpy(), "column": name, "true": values})
        for name, values in true.items()
    ]
    return pd.concat(parts, ignore_index=True)


def second_records(listed: pd.DataFrame, random: np.random.Generator) -> tuple[pd.DataFrame, dict[str, str]]:
    """Second records of some of the customers on an exported list, and by their keys those of the first ones."""
    first = listed.iloc[np.sort(random.choice(len(listed), round(TWICE * len(listed)), replace=False))]
    keys = first["Customer no"] + "x"
    ways = random.integers(0, 3, len(first))
    name = [_WAYS[way](text, random) for way, text in zip(ways, first["Name"], strict=True)]
    street = [
        _mistyped(text, random) if mistyped else text
        for text, mistyped in zip(first["Street"], random.random(len(first)) < 0.3, strict=True)
    ]
    born = first["Born"].where(random.random(len(first)) >= _WITHOUT_BIRTHDAY, None)
    copies = first.assign(
        **{"Customer no": keys, "Name": name, "Street": street, "Born": born, "Checked": None, "E-mail": ""}
    )
    return copies, dict(zip(keys, first["Customer no"], strict=True))


def _swapped(name: str, random: np.random.Generator) -> str:
    """`Brown, Anna` of Anna Brown."""
    first, _, last = name.partition(" ")
    return f"{last}, {first}" if last else name


def _mistyped(text: str, random: np.random.Generator) -> str:
    """The text without one of its letters."""
    at = int(random.integers(1, max(len(text) - 1, 2)))
    return text[:at] + text[at + 1 :]


def _shouted(text: str, random: np.random.Generator) -> str:
    return text.upper()


_WAYS = (_swapped, _mistyped, _shouted)


def true_figures(year: int) -> dict[tuple[str, str], float]:
    """(metric, breakdown) -> the figure of a year without chance."""
    until = np.datetime64(f"{year + 1}-01-01")
    first = max(_END - CHECKED_WITHIN, until - np.timedelta64(365, "D"))
    days = max((until - first).astype(int), 0)
    return {
        ("data_certified", ""): 100 * CHECKED * days / CHECKED_WITHIN / (1 + TWICE),
        ("data_accuracy", ""): 100 * (1 - MOVED / 2),
        ("data_accuracy", "customers: street"): 100 * (1 - MOVED),
        ("data_accuracy", "customers: region"): 100.0,
        ("data_uniqueness", "customers, near duplicates"): 100 / (1 + TWICE),
    }
