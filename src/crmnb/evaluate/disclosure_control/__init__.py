"""Disclosure control: small groups are marked or suppressed, once per report over all that it publishes.

The gate sees the figures of every metric before changes are worked out or pages made. What it knows of an attacker is what `relations` lists:
levels, parts, cohorts and breakdowns add up; one quantity may stand under several names; segmentations may lie inside one another.
It does not know other reports: those of several periods can be set off against each other.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from crmnb.core.notes import Note
from crmnb.evaluate.disclosure_control.overlaps import Seam
from crmnb.evaluate.disclosure_control.plan import Plan
from crmnb.evaluate.disclosure_control.quantities import AT, located, quantities_of
from crmnb.evaluate.disclosure_control.relations import relations_of
from crmnb.evaluate.disclosure_control.remainders import Counted, remainders
from crmnb.evaluate.results_frame import FIGURES
from crmnb.schema.client import Privacy


def protect(
    frame: pd.DataFrame,
    privacy: Privacy,
    counted: dict[str, Counted] | None = None,
    seams: Iterable[Seam] = (),
) -> pd.DataFrame:
    """The rows of metrics with small groups dealt with; metrics that demand more privacy than the client are dealt with by themselves.

    Two metrics of one threshold may count the same people, of two thresholds they do not: employees are nobody's customers.

    frame: columns `metric`, `win`, `breakdown`, `segment`, `level`, `part`, `flags`, `reason` and the figures; `at_win`, `at_segment`,
    `at_level` where the figures are of another group than the row stands for. counted: by metric, what it is that it counts. seams: see
    `crmnb.evaluate.disclosure_control.overlaps`.
    Fewer than `min_base` customers (units, where no customer is known): flag `low_base`. Fewer than `suppress_below`:
    all figures are removed, flag `suppressed`. Where what is removed would follow from what is shown, further rows go too, the
    smallest first, until at least `suppress_below` people are hidden together. Parts are balanced inside their quarter first, so
    that a yearly and a quarterly report hide the same months wherever a quarter can do so by itself. Levels with the flag `below_rest`, the weakest
    segments, go after all others.
    """
    own = {metric: count.privacy for metric, count in (counted or {}).items() if count.privacy}
    fewest = frame["metric"].map({metric: demanded.suppress_below for metric, demanded in own.items()})
    fewest = fewest.fillna(privacy.suppress_below)
    if fewest.nunique() < 2:
        privacy = own.get(frame["metric"].iloc[0], privacy) if len(frame) else privacy
        return _protected(frame, privacy, counted or {}, tuple(seams))
    of_threshold = [part for _, part in frame.groupby(fewest)]
    parts = [_protected(part, own.get(part["metric"].iloc[0], privacy), counted, tuple(seams)) for part in of_threshold]
    return pd.concat(parts).loc[frame.index]


def _protected(
    frame: pd.DataFrame, privacy: Privacy, counted: dict[str, Counted], seams: tuple[Seam, ...]
) -> pd.DataFrame:
    """The rows of metrics of one threshold, with small groups dealt with."""
    base = _base(frame)
    is_small = (base > 0) & (base < privacy.suppress_below)
    hidden = _hidden(frame, base, privacy.suppress_below, counted, seams)
    frame = _flag(frame, (base > 0) & ~hidden & (base < privacy.min_base), "low_base")
    frame = _flag(frame, hidden, "suppressed")
    frame.loc[hidden & is_small, "reason"] = Note("small_group", fewest=privacy.suppress_below).to_json()
    frame.loc[hidden & ~is_small, "reason"] = Note("hidden_with_small_group", fewest=privacy.suppress_below).to_json()
    frame.loc[hidden, list(FIGURES)] = float("nan")
    return frame.drop(columns=[name for name in AT if name in frame])


def _base(frame: pd.DataFrame) -> np.ndarray:
    """How many customers stand behind each row at least (units, where no customer is known); 0 where nobody knows."""
    return frame[["n", "clusters"]].astype(float).where(lambda held: held > 0).min(axis=1).fillna(0).to_numpy()


def _hidden(
    frame: pd.DataFrame, base: np.ndarray, at_least: int, counted: dict[str, Counted], seams: tuple[Seam, ...]
) -> np.ndarray:
    """Which rows are hidden."""
    cells = located(frame)
    figures = frame.reset_index(drop=True)
    beyond = remainders(figures, cells, counted, seams, at_least)
    figures = pd.concat([figures, beyond.figures], ignore_index=True)
    cells = pd.concat([cells, beyond.cells], ignore_index=True)
    people = np.concatenate([base, beyond.people])
    is_small = (people > 0) & (people < at_least)
    if not is_small.any():
        return is_small[: len(frame)]
    quantities = quantities_of(figures, cells, people, {metric: count.reads for metric, count in counted.items()})
    relations = relations_of(quantities, _parts(frame, cells), seams, (*beyond.sums, *_totals(cells)))
    is_real = np.arange(len(people)) < len(frame)
    groups = list(zip(cells["win"], cells["segment"], cells["level"], strict=True))
    weakest = frame[frame["flags"].str.contains("below_rest")]
    sought = set(zip(weakest["segment"], weakest["level"], strict=True))
    plan = Plan(quantities, relations, people, is_real, groups, at_least, sought)
    plan.protect(is_small)
    return plan.hidden[: len(frame)]


def _parts(frame: pd.DataFrame, cells: pd.DataFrame) -> set[str]:
    """The windows that are parts of the period: those of rows with a part, and the months of cohorts."""
    moved = cells["win"].iloc[: len(frame)].to_numpy() != frame["win"].to_numpy()
    named = set(frame.loc[frame["part"] != "", "win"])
    months = set(cells["win"].iloc[: len(frame)][moved])
    return named | {win for win in months if " " not in win and win not in set(frame["win"])}


def _totals(cells: pd.DataFrame) -> list[tuple[tuple[str, str], ...]]:
    """Of metrics with a nameless breakdown and named ones, that these may add up to it."""
    named: dict[str, list[str]] = {}
    for metric, breakdown in cells[["metric", "breakdown"]].drop_duplicates().itertuples(index=False):
        named.setdefault(metric, []).append(breakdown)
    return [
        ((metric, ""), *((metric, breakdown) for breakdown in breakdowns if breakdown))
        for metric, breakdowns in named.items()
        if "" in breakdowns and len(breakdowns) > 1
    ]


def _flag(frame: pd.DataFrame, where: np.ndarray, flag: str) -> pd.DataFrame:
    frame = frame.copy()
    frame.loc[where, "flags"] = (frame.loc[where, "flags"] + " " + flag).str.strip()
    return frame
