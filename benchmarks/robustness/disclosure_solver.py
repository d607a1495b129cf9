"""An attacker who has a report and knows what its figures are: solves for those that are hidden. Shares no code with the gate."""

import re
from collections.abc import Iterator
from functools import cache
from itertools import combinations

import numpy as np
import pandas as pd

from crmnb.metrics.definition import catalogue

FIGURES = ("n", "clusters", "numerator", "denominator")
SIZES = ("n", "clusters", "denominator")
KEY = ["metric", "breakdown", "part", "segment", "level"]
Name = tuple[str, str, str]  # metric, breakdown, figure
Variable = tuple[str, ...]  # a name, then part, segment and level

# What is the same by definition, where metrics have other words for it (`_same_by_declaration` has the others): by the name of the figure
# in each metric. `*` stands for the same breakdown in both.
SAME: tuple[tuple[Name, Name], ...] = (
    (("lead_conversion_rate", "", "denominator"), ("stage_conversion", "1 lead to qualified", "denominator")),
    (("lead_conversion_rate", "", "denominator"), ("cumulative_win_rate", "won within 30 days", "n")),
    (
        ("stage_conversion", "1 lead to qualified", "numerator"),
        ("stage_conversion", "2 qualified to proposed", "denominator"),
    ),
    (
        ("stage_conversion", "2 qualified to proposed", "numerator"),
        ("stage_conversion", "3 proposed to won", "denominator"),
    ),
    (("stage_conversion", "3 proposed to won", "numerator"), ("lead_conversion_rate", "", "numerator")),
    (("revenue_per_customer", "", "denominator"), ("repeat_purchase_rate", "", "denominator")),
    (("revenue_per_customer", "", "denominator"), ("purchase_frequency", "", "denominator")),
    (("revenue_per_customer", "", "denominator"), ("revenue_concentration", "Gini coefficient", "n")),
    (("revenue_per_customer", "", "denominator"), ("average_order_value", "", "clusters")),
    (("purchase_frequency", "", "numerator"), ("average_order_value", "", "denominator")),
    (("average_order_value", "", "denominator"), ("median_order_value", "", "n")),
    (("survival_curve", "after 90 days", "n"), ("median_lifetime", "", "n")),
    (("theme_share", "*", "denominator"), ("segment_themes", "*", "denominator")),
    (("theme_share", "(no theme)", "denominator"), ("sentiment", "relationship", "denominator")),
    (("theme_share", "(no theme)", "denominator"), ("testimonial_count", "", "n")),
)

# Shares of the same comments, of which each customer's levels hold all: those about a theme are as many people, too.
MENTIONS = {"theme_share", "segment_themes"}

# Shares that add up to all answers of a survey, and the metric of the same answers.
COMPOSITIONS = {"nps_shares": "nps", "satisfaction_distribution": "csat", "effort_distribution": "ces"}


@cache
def _same_by_declaration() -> tuple[tuple[Name, Name], ...]:
    """Numerators and denominators that metrics declare in the same words, and how many answers a metric and its aspect are of."""
    names: dict[str, list[Name]] = {}
    aspects = []
    for metric in catalogue().values():
        for figure in ("numerator", "denominator"):
            words = re.sub(" (in|of) the period$", "", getattr(metric, figure))
            names.setdefault(words, []).append((metric.id, "*", figure))
        if metric.measure.aspect_of:
            aspects.append(((metric.id, "*", "n"), (metric.measure.aspect_of, "*", "n")))
    names.pop("", None)
    pairs = (pair for alike in names.values() for pair in combinations(alike, 2))
    return (*((one, other) for one, other in pairs if one[0] != other[0]), *aspects)


class Report:
    """The figures that a report shows, beside those that are true: every figure is a variable, every rule an equation."""

    def __init__(
        self, shown: pd.DataFrame, truth: pd.DataFrame, below: int, within: dict[tuple[str, str], set] | None = None
    ):
        """shown: the report's rows. truth: the same without anything hidden. within: of two segmentations, their pairs of levels."""
        self.below, self.within = below, within or {}
        self.truth = truth.fillna(dict.fromkeys(KEY, ""))
        self.true = dict(_variables(self.truth))
        told = {name: value for name, value in _variables(shown) if name in self.true and not np.isnan(value)}
        # A row may leave out few units to protect them: then it shows another figure than the true one.
        self.altered = {name for name, value in told.items() if value and not np.isclose(value, self.true[name])}
        # The 0 of a row without a value tells nothing of how many there are.
        self.known = {name for name, value in told.items() if value or not self.true[name]} - self.altered
        self.base = dict(_bases(self.truth))

    def beside(self, shown: pd.DataFrame) -> "Report":
        """Another report on the same truth."""
        return Report(shown, self.truth, self.below, self.within)

    def recovered(self) -> list[Variable]:
        """The figures of small groups that follow from what is shown."""
        node, equations = self._nodes(), [*self._sums(), *self._crossings()]
        shown = {node[name] for name in self.known}
        wanted = self.wanted(node)
        found = [name for at, name in wanted.items() if at in shown]
        found += [name for name in self.altered if node[name] in shown]  # what was left out is the difference
        follows = _determined(equations, node, {at: self.true[at] for at in shown})
        found += [wanted[at] for at in follows if at in wanted]
        between = {
            at: value
            for at, value in follows.items()
            if at[0] in ("group", "cell") and ("numerator" not in at or at[1] in MENTIONS)
        }
        found += [name for name in self._fewest(node, shown | follows.keys()) if 0 < self.true[name] < self.below]
        return found + [at for at, value in between.items() if 0.5 < value < self.below - 1e-6]

    def wanted(self, node: dict[Variable, Variable]) -> dict[Variable, Variable]:
        """The figures of small groups, by their node: a size if it is small, any other unless a group that is not small shows it.

        Where few events of enough customers were counted, how many these customers are is no secret, nor is that number in hundreds.
        """
        shown = {node[name] for name in self.known if self.base[name] >= self.below}
        wanted: dict[Variable, Variable] = {}
        for name in self.true:
            if not 0 < self.base[name] < self.below or not self.true[name]:
                continue
            if name[2] == "denominator" and self.true.get((*name[:2], "clusters", *name[3:]), 0) >= self.below:
                continue
            if self.true[name] < self.below if name[2] in SIZES else node[name] not in shown:
                wanted.setdefault(node[name], name)
        return wanted

    def _nodes(self) -> dict[Variable, Variable]:
        """One name for all names of the same figure."""
        node = {name: name for name in self.true}

        def first(name: Variable) -> Variable:
            while node[name] != name:
                name = node[name]
            return name

        pairs = list(self._same())
        for one, other in pairs:
            node[first(one)] = first(other)
        return {name: first(name) for name in node}

    def _same(self) -> Iterator[tuple[Variable, Variable]]:
        by_name: dict[Name, dict[tuple, Variable]] = {}
        for name in self.true:
            by_name.setdefault(name[:3], {})[name[3:]] = name
        breakdowns = {name[1] for name in self.true}
        for one, other in (*SAME, *_same_by_declaration()):
            for breakdown in breakdowns if one[1] == "*" else ("",):
                left, right = ((metric, breakdown if of == "*" else of, figure) for metric, of, figure in (one, other))
                cells = by_name.get(left, {}).keys() & by_name.get(right, {}).keys()
                pairs = [(by_name[left][cell], by_name[right][cell]) for cell in cells]
                if all(np.isclose(self.true[a], self.true[b]) for a, b in pairs):  # as the data happen to be
                    yield from pairs
        for name, value in self.true.items():  # of one row: how many, in two words
            for figure in ("clusters", "denominator"):
                other = (*name[:2], figure, *name[3:])
                if name[2] == "n" and other in self.true and self.true[other] == value:
                    yield name, other
        for name in self.true:  # every share is of the same answers
            other = (COMPOSITIONS.get(name[0], ""), name[1].rpartition(", ")[0], *name[2:])
            if name[2] == "n" and self.true.get(other) == self.true[name]:
                yield name, other
        first: dict[tuple, Variable] = {}
        for name in self.true:  # every theme's share is of the same comments
            if name[0] in MENTIONS and name[2] == "denominator":
                other = first.setdefault((name[0], self.true[name], *name[3:]), name)
                yield name, other
        for name in self.true:  # a cohort has one size, whatever its age; a month's is that of those won in it
            cohort, plus, age = name[1].partition(" +")
            if name[0] == "cohort_retention" and name[2] == "denominator" and plus:
                yield name, (name[0], f"{cohort} +0", *name[2:]) if age != "0" else name
                won = ("new_customers", "", "numerator", cohort, *name[4:])
                if won in self.true and self.true[won] == self.true[name]:
                    yield name, won

    def _sums(self) -> Iterator[dict[Variable, float]]:
        """Levels of a segmentation, and parts of the period; who is in no level that is told is a group of its own."""
        levels: dict[Variable, list[Variable]] = {}
        parts: dict[Variable, list[Variable]] = {}
        for name in self.true:
            if name[4]:
                levels.setdefault(name[:5], []).append(name)
            elif name[3]:
                parts.setdefault(name[:3], []).append(name)
        for place, held in levels.items():
            whole = (*place[:4], "", "")
            if whole not in self.true:
                continue
            rest = self.true[whole] - sum(self.true[name] for name in held)
            counts = (*SIZES, "numerator") if place[0] in MENTIONS else ("n", "denominator")
            people = place[2] in counts and float(self.true[whole]).is_integer()  # not per 100 of them
            left = {("group", *place): 1.0} if people and 0 < rest < self.below else {}
            if abs(rest) < 1e-6 or left:
                yield dict.fromkeys(held, 1.0) | left | {whole: -1.0}
        for place, held in parts.items():
            whole = (*place[:3], "", "", "")
            if whole in self.true and np.isclose(self.true[whole], sum(self.true[name] for name in held)):
                yield dict.fromkeys(held, 1.0) | {whole: -1.0}
        yield from self._shares()
        yield from self._agents()

    def _agents(self) -> Iterator[dict[Variable, float]]:
        """All comments are about agents, where those of the agents are as many."""
        held: dict[tuple[str, str], list[Variable]] = {}
        for name in self.true:
            if name[0] == "representative_themes" and name[2] in ("numerator", "denominator"):
                held.setdefault((name[1].rpartition(", ")[0], name[2]), []).append(name)
        for (theme, figure), names in held.items():
            whole = ("theme_share", theme, figure, "", "", "")
            if whole in self.true and np.isclose(self.true[whole], sum(self.true[name] for name in names)):
                yield dict.fromkeys(names, 1.0) | {whole: -1.0}

    def _shares(self) -> Iterator[dict[Variable, float]]:
        """The answers of all shares are those of the survey."""
        held: dict[tuple, list[Variable]] = {}
        for name in self.true:
            if name[0] in COMPOSITIONS and name[2] == "numerator":
                held.setdefault((name[0], name[1].rpartition(", ")[0], *name[3:]), []).append(name)
        for names in held.values():
            size = (*names[0][:2], "n", *names[0][3:])
            if np.isclose(self.true[size], sum(self.true[name] for name in names)):
                yield dict.fromkeys(names, 1.0) | {size: -1.0}

    def _fewest(self, node: dict[Variable, Variable], known: set[Variable]) -> Iterator[Variable]:
        """Of comments that have a theme or none, the fewest about the only theme that is hidden: as many as are about no other.

        Where a comment may have two themes, more than these would be about it; but they are told apart from nobody.
        """
        held: dict[tuple, list[Variable]] = {}
        for name in self.true:
            if name[0] in MENTIONS and name[2] == "numerator":
                held.setdefault((name[0], *name[3:]), []).append(name)
        for names in held.values():
            size = (*names[0][:2], "denominator", *names[0][3:])
            hidden = [name for name in names if node[name] not in known]
            about_others = sum(self.true[name] for name in names if name not in hidden)
            if len(hidden) == 1 and node[size] in known and 0 < self.true[size] - about_others < self.below:
                yield hidden[0]

    def _crossings(self) -> Iterator[dict[Variable, float]]:
        """Two segmentations: of who is in a level of each, as many as are in these levels; nobody where no pair of levels is common."""
        places = {name[:4] for name in self.true if name[4] and name[2] in ("n", "denominator", "numerator")}
        for (one, other), pairs in self.within.items():
            for place in places:
                sides = [{name[5]: name for name in self.true if name[:5] == (*place, each)} for each in (one, other)]
                if not all(sides):
                    continue
                for at, side in enumerate(sides):
                    for level, name in side.items():
                        cells = [pair for pair in pairs if pair[at] == level]
                        yield {("cell", *place, one, other, *pair): 1.0 for pair in cells} | {name: -1.0}


def _variables(frame: pd.DataFrame) -> Iterator[tuple[Variable, float]]:
    of_one = frame["denominator"].isna() | (frame["denominator"] == 1)
    plain = set(of_one.groupby([frame["metric"], frame["breakdown"]]).all().loc[lambda all_: all_].index)
    for row in frame.to_dict("records"):
        for figure in FIGURES:
            value = float(row[figure])
            if (
                figure == "denominator" and (row["metric"], row["breakdown"]) in plain
            ):  # a count, out of 1 by definition
                continue
            if np.isfinite(value) or "suppressed" in row["flags"]:
                yield (row["metric"], row["breakdown"], figure, row["part"], row["segment"], row["level"]), value


def _bases(truth: pd.DataFrame) -> Iterator[tuple[Variable, float]]:
    for row in truth.to_dict("records"):
        sizes = [row[name] for name in ("n", "clusters") if row[name] > 0]
        for figure in FIGURES:
            name = (row["metric"], row["breakdown"], figure, row["part"], row["segment"], row["level"])
            yield name, min(sizes, default=0.0)


def _determined(
    equations: list[dict[Variable, float]], node: dict[Variable, Variable], shown: dict[Variable, float]
) -> dict[Variable, float]:
    """The unknown nodes of which the equations leave one value only, with it."""
    rows = []
    for equation in equations:
        row: dict[Variable, float] = {}
        known = 0.0
        for name, weight in equation.items():
            at = node.get(name, name)
            if at in shown:
                known += weight * shown[at]
            else:
                row[at] = row.get(at, 0.0) + weight
        rows.append(({at: weight for at, weight in row.items() if weight}, -known))
    found = {}
    for names, held in _blocks([row for row in rows if row[0]]):
        columns = {name: at for at, name in enumerate(sorted(names))}
        matrix = np.zeros((len(held), len(columns)))
        for at, (row, _) in enumerate(held):
            for name, weight in row.items():
                matrix[at, columns[name]] = weight
        inverse = np.linalg.pinv(matrix)
        projection, value = inverse @ matrix, inverse @ np.array([known for _, known in held])
        found |= {name: float(value[at]) for name, at in columns.items() if projection[at, at] > 1 - 1e-7}
    return found


def _blocks(rows: list[tuple[dict[Variable, float], float]]) -> list[tuple[set[Variable], list]]:
    """The rows in groups that have no variable in common."""
    blocks: list[tuple[set[Variable], list]] = []
    for row in rows:
        names, held, apart = set(row[0]), [row], []
        for block in blocks:
            if block[0] & names:
                names, held = names | block[0], held + block[1]
            else:
                apart.append(block)
        blocks = [*apart, (names, held)]
    return blocks
