"""Pooling: one figure over several surveys, at the fixed weights that a client declares: their mix does not move it."""

import numpy as np
import pandas as pd

from crmnb.core.notes import Note

_GROUP = ["metric", "win", "part", "segment", "level"]
METHOD = "weighted sum of the surveys, their intervals' arms squared and added"


def pooled(rows: pd.DataFrame, weights: dict[str, dict[str, float]]) -> pd.DataFrame:
    """The rows of several metrics, and for each group (window, level) the sum of its surveys' figures at their weights, as breakdown "".

    rows: as they may be shown, after small groups are hidden: from what is hidden nothing is made, so that the sum reveals nothing that
    its parts do not. weights: by metric the weight of each survey (breakdown); they need not add up to 1. Where a survey has no
    figure the sum has none. The surveys count as independent samples.
    Source: Zou & Donner 2008, Statistics in Medicine 27:1693 (limits of a sum from those of its terms).
    """
    frames = [rows]
    for metric, shares in weights.items():
        own = rows[rows["metric"] == metric]
        if (own["breakdown"] == "").any():  # a single survey, or none: there is nothing to pool
            continue
        parts = {survey: weight / sum(shares.values()) for survey, weight in shares.items()}
        sums = [_sum(held, parts) for _, held in own.groupby(_GROUP, sort=False)]
        frames.append(_correlated(pd.DataFrame(sums), own, parts))
    return pd.concat(frames, ignore_index=True)


def _sum(group: pd.DataFrame, parts: dict[str, float]) -> dict[str, object]:
    """The row of a group's sum."""
    held, weight = group.set_index("breakdown").reindex(list(parts)), np.array(list(parts.values()))
    first = group.iloc[0]
    row = {name: first[name] for name in _GROUP} | {"breakdown": "", "correlation": 0.0, "reason": "", "method": METHOD}
    if held["value"].isna().any():
        lacking = list(held.index[held["value"].isna()])
        return row | {
            "flags": "unavailable",
            "method": "",
            "reason": Note("pooled_survey_missing", surveys=lacking).to_json(),
        }
    value, low, high = (held[name].to_numpy(float) for name in ("value", "low", "high"))
    middle = float(weight @ value)
    flags = {flag for words in held["flags"] for flag in words.split()}
    return row | {
        "value": middle,
        "low": middle - float(np.sqrt(((weight * (value - low)) ** 2).sum())),
        "high": middle + float(np.sqrt(((weight * (high - value)) ** 2).sum())),
        "n": held["n"].sum(),
        "clusters": held["clusters"].min(),
        "flags": " ".join(sorted(flags)),
    }


def _correlated(sums: pd.DataFrame, own: pd.DataFrame, parts: dict[str, float]) -> pd.DataFrame:
    """The sums with the correlation of each with that of the time before: its surveys' covariances, weighted and added."""
    keys = ["segment", "level"]
    half = own.assign(half=(own["high"] - own["low"]) / 2, weight=own["breakdown"].map(parts))
    current, comparison = (half[half["win"] == win] for win in ("current", "comparison"))
    both = current.merge(comparison[[*keys, "breakdown", "half"]], on=[*keys, "breakdown"], suffixes=("", "_before"))
    shared = both.assign(product=both["weight"] ** 2 * both["correlation"] * both["half"] * both["half_before"])
    width = sums.assign(half=(sums["high"] - sums["low"]) / 2 if "high" in sums else np.nan)
    pairs = (
        width[width["win"] == "current"]
        .reset_index()
        .merge(width[width["win"] == "comparison"][[*keys, "half"]], on=keys, suffixes=("", "_before"))
    )
    total = pairs.merge(shared.groupby(keys)["product"].sum().reset_index(), on=keys).set_index("index")
    area = (total["half"] * total["half_before"]).where(lambda product: product > 0)
    sums.loc[total.index, "correlation"] = (total["product"] / area).clip(-1, 1).fillna(0.0)
    return sums
