"""Survival from counts: Kaplan-Meier, Aalen-Johansen, their quantiles and intervals, and the log-rank test.

Data are four arrays of one length, in one unit of time: `entry` (when observation began: 0 for whoever was observed from
the start, more for late entry), `duration` (when it ended), `event` (1 ended by the event, 0 censored) and `n` (how many
customers the row stands for). At risk at t is who has entered before t and has not left before it, entry < t <= duration, so that
of an event and a censoring at the same time the event comes first; entry 0 is at risk at 0 too.

Sources. Kaplan & Meier 1958, JASA 53:457. Klein & Moeschberger 2003, Survival Analysis, 2nd ed.: Greenwood's variance (4.2.2),
late entry (4.6), log-rank (7.3.1-7.3.5). Kalbfleisch & Prentice 2002, The Statistical
Analysis of Failure Time Data, 2nd ed., 1.4 (log-log limits). Brookmeyer & Crowley 1982, Biometrics 38:29 (limits of quantiles).
Aalen & Johansen 1978, Scandinavian
Journal of Statistics 5:141; Marubini & Valsecchi 1995, Analysing Survival Data from Clinical Trials, 10.12 (its variance);
Choudhury 2002, Statistics in Medicine 21:1129 (its log-log limits).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import chdtrc, ndtri

# Sums of fractions end a rounding error beside the quantile that they should meet.
ROUNDING = 1e-9
COLUMNS = ["time", "value", "standard_error", "low", "high", "at_risk", "events"]


@dataclass(frozen=True)
class Curve:
    """A step function with its band.

    table: a row per distinct event time: time, value (from that time on), standard_error, low, high, at_risk, events.
    begin: the value before the first step: 1 of a survival curve, 0 of a cumulative incidence.
    start: the time that the curve is conditional on: of those still there at it.
    last: the last time observed; beyond it nothing is known, unless survival has come to 0.
    emptied: the time at which observation begins anew after everybody at risk had gone (or before which nobody was at risk), None
        where there was always somebody. What the curve says beyond it is no estimate; that of `start=emptied` is.
    level: of the band.
    """

    table: pd.DataFrame
    begin: float
    start: float
    last: float
    emptied: float | None
    level: float


def checked(entry, duration, event, n) -> tuple[np.ndarray, ...]:
    """The four arrays as numbers, without the rows that stand for nobody.

    Raises ValueError where they cannot be meant: lengths that differ, counts below 0, times that are missing, negative or
    end before they begin.
    """
    entry, duration, n = (np.asarray(values, float) for values in (entry, duration, n))
    event = np.asarray(event)
    if not entry.shape == duration.shape == event.shape == n.shape or entry.ndim != 1:
        raise ValueError("entry, duration, event and n are to be four arrays of one length")
    if not (np.isfinite(entry) & np.isfinite(duration) & np.isfinite(n)).all():
        raise ValueError("a time or a count is missing")
    if (n < 0).any() or (entry < 0).any() or (duration < 0).any():
        raise ValueError("a time or a count is negative")
    if ((entry > 0) & (duration <= entry)).any():
        raise ValueError("a late entry is not before the end of its observation: such a row is never at risk")
    some = n > 0
    return entry[some], duration[some], event[some], n[some]


def steps(entry, duration, event, n) -> pd.DataFrame:
    """How many were at risk and how many had the event: a row per distinct event time (`time`, `at_risk`, `events`).

    Raises ValueError as `checked` does.
    """
    time, risk, events = _steps(*checked(entry, duration, event, n))
    return pd.DataFrame({"time": time, "at_risk": risk, "events": events})


def _steps(entry, duration, event, n) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    time, events = _tally(duration[event > 0], n[event > 0])
    return time, at_risk(time, entry, duration, n), events


def at_risk(times, entry, duration, n) -> np.ndarray:
    """How many were at risk at each of the times."""
    times = np.asarray(times, float)
    entered, entering = _tally(np.where(np.asarray(entry) > 0, entry, -np.inf), n)
    left, leaving = _tally(np.asarray(duration, float), n)
    return _before(times, entered, entering) - _before(times, left, leaving)


def _tally(values: np.ndarray, n: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The distinct values, ascending, and the sum of the counts of each."""
    place, distinct = pd.factorize(np.asarray(values, float), sort=True)  # by hash, as most values repeat
    return distinct, np.bincount(place, weights=n, minlength=len(distinct))


def _before(times: np.ndarray, values: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """The sum of the counts of all values before each time."""
    return np.concatenate([[0.0], np.cumsum(counts)])[np.searchsorted(values, times, side="left")]


def kaplan_meier(entry, duration, event, n, level: float = 0.95, start: float = 0.0) -> Curve:
    """Survival by Kaplan & Meier, with Greenwood's standard error and Kalbfleisch & Prentice's log-log band.

    start: of those still there at that time alone (late entry leaves few at risk early; see `Curve.emptied`).
    The band is undefined (NaN) while nobody has had the event. Where nobody is left, low is 0 and high that of the step
    before, as survival cannot rise; the standard error is NaN there. Raises ValueError as `checked` does.
    """
    entry, duration, event, n = _later(start, *checked(entry, duration, event, n))
    time, risk, events = _steps(entry, duration, event, n)
    value = np.cumprod(1 - events / risk)
    error = np.where(value > 0, value * np.sqrt(np.cumsum(_greenwood(events, risk))), np.nan)
    low, high = _log_log(value, error, level)
    left = np.count_nonzero(value)
    low[left:], high[left:] = 0.0, high[left - 1] if left else 1.0
    table = pd.DataFrame(dict(zip(COLUMNS, (time, value, error, low, high, risk, events), strict=True)))
    return Curve(table, 1.0, start, _last(duration), _emptied(table, entry, duration, n, start), level)


def _later(start: float, entry, duration, event, n) -> tuple[np.ndarray, ...]:
    """The rows that are observed after `start`."""
    left = duration > start if start > 0 else np.ones(len(duration), bool)
    return entry[left], duration[left], event[left], n[left]


def _greenwood(events: np.ndarray, risk: np.ndarray) -> np.ndarray:
    """The terms d / (n (n - d)); 0 where all go, as nothing that is multiplied by it is left."""
    return np.divide(events, risk * (risk - events), out=np.zeros(len(events)), where=risk > events)


def _log_log(value: np.ndarray, error: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Limits symmetric in log(-log value), within (0, 1); NaN at 0 and 1, where the scale ends."""
    inside = np.where((value > 0) & (value < 1), value, np.nan)
    half = ndtri((1 + level) / 2) * error / np.abs(inside * np.log(inside))
    with np.errstate(over="ignore"):  # a limit that is beyond a float's precision is 0
        return inside ** np.exp(half), inside ** np.exp(-half)


def _last(duration: np.ndarray) -> float:
    return float(duration.max()) if len(duration) else np.nan


def _emptied(table: pd.DataFrame, entry, duration, n, start: float) -> float | None:
    """When observation begins anew for the last time, after everybody at risk had gone; None where that never happens."""
    late = np.unique(entry[entry > start])
    if not len(late):
        return None
    emptying_times = table.time[table.events == table.at_risk].to_numpy()
    ends = np.unique(duration)
    none_left = ends[at_risk(np.nextafter(ends, np.inf), entry, duration, n) == 0]
    candidates = np.concatenate([emptying_times, none_left, [start] if (entry > start).all() else []])
    again = np.searchsorted(late, candidates, side="left")
    again = again[again < len(late)]
    return float(late[again.max()]) if len(again) else None


def observed_ages(entry, duration, event, n, enough: float, fewest: float, bridged: float = 0.0) -> tuple[float, float]:
    """The ages that a curve covers where customers enter late: from when enough are at risk until too few are.

    Ages at which the risk set empties (everybody at risk goes, or is lost from sight before others enter) part observation
    into stretches that share no customer, and no curve goes on from one to the next. In each the curve begins with the
    first entry after which `enough` are at risk (where there never are so many: half of the most there ever are), since
    before it a single loss would decide; it ends with the last age at which `fewest` are. Of several stretches it is
    the one with most events. Where nobody enters late it begins at 0. A time of at most `bridged` in which nobody is at risk, though not
    all went, is no end: dates that are exact to the month leave such between the months' customers.

    Returns the first and the last age (equal where there is nothing to tell). Raises ValueError as `checked` does.
    Source: Klein & Moeschberger 2003, 4.6 (a curve conditional on an age from which on enough are at risk); Lai & Ying
    1991, Annals of Statistics 19:417 (without that restriction the estimate is not consistent in the left tail).
    """
    entry, duration, event, n = checked(entry, duration, event, n)
    if not len(duration):
        return 0.0, 0.0
    ends, entries = np.unique(duration), np.append(np.unique(entry), np.inf)
    emptied = ends[at_risk(np.nextafter(ends, np.inf), entry, duration, n) == 0]
    emptied = emptied[entries[np.searchsorted(entries, emptied)] - emptied > bridged]
    time, risk, events = _steps(entry, duration, event, n)
    breaks = np.union1d(emptied, time[events == risk])
    place = np.searchsorted(breaks, duration, side="left")
    stretches = [[column[place == number] for column in (entry, duration, event, n)] for number in np.unique(place)]
    most = max(_at_risk_after_entry(*rows)[1].max() for rows in stretches)
    candidates = [_trimmed(*rows, min(enough, most / 2), fewest) for rows in stretches]
    return max(candidates, key=lambda ages: ages[2])[:2]


def _at_risk_after_entry(entry, duration, event, n) -> tuple[np.ndarray, np.ndarray]:
    """The distinct entries, and how many are at risk right after each."""
    entries = np.unique(entry)
    just_after = np.where(entries > 0, np.nextafter(entries, np.inf), 0.0)
    return entries, at_risk(just_after, entry, duration, n)


def _trimmed(entry, duration, event, n, enough: float, fewest: float) -> tuple[float, float, float]:
    """The first age of a stretch with enough at risk, the last with at least the fewest, and the events between them."""
    entries, entered = _at_risk_after_entry(entry, duration, event, n)
    start = 0.0 if not entries.any() else float(entries[np.argmax(entered >= enough)])
    if not (entered >= enough).any() and entries.any():
        return start, start, -1.0
    ends = np.unique(duration)
    shown = ends[(at_risk(ends, entry, duration, n) >= fewest) & (ends >= start)]
    last = float(shown.max()) if len(shown) else start
    inside = (event > 0) & (duration <= last) & ((duration > start) | (start == 0))
    return start, last, float(n[inside].sum())


def at(curve: Curve, times) -> pd.DataFrame:
    """The value and its limits at the times (`time`, `value`, `low`, `high`); NaN beyond the last time observed.

    A curve that has come to its end (nobody left) stays there. Before the start nothing is known either.
    """
    times = np.asarray(times, float)
    step = np.searchsorted(curve.table["time"], times, side="right")
    before = {"value": curve.begin, "low": np.nan, "high": np.nan}
    columns = {name: np.concatenate([[first], curve.table[name]])[step] for name, first in before.items()}
    known = (times >= curve.start) & ((times <= curve.last) | (columns["value"] == 1 - curve.begin))
    return pd.DataFrame({"time": times} | {name: np.where(known, values, np.nan) for name, values in columns.items()})


def quantile(curve: Curve, p: float = 0.5) -> tuple[float, float, float]:
    """When a share p of the customers has gone, with Brookmeyer & Crowley's limits; infinite is "not reached".

    p: .5 is the median lifetime, .9 the time by which nine of ten have gone. The value is the first time at which survival is
    at most 1 - p, the limits are those at which the ends of the band are.
    """
    return tuple(
        _first(curve.table["time"], curve.table[name] <= 1 - p + ROUNDING) for name in ("value", "low", "high")
    )


def _first(times: pd.Series, true: pd.Series) -> float:
    return float(times[true].iloc[0]) if true.any() else np.inf


def logrank(groups: Sequence[tuple]) -> tuple[float, int, float]:
    """The log-rank test that groups, each (entry, duration, event, n), have one survival curve: chi-square, df, p-value.

    Klein & Moeschberger (7.3.3-7.3.5), late entry allowed. NaN (and df 0) where no event finds two groups at risk.
    """
    tables = [steps(*group) for group in groups]
    time = np.unique(np.concatenate([table.time for table in tables]))
    risk = np.array([at_risk(time, group[0], group[1], group[3]) for group in groups])
    events = np.array([table.set_index("time").events.reindex(time, fill_value=0.0) for table in tables])
    all_risk, all_events = risk.sum(axis=0), events.sum(axis=0)
    share = risk / all_risk
    excess = (events - share * all_events).sum(axis=1)
    scale = all_events * (all_risk - all_events) / np.maximum(all_risk - 1, 1)
    variance = np.diag((share * scale).sum(axis=1)) - (share * scale) @ share.T
    seen = np.flatnonzero(variance.diagonal() > ROUNDING * scale.sum())[
        1:
    ]  # the groups sum to nothing: one says no more
    if not len(seen):
        return np.nan, 0, np.nan
    solved, _, df, _ = np.linalg.lstsq(variance[np.ix_(seen, seen)], excess[seen], rcond=1e-10)
    chi2 = float(excess[seen] @ solved)
    return chi2, int(df), float(chdtrc(df, chi2))


def cumulative_incidence(entry, duration, cause, n, of: int = 1, level: float = 0.95) -> Curve:
    """The share that has left by one of several causes, by Aalen & Johansen: the others compete, they do not censor.

    cause: 0 censored, else the cause; of: the cause whose incidence it is. A row per time at which any cause struck; `events` are
    those of the cause asked for. The standard error is of the delta method (Marubini & Valsecchi 1995, 10.12), which is Greenwood's
    where nothing competes and the binomial one where nothing is censored; limits by Choudhury 2002, NaN while the incidence is 0.
    Raises ValueError as `checked` does.
    """
    entry, duration, cause, n = checked(entry, duration, cause, n)
    time, risk, went = _steps(entry, duration, cause != 0, n)
    struck, count = _tally(duration[cause == of], n[cause == of])
    events = np.zeros(len(time))
    events[np.searchsorted(time, struck)] = count
    before = np.concatenate([[1.0], np.cumprod(1 - went / risk)])[:-1]
    value = np.cumsum(before * events / risk)
    error = np.sqrt(_incidence_variance(value, before, went, events, risk))
    table = pd.DataFrame(
        dict(zip(COLUMNS, (time, value, error, *_log_log(value, error, level), risk, events), strict=True))
    )
    return Curve(table, 0.0, 0.0, _last(duration), _emptied(table.assign(events=went), entry, duration, n, 0.0), level)


def _incidence_variance(value, before, went, events, risk) -> np.ndarray:
    """Of the Aalen-Johansen estimate, at each time.

    The sums over the times s until t of (F(t) - F(s))^2 a(s) + b(s) - 2 (F(t) - F(s)) c(s), multiplied out to be running sums.
    """
    a = _greenwood(went, risk)
    b = before**2 * events * (risk - events) / risk**3
    c = before * events / risk**2
    squares = value**2 * np.cumsum(a) - 2 * value * np.cumsum(value * a) + np.cumsum(value**2 * a)
    variance = squares + np.cumsum(b) - 2 * (value * np.cumsum(c) - np.cumsum(value * c))
    return np.maximum(variance, 0.0)  # where it is 0, rounding would leave a trace on either side of it
