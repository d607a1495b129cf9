"""Rows of groups of chosen sizes, for the tests of disclosure control."""

from collections.abc import Iterable

import pandas as pd

ROW = {
    "metric": "m",
    "win": "current",
    "breakdown": "",
    "segment": "",
    "level": "",
    "part": "",
    "flags": "",
    "reason": "",
    "method": "t",
}


def rows(*groups: dict) -> pd.DataFrame:
    """Rows of groups, each told by its `n` and keys; the figures are made up."""
    made = []
    for group in groups:
        n = float(group["n"])
        figures = {"value": 50.0, "low": 40.0, "high": 60.0, "clusters": n, "numerator": n / 2, "denominator": n}
        made.append(ROW | figures | group | {"n": n})
    return pd.DataFrame(made)


def levels(**sizes: int) -> list[dict]:
    return [{"segment": "region", "level": level, "n": n} for level, n in sizes.items()]


def months(sizes: Iterable[int], first: int = 1) -> list[dict]:
    labels = [f"2025-{month:02}" for month, _ in enumerate(sizes, first)]
    return [{"win": label, "part": label, "n": n} for label, n in zip(labels, sizes, strict=True)]
