"""Plan: which rows are hidden so that no figure of a small group follows from what is left, audited by solving for it.

Secondary suppression as in Hundepool et al. 2012, Statistical Disclosure Control, 4: the audit looks for figures of small groups that the
relations of the report determine, the plan then hides the smallest row that takes part, and the audit begins anew.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable

import numpy as np

from crmnb.evaluate.disclosure_control.quantities import Quantities
from crmnb.evaluate.disclosure_control.relations import Relation

_FREE = 1e-7
_CURRENT = "current"
_FAVOUR = 0.5  # what a row of a level costs that is hidden elsewhere already, beside one of the same size that is not


class Plan:
    """Rows hidden so far, and what follows from those that are shown."""

    def __init__(
        self,
        quantities: Quantities,
        relations: list[Relation],
        base: np.ndarray,
        real: np.ndarray,
        groups: list[tuple[str, str, str]],
        at_least: int,
        sought: Collection[tuple[str, str]] = (),
    ):
        """base: customers behind each row. real: rows that exist outside of this plan. groups: the window, segmentation and
        level of each row. at_least: the fewest customers of whom anything may be shown. sought: segmentation and level of those that a reader looks
        for: others are hidden in their place."""
        self.quantities, self.relations, self.base, self.at_least = quantities, relations, base, at_least
        self.hideable, self.groups, self.sought = real & (base > 0), groups, set(sought)
        self.hidden = ~real
        self.protected: set[int] = set()
        self.dropped: set[int] = set()
        self.hidden_groups: set[tuple[str, str, str]] = set()
        self.of_variable: dict[int, list[int]] = defaultdict(list)
        for at, relation in enumerate(relations):
            for variable in relation.variables:
                self.of_variable[variable].append(at)
        self.shown = np.array([sum(real[row] for row in rows) for rows in quantities.rows], dtype=int)

    def hide(self, rows: Iterable[int]) -> None:
        """Hide rows for the sake of others."""
        for row in rows:
            if not self.hidden[row]:
                self.hidden[row] = True
                self.hidden_groups.add(self.groups[row])
                self.shown[self.quantities.of_row[row]] -= 1

    def protect(self, is_small: np.ndarray) -> None:
        """Hide the rows of small groups, and whatever else must go so that none of their figures follows from the rest."""
        self.hide(np.flatnonzero(is_small & ~self.hidden))
        # A count of 0 reveals nobody.
        theirs = {
            v for row in np.flatnonzero(is_small) for v in self.quantities.of_row[row] if self.quantities.people[v]
        }
        self.protected = {variable for variable in theirs if self._is_theirs(variable, is_small)}
        for variable in self.protected:  # the same figure under another name
            self.hide(self.quantities.rows[variable])
        todo = self._blocks()
        while todo:
            while todo:
                block = todo.pop()
                while exposed := self._unbalanced(block) or self._exposed(block):
                    self._hide_one_of(exposed)
            # A figure that a row of a larger group showed is theirs alone, once that row is hidden for the sake of others.
            no_longer_shown = {v for v in theirs - self.protected if not self.shown[v]}
            self.protected |= no_longer_shown
            todo = self._blocks() if no_longer_shown else []

    def _is_theirs(self, variable: int, is_small: np.ndarray) -> bool:
        """Whether a figure in the row of a small group reveals that group: its size, or what no row of a larger one shows.

        That two of fifty leads were won may be shown, though the same two are out of seven proposals: not that they were seven.
        """
        if variable in self.quantities.sizes and self.quantities.value[variable] < self.at_least:
            return True
        return all(is_small[row] for row in self.quantities.rows[variable])

    def _blocks(self) -> list[list[int]]:
        """The relations in groups that share variables, those with something to protect."""
        block_of: dict[int, int] = {}
        for start in range(len(self.relations)):
            if start in block_of:
                continue
            todo = [start]
            while todo:
                at = todo.pop()
                if at in block_of:
                    continue
                block_of[at] = start
                todo += [other for v in self.relations[at].variables for other in self.of_variable[v]]
        blocks: dict[int, list[int]] = defaultdict(list)
        for at, block in block_of.items():
            blocks[block].append(at)
        return [
            sorted(held)
            for held in blocks.values()
            if any(v in self.protected for at in held for v in self.relations[at].variables)
        ]

    # ---- The audit ----

    def _unbalanced(self, block: list[int]) -> set[int]:
        """A sum that another report may show, in which too little is hidden, and more could be."""
        for at in (at for at in block if not self.relations[at].certain):
            relation = self.relations[at]
            unknown = {v for v in relation.variables if not self.shown[v]}
            few = unknown & self.protected and self._too_few(relation, unknown)
            if (len(unknown) == 1 or few) and any(self._may_hide(v) for v in relation.variables):
                return {at}
        return set()

    def _exposed(self, block: list[int]) -> set[int]:
        """Of the first small figure that is found to follow from the rest, the relations by which it does; none where all are safe."""
        held = [at for at in block if at not in self.dropped and self.relations[at].certain]
        unknown = {at: {v for v in self.relations[at].variables if not self.shown[v]} for at in held}
        derived: dict[int, int] = {}
        todo = [at for at in held if len(unknown[at]) == 1]
        while todo:
            at = todo.pop()
            if len(unknown[at]) != 1:
                continue
            (variable,) = unknown[at]
            derived[variable] = at
            if variable in self.protected:
                return self._ways_to({at}, derived)
            for other in self.of_variable[variable]:
                if other in unknown:
                    unknown[other].discard(variable)
                    todo += [other] if len(unknown[other]) == 1 else []
        open_ = [at for at in held if unknown[at]]
        for at in open_:
            if unknown[at] & self.protected and self._too_few(self.relations[at], unknown[at]):
                return self._ways_to({at}, derived)
        return self._ways_to(self._combined(open_, unknown), derived)

    def _ways_to(self, relations: set[int], derived: dict[int, int]) -> set[int]:
        """The relations, and those by which what they rest on was derived."""
        ways, todo = set(relations), list(relations)
        while todo:
            for variable in self.relations[todo.pop()].variables:
                if (at := derived.get(variable)) is not None and at not in ways:
                    ways.add(at)
                    todo.append(at)
        return ways

    def _too_few(self, relation: Relation, unknown: set[int]) -> bool:
        """Whether those who are hidden together are fewer than may be shown, or so few that it can only be one number."""
        people = [self.quantities.people[v] for v in unknown]
        apart = sum(people) if relation.disjoint else self._at_least(relation, unknown, max(people))
        if apart < self.at_least:
            return True
        signs = {s for v, s in zip(relation.variables, relation.signs, strict=True) if v in unknown}
        counts = all(self.quantities.value[v] == self.quantities.people[v] for v in unknown)
        return counts and len(signs) == 1 and self._is_pinned(unknown)

    def _at_least(self, relation: Relation, unknown: set[int], largest: float) -> float:
        """How many people are hidden together at least, where the same may be in several parts: as many as in the largest of them, and
        as are in none of those that are shown."""
        shown = sum(self.quantities.people[v] for v in relation.variables[:-1] if v not in unknown)
        return max(largest, relation.people - shown) if relation.variables[-1] not in unknown else largest

    def _is_pinned(self, unknown: set[int]) -> bool:
        """Whether the sum of hidden numbers leaves only one value for a small one: of small ones it is known that they are small, of the
        others that they are not."""
        protected = [v for v in unknown if v in self.protected]
        if len(protected) == len(unknown):
            slack = min(sum(self.quantities.value[v] - 1 for v in protected), self._below(protected))
        else:
            others = [v for v in unknown if v not in self.protected]
            slack = sum(self.quantities.value[v] - 1 for v in protected) + sum(
                self.quantities.value[v] - self.at_least for v in others
            )
        return slack < 1

    def _below(self, protected: list[int]) -> float:
        return sum(self.at_least - 1 - self.quantities.value[v] for v in protected)

    def _combined(self, open_: list[int], unknown: dict[int, set[int]]) -> set[int]:
        """The relations that together, but none alone, determine a small figure."""
        columns = sorted({v for at in open_ for v in unknown[at]})
        wanted = [place for place, v in enumerate(columns) if v in self.protected]
        if len(open_) < 2 or not wanted:
            return set()
        place = {v: at for at, v in enumerate(columns)}
        matrix = np.zeros((len(open_), len(columns)))
        for row, at in enumerate(open_):
            for variable, sign in zip(self.relations[at].variables, self.relations[at].signs, strict=True):
                if variable in unknown[at]:
                    matrix[row, place[variable]] = sign
        _, strength, directions = np.linalg.svd(matrix)
        free = directions[(strength > _FREE).sum() :]
        for column in wanted:
            if not (np.abs(free[:, column]) > _FREE).any():
                weights = np.linalg.lstsq(matrix.T, np.eye(len(columns))[column], rcond=None)[0]
                return {at for at, weight in zip(open_, weights, strict=True) if abs(weight) > _FREE}
        return set()

    # ---- The remedy ----

    def _hide_one_of(self, relations: set[int]) -> None:
        """Hide the smallest figure that takes part; where there is none, nothing can be done about them."""
        variables = {v for at in relations for v in self.relations[at].variables}
        choice = [v for v in variables if self._may_hide(v)]
        if choice:
            self.hide(self.quantities.rows[min(choice, key=self._cost)])
        else:
            self.dropped.update(relations)

    def _may_hide(self, variable: int) -> bool:
        return bool(self.shown[variable]) and all(self.hideable[row] for row in self.quantities.rows[variable])

    def _cost(self, variable: int) -> tuple[int, float, int]:
        """The whole client's figure of the period is what a reader looks for first, so it goes last; before it the levels sought, and before
        these the whole client's trend; of others the smallest."""
        rows = self.quantities.rows[variable]
        whole_in = [window for window, segment, _ in (self.groups[row] for row in rows) if not segment]
        is_sought = any(self.groups[row][1:] in self.sought for row in rows)
        rank = 3 if _CURRENT in whole_in else 2 if is_sought else 1 if whole_in else 0
        favour = _FAVOUR if any(self.groups[row] in self.hidden_groups for row in rows) else 1.0
        return rank, favour * max(self.base[row] for row in rows), variable
