"""The results frame: its columns, and the signals in it that survive false-discovery control."""

from collections import namedtuple
from collections.abc import Iterable

import numpy as np
import pandas as pd

from crmnb.core.notes import DIGITS
from crmnb.stats.multiple_tests import are_discoveries

# One row per metric x breakdown x window x segment level. Figures that are not known are NaN, texts are "" where they
# do not apply; `reason` is a note as JSON (`crmnb.core.notes`); a % is 0-100, and a change of it is in points.
COLUMNS: dict[str, str] = {
    **dict.fromkeys(("client", "family", "metric", "breakdown", "period", "part", "segment", "level"), "str"),
    **dict.fromkeys(("value", "low", "high", "n", "clusters", "numerator", "denominator"), "float64"),
    **dict.fromkeys(("unit", "method", "flags", "reason"), "str"),
    **dict.fromkeys(("target", "previous", "change", "change_low", "change_high", "p_value"), "float64"),
    "signal": "str",
}
Row = namedtuple("Row", COLUMNS)
FIGURES = ("value", "low", "high", "n", "clusters", "numerator", "denominator")
CHANGES = ("previous", "change", "change_low", "change_high", "p_value")
# The fewer digits, the more rarely two sums that differ in their last ones stand on two sides of a rounding.
_DIGITS = dict.fromkeys(("low", "high", "change_low", "change_high", "p_value"), 10)
FALSE_DISCOVERIES = 0.05  # share of the signals that may be false, on average


def with_signals(frame: pd.DataFrame, direction: dict[str, str]) -> pd.DataFrame:
    """The frame with `signal`: "better", "worse" or "changed" where a change stands out beyond chance, else "".

    frame: all results of a report, as its first page lists the signals of all families together. direction: metric -> "up",
    "down" or "-".
    Benjamini & Hochberg 1995, JRSS-B 57:289.
    """
    frame = frame.assign(signal="")
    tested = frame["p_value"].notna()
    if not tested.any():
        return frame
    is_signal = are_discoveries(frame.loc[tested, "p_value"], FALSE_DISCOVERIES)
    stands_out = frame.index[tested][is_signal]
    for at in stands_out:
        wanted = direction[frame.at[at, "metric"]]
        rose = frame.at[at, "change"] > 0
        frame.at[at, "signal"] = "changed" if wanted == "-" else "better" if rose == (wanted == "up") else "worse"
    return frame


def tuples(frame: pd.DataFrame) -> list[Row]:
    """The rows of a results frame as tuples with named fields.

    pandas' own `itertuples` makes a class for each call, which takes longer than all else where frames are small.
    """
    return [Row(*values) for values in zip(*(frame[name].tolist() for name in COLUMNS), strict=True)]


def rounded(frame: pd.DataFrame, columns: Iterable[str] = (*FIGURES, *CHANGES)) -> pd.DataFrame:
    """A frame whose figures have so many digits as are the same however many threads computed them: amounts of money as of notes, limits fewer."""
    names = [*columns]
    figures, digits = frame[names].to_numpy(float), np.array([_DIGITS.get(name, DIGITS) for name in names])
    with np.errstate(divide="ignore"):
        power = np.floor(np.log10(np.abs(figures)))
    places = np.where(np.isfinite(power), digits - 1 - power, 0.0).clip(-300, 300)
    # Whole powers of ten to either side, as a fraction of one is not exact.
    up, down = 10.0 ** places.clip(0), 10.0 ** (-places).clip(0)
    return frame.assign(**dict(zip(names, (np.round(figures * up / down) / up * down).T, strict=True)))
