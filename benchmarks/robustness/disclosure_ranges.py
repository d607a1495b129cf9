"""What the ranges of a report's figures leave: a hidden figure is recovered where all that it can be is one count, or one printed value.

A figure that is printed as `81.7 %` may lie between 81.65 and 81.75. Each such range, each hidden number that must be whole or cannot be
below zero, and each reason (`fewer than 10`) narrows what the hidden ones can be: integer programming finds how far each can go.
"""

from collections.abc import Iterable

import numpy as np
import pandas as pd
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from benchmarks.robustness.disclosure_pages import Printed
from benchmarks.robustness.disclosure_solver import FIGURES, KEY, SIZES, Report, Variable
from crmnb.core.notes import from_json

_MONEY = 0.5  # an amount that is known to so much is known as it is printed
_DIGITS = 0.005  # and any other number, as a share of itself
_SECONDS = 5.0  # of one programme; what is not decided by then is taken for open
_OFF = 1e-6
_LEAST = 0.5  # people, who are a group
Row = tuple[str, str, str, str, str]


class Ranges:
    """A report, and ranges of its figures that pages print."""

    def __init__(
        self, report: Report, shown: pd.DataFrame, printed: Iterable[Printed], points: pd.DataFrame | None = None
    ):
        """shown: the rows of the results file. points: of all curves, none hidden: metric, breakdown, segment, level, x, n."""
        self.report, self.below = report, report.below
        self.truth = {tuple(row[name] for name in KEY): row for row in report.truth.to_dict("records")}
        self.shown = {tuple(row[name] for name in KEY): row for row in shown.to_dict("records")}
        self.reasons = {
            tuple(row[name] for name in KEY): _code(row.get("reason") or "") for row in shown.to_dict("records")
        }
        self.printed = list(printed)
        self.true, self.base = dict(report.true), dict(report.base)
        self.at_risk = self._at_risk(points) if points is not None else {}
        self.scale = self._scales()
        self.misread = [each for each in self.printed if each.at is None and not self._is_right(each)]

    def recovered(self) -> list[str]:
        """What follows: figures of small groups printed outright, and those that all ranges together leave one value."""
        return [*self._outright(), *self._at_risk_recovered(), *self._narrowed()]

    def _is_right(self, each: Printed) -> bool:
        """Whether a figure is that of the results file, or where that has none the true one: some rows leave few units out to protect them."""
        held = [row[each.figure] for row in (self.shown.get(each.row), self.truth.get(each.row)) if row]
        value = next((float(one) for one in held if np.isfinite(one)), np.nan)
        off = _OFF * max(1.0, abs(value))
        return np.isnan(value) or each.low - off <= value <= each.high + off

    def _outright(self) -> list[str]:
        """Figures printed of a group that is too small."""
        found = []
        for each in self.printed:
            if each.at is not None or each.row not in self.truth or each in self.misread:
                continue
            base = max(self.base[_variable(each.row, figure)] for figure in FIGURES)
            value = self.truth[each.row][each.figure]
            if 0 < base < self.below and np.isfinite(value) and np.isfinite(each.low + each.high):
                found.append(f"printed: {each.figure} of {' '.join(filter(None, each.row))} ({each.where})")
        return found + sorted({self._drawn(each) for each in self.printed if each.at is not None} - {""})

    def _drawn(self, each: Printed) -> str:
        """What to say of a point of a curve that belongs to a level too small for one; else ""."""
        metric, _, _, segment, level = each.row
        rows = [key for key in self.truth if (key[0], key[3], key[4]) == (metric, segment, level) and not key[2]]
        sizes = [self.base[_variable(key, "n")] for key in rows]
        small = segment and sizes and 0 < max(sizes) < self.below
        return f"printed: a curve of {metric} {segment} {level} ({each.where})" if small else ""

    # ---- Curves --------------------------------------------------------------------------------------------------

    def _at_risk(self, points: pd.DataFrame) -> dict[tuple, float]:
        """How many are at risk on each curve, at each time that a page tells of any: (metric, breakdown, segment, level, time)."""
        times: dict[str, set[float]] = {}
        for each in self.printed:
            if each.at is not None:
                times.setdefault(each.row[0], set()).add(each.at)
        found = {}
        for key, curve in points.groupby(["metric", "breakdown", "segment", "level"]):
            ordered = curve.sort_values("x")
            xs, n = ordered["x"].to_numpy(float), ordered["n"].to_numpy(float)
            for at in times.get(key[0], ()):
                place = np.searchsorted(xs, at + 1e-9, side="right") - 1
                if place >= 0:
                    found[(*key, at)] = n[place]
        return found

    def _at_risk_recovered(self) -> list[str]:
        """Numbers at risk that are too small: printed, or what is left of everybody at that time by one level's being untold."""
        told = {
            (each.row[0], each.row[1], *each.row[3:], each.at): each.low
            for each in self.printed
            if each.at is not None and each.figure == "n"
        }
        found = [f"printed: {few:g} at risk, {key}" for key, few in told.items() if 0 < few < self.below]
        sums: dict[tuple, list[tuple]] = {}
        for key in self.at_risk:
            if key[2]:
                sums.setdefault((*key[:3], key[4]), []).append(key)
        for (metric, breakdown, segment, at), held in sums.items():
            whole = (metric, breakdown, "", "", at)
            if whole not in told or told[whole] != sum(self.at_risk[key] for key in held):
                continue  # what is told is of an earlier time
            open_ = [key for key in held if key not in told and self.at_risk[key]]
            right = all(told[key] == self.at_risk[key] for key in held if key in told)
            if right and len(open_) == 1 and 0 < self.at_risk[open_[0]] < self.below:
                found.append(f"at risk follows: {segment} {open_[0][3]} of {metric} at {at:g} days")
        return found

    # ---- Integer programming -------------------------------------------------------------------------------------

    def _scales(self) -> dict[str, float]:
        """By metric, what its value is of numerator over denominator, where that is so in every row."""
        frame = self.report.truth
        some = frame[(frame["denominator"] > 0) & (frame["numerator"] != 0) & frame["value"].notna()]
        ratio = some["value"] * some["denominator"] / some["numerator"]
        by_metric = ratio.groupby(some["metric"])
        return {metric: float(of.iloc[0]) for metric, of in by_metric if np.ptp(of.to_numpy()) < 1e-6 * abs(of.iloc[0])}

    def _is_whole(self, name: Variable) -> bool:
        return (name[2] in SIZES or name[0] in self._counting) and float(self.true[name]).is_integer()

    def _narrowed(self) -> list[str]:
        """The figures of small groups that can have one value only."""
        report = self.report
        frame = report.truth
        whole = frame["numerator"].dropna().mod(1).eq(0).groupby(frame["metric"]).all()
        self._counting = {metric for metric, of_all in whole.items() if of_all}
        negative = set(frame.loc[frame["numerator"] < 0, "metric"])
        money = set(frame.loc[frame["unit"].str.startswith("money"), "metric"])
        node = report._nodes()
        known = {node[name] for name in report.known}
        true = {at: self.true[at] for at in set(node.values())}
        for each in self.printed:  # a count on a page is as good as one in the file
            name = _variable(each.row, each.figure)
            if each.at is None and each.low == each.high and name in node and self.true[name] == each.low:
                known.add(node[name])
        wanted = report.wanted(node)
        is_whole = dict.fromkeys(true, True)
        exact = {node[name]: _MONEY for name in node if name[0] in money and name[2] == "numerator"}
        bounds = {at: [0.0, np.inf] for at in true}
        for name, at in node.items():
            is_whole[at] &= self._is_whole(name)
            if name[2] == "numerator" and name[0] in money | negative:
                bounds[at][0] = -np.inf
        rows = []
        for equation in [*report._sums(), *report._crossings()]:
            terms: dict[Variable, float] = {}
            for name, weight in equation.items():
                at = node.get(name, name)
                terms[at] = terms.get(at, 0.0) + weight
            for at in terms.keys() - true.keys():
                # A cell is a number of people, or a sum: of points, of promoters less detractors.
                of_sums = at[0] == "cell" and at[3] == "numerator"
                is_whole[at] = not of_sums or at[1] in self._counting
                bounds[at] = [-np.inf if of_sums and at[1] in money | negative else 0.0, np.inf]
                if at[0] == "group":
                    true[at] = -sum(weight * true[other] for other, weight in terms.items() if other != at)
                    wanted |= {at: at} if _LEAST < true[at] < self.below else {}
            rows.append((terms, 0.0, 0.0))
        rows += self._shares(node)
        self._reasoned(node, bounds, true)
        return [
            f"narrowed: {' '.join(map(str, filter(None, wanted[at])))} = {true[at]:g}"
            for at in _pinned(rows, known, true, wanted, is_whole, bounds, exact)
        ]

    def _shares(self, node: dict[Variable, Variable]) -> list[tuple[dict[Variable, float], float, float]]:
        """What printed values say of numerators and denominators; and that a share is not above one."""
        rows = []
        percent = self.report.truth[self.report.truth["unit"] == "%"].groupby("metric")["value"].agg(["min", "max"])
        shares = {m for m, least, most in percent.itertuples() if least >= 0 and most <= 100} & self._counting
        ranges: dict[Row, tuple[float, float]] = {
            key: (0.0, 100.0) for key in self.truth if key[0] in shares and self.scale.get(key[0]) == 100
        }
        for each in self.printed:
            if each.figure == "value" and each.at is None and each.row in self.truth and each not in self.misread:
                low, high = ranges.get(each.row, (-np.inf, np.inf))
                ranges[each.row] = max(low, each.low), min(high, each.high)
        for key, (low, high) in ranges.items():
            above, under = (_variable(key, figure) for figure in ("numerator", "denominator"))
            if key[0] not in self.scale or above not in node or under not in node:
                continue
            for end, sign in ((low, -1.0), (high, 1.0)):
                if np.isfinite(end):
                    terms = {node[above]: -sign * self.scale[key[0]]}
                    terms[node[under]] = terms.get(node[under], 0.0) + sign * end
                    rows.append((terms, 0.0, np.inf))
        return rows

    def _reasoned(self, node: dict, bounds: dict, true: dict) -> None:
        """What reasons say: `fewer than 10` of this group; or hidden for the sake of others, so that it is not."""
        for key, code in self.reasons.items():
            sizes = [_variable(key, figure) for figure in ("clusters", "n") if _variable(key, figure) in node]
            if not sizes or key not in self.truth:
                continue
            least = min(sizes, key=lambda name: self.true[name])
            at = node[least]
            if code == "small_group" and 0 < self.true[least] < self.below:
                bounds[at][:] = max(bounds[at][0], 1.0), min(bounds[at][1], self.below - 1.0)
            elif code == "hidden_with_small_group" and true[at] >= self.below:
                bounds[at][0] = max(bounds[at][0], float(self.below))


def _code(reason: str) -> str:
    """The code of a reason: of a note as JSON, or of its words in a published report."""
    if reason.startswith("{"):
        return from_json(reason).code
    words = {"fewer than": "small_group", "hidden": "hidden_with_small_group"}
    return next((code for start, code in words.items() if reason.startswith(start)), "")


def _variable(row: Row, figure: str) -> Variable:
    return (row[0], row[1], figure, *row[2:])


def _pinned(rows, known: set, true: dict, wanted: dict, is_whole: dict, bounds: dict, exact: dict) -> list[Variable]:
    """Of the wanted figures, those that can have no other value than they have."""
    free = []
    for terms, low, high in rows:
        shown = sum(weight * true[at] for at, weight in terms.items() if at in known)
        rest = {at: weight for at, weight in terms.items() if at not in known and weight}
        if rest:
            free.append((rest, low - shown, high - shown))
    found = [at for at in wanted if at in known]
    for names, held in _connected(free):
        if open_ := [at for at in names if at in wanted]:
            found += _Programme(sorted(names), held, true, is_whole, bounds, exact).pinned(open_)
    return found


def _connected(rows: list) -> list[tuple[set, list]]:
    """The rows in groups that have no figure in common."""
    first: dict = {}

    def root(at):
        while first.setdefault(at, at) != at:
            at = first[at]
        return at

    for terms, _, _ in rows:
        names = list(terms)
        for other in names[1:]:
            first[root(other)] = root(names[0])
    blocks: dict = {}
    for row in rows:
        names, held = blocks.setdefault(root(next(iter(row[0]))), (set(), []))
        names.update(row[0])
        held.append(row)
    return list(blocks.values())


class _Programme:
    """Figures that are tied to each other."""

    def __init__(self, names: list, rows: list, true: dict, is_whole: dict, bounds: dict, exact: dict):
        self.names, self.true = names, true
        self.within = {
            name: 0.5 if is_whole[name] else exact.get(name, _DIGITS * abs(true.get(name, 0.0))) for name in names
        }
        self.place = {name: at for at, name in enumerate(names)}
        entries = [
            (at, self.place[name], weight) for at, (terms, _, _) in enumerate(rows) for name, weight in terms.items()
        ]
        at, place, weights = zip(*entries, strict=True)
        matrix = csr_array((weights, (at, place)), shape=(len(rows), len(names)))
        slack = [_OFF * max(1.0, sum(map(abs, terms.values()))) for terms, _, _ in rows]
        low, high = (np.array([row[end] for row in rows]) for end in (1, 2))
        self.rows = LinearConstraint(matrix, low - slack, high + slack)
        self.bounds = Bounds(*np.array([bounds[name] for name in names]).T)
        self.whole = np.array([is_whole[name] for name in names], dtype=int)

    def pinned(self, wanted: list) -> list:
        """Which have one value only. Every solution shows of many figures at once that they can be something else."""
        open_ = set(wanted)
        self._try(dict.fromkeys(wanted, 1.0), open_)
        self._try(dict.fromkeys(wanted, -1.0), open_)
        found = []
        for name in wanted:
            for sign in (1.0, -1.0):
                if name in open_ and not self._try({name: sign}, open_):
                    open_.discard(name)  # undecided in time
            if name in open_:
                found.append(name)
        return found

    def _try(self, aim: dict, open_: set) -> bool:
        """Minimise a sum of figures and strike from `open_` those that are not what they are in truth; False where nothing was found."""
        costs = np.zeros(len(self.names))
        for name, weight in aim.items():
            costs[self.place[name]] = weight
        options = {"time_limit": _SECONDS}
        done = milp(costs, integrality=self.whole, bounds=self.bounds, constraints=self.rows, options=options)
        if done.status == 3:  # it can be as large as it likes
            open_.difference_update(aim if len(aim) == 1 else ())
            return True
        if done.x is None:
            return done.status == 2 and self._fail()
        for name in list(open_):
            value = self.true.get(name, np.nan)
            if abs(done.x[self.place[name]] - value) > self.within[name]:
                open_.discard(name)
        return True

    def _fail(self) -> bool:
        raise AssertionError(f"the figures contradict each other: {self.names[:5]}")
