"""Answers that follow a path model with known truth, for tests of PLS."""

import numpy as np
import pandas as pd

BLOCKS = {
    "price": ["p1", "p2"],
    "service": ["s1", "s2", "s3"],
    "index": ["i1", "i2", "i3"],
    "loyalty": ["l1"],
}
PATHS = [("price", "service"), ("price", "index"), ("service", "index"), ("index", "loyalty"), ("price", "loyalty")]


def answers(seed: int, n: int = 200, noise: float = 0.8) -> pd.DataFrame:
    """Answers of so many respondents; items have means and units of their own."""
    draw = np.random.default_rng(seed)
    price = draw.normal(size=n)
    service = 0.5 * price + draw.normal(size=n)
    index = 0.3 * price + 0.6 * service + draw.normal(size=n)
    latent = {"price": price, "service": service, "index": index, "loyalty": 0.7 * index + draw.normal(size=n)}
    columns = {item: latent[c] + noise * draw.normal(size=n) for c, items in BLOCKS.items() for item in items}
    frame = pd.DataFrame(columns)
    return 5 + frame * np.arange(1, len(frame.columns) + 1)
