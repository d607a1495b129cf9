"""The peer of the benchmark `experiments`: the effects by plain pandas, numpy and scipy, segment after segment."""

from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
from scipy import stats

_COLUMNS = ["arm", "segment", "bought", "visits", "spent", "before", "orders", "revenue"]


def run(file: Path) -> pd.DataFrame:
    """The effect on each outcome, of all units and in each segment."""
    units = duckdb.read_parquet(str(file)).select(*_COLUMNS).df()
    rows = _rows("", units)
    for level, own in units.groupby("segment"):
        rows += _rows(level, own)
    return pd.DataFrame(rows)


def _rows(level: str, units: pd.DataFrame) -> list[dict]:
    is_new = (units["arm"] == "new").to_numpy()
    columns = {name: units[name].to_numpy(float) for name in _COLUMNS[2:]}
    values = {name: columns[name] for name in ("bought", "visits", "spent")}
    spent, before = columns["spent"], columns["before"]
    slope = np.cov(spent, before)[0, 1] / before.var(ddof=1)
    values["spent_less_before"] = spent - slope * (before - before.mean())
    sides = {name: (value[is_new], value[~is_new]) for name, value in values.items()}
    ratios = [columns["revenue"][of].sum() / columns["orders"][of].sum() for of in (is_new, ~is_new)]
    sides["order_value"] = tuple(
        ratio + (columns["revenue"][of] - ratio * columns["orders"][of]) / columns["orders"][of].mean()
        for ratio, of in zip(ratios, (is_new, ~is_new), strict=True)
    )
    return [_row(level, name, *of) for name, of in sides.items()]


def _row(level: str, outcome: str, new: np.ndarray, old: np.ndarray) -> dict:
    limits = stats.ttest_ind(new, old, equal_var=False).confidence_interval(0.95)
    sizes = {"value": new.mean() - old.mean(), "low": limits.low, "high": limits.high, "n": len(new) + len(old)}
    return {"level": level, "outcome": outcome} | sizes
