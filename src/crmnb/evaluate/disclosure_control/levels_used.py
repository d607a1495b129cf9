"""Levels used: a figure that is made of levels of another metric is withheld where one of these is hidden.

A slope over teams, and all teams but one, give that one away. What is hidden is known only after the disclosure control of all rows.
"""

from typing import Any

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.evaluate.results_frame import CHANGES, FIGURES
from crmnb.schema.client import Privacy


def rests_on_hidden(points: list[dict[str, Any]], inputs: list[pd.DataFrame]) -> bool:
    """Whether a level that has a point is hidden in one of the metrics that the figure is made of.

    points: as an estimator gave them. inputs: these metrics' rows of results.
    """
    used = {(point["segment"], point["level"]) for point in points if point["segment"]}
    hidden = set()
    for rows in inputs:
        own = rows[rows["flags"].str.contains("suppressed") & (rows["part"] == "") & (rows["segment"] != "")]
        hidden |= set(zip(own["segment"], own["level"], strict=True))
    return bool(used & hidden)


def withheld(rows: pd.DataFrame, privacy: Privacy) -> pd.DataFrame:
    """A metric's rows without any figure, and with the reason."""
    reason = Note("hidden_with_small_group", fewest=privacy.suppress_below).to_json()
    return rows.assign(**dict.fromkeys((*FIGURES, *CHANGES), np.nan), flags="suppressed", reason=reason)
