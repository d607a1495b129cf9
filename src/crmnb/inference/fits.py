"""Fits: models of customers' worth, fitted to a group's counts of alike histories (`crmnb.histories`)."""

import numpy as np
import pandas as pd

from crmnb.models.buying import fit_buying
from crmnb.models.contract import fit_contract
from crmnb.models.likelihood import CannotFit, Fit
from crmnb.models.spending import fit_spending

DAYS_A_YEAR = 365.25
WEEKS_A_MONTH = DAYS_A_YEAR / 12 / 7


def histories(counts: pd.DataFrame) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """x, and t_x and T in weeks, of counts that have them in days."""
    return counts["x"].to_numpy(float), counts["t_x"].to_numpy(float) / 7, counts["T"].to_numpy(float) / 7


def of_purchases(counts: pd.DataFrame) -> Fit:
    """BG/NBD, whose time is weeks. Raises CannotFit."""
    return fit_buying(*histories(counts), counts["n"].to_numpy(float))


def with_margin(counts: pd.DataFrame) -> pd.DataFrame:
    """Those who bought again, and with any margin, which is what Gamma-Gamma speaks of."""
    return counts[(counts["x"] > 0) & (counts["spend"] > 0)]


def of_margins(counts: pd.DataFrame) -> Fit:
    """Gamma-Gamma, of the mean margin of repeat purchases. Raises CannotFit."""
    told = with_margin(counts)
    x = told["x"].to_numpy(float)
    return fit_spending(x, told["spend"].to_numpy(float) / x, told["n"].to_numpy(float))


def of_renewals(counts: pd.DataFrame, months: int) -> Fit:
    """The shifted beta-geometric, of contracts that renew every so many months. Raises CannotFit.

    counts: `entry`, `last` and `lost` in months. A renewal counts where it was seen from beginning to end, or until the loss.
    """
    first, last_month, n = (counts[name].to_numpy(float) for name in ("entry", "last", "n"))
    entry = np.ceil((first - 1) / months) + 1
    gone = np.ceil(last_month / months)
    lost = (counts["lost"].to_numpy() == 1) & (gone >= entry)
    last = np.where(lost, gone, last_month // months)
    known = last >= entry
    if not known.any():
        raise CannotFit("no renewal was seen from beginning to end")
    entry, last, lost, n = (each[known] for each in (entry.astype(int), last.astype(int), lost, n))
    size = last.max() + 2
    at_risk = np.cumsum(np.bincount(entry, n, size) - np.bincount(last + 1, n, size))
    age = np.flatnonzero(at_risk > 0.5)
    return fit_contract(age, at_risk[age], np.bincount(last[lost], n[lost], size)[age])
