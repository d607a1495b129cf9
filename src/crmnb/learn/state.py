"""State: where a learner stands in a lesson, from what was done: gates, rounds, repeats, and the draw of the data.

A lesson has four gates. All four on one set of data make a round. A repeat is due 1, 7 and 30 days after the round before, on other data.
Mastery: two rounds at least 7 days apart.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from crmnb.learn.progress import Event

# What a learner can do with a metric, and the exercises that show it.
GATES = {
    "count it by hand": ("q1",),
    "compute it": ("q2",),
    "explain it": ("q6",),
    "refuse a misuse": ("q4", "q5"),
}
REPEATS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
APART = timedelta(days=7)


@dataclass(frozen=True)
class LessonState:
    """Where a learner stands: the draw of the data, exercises done in this round, and when rounds were completed."""

    draw: int
    done: frozenset[str]
    rounds: tuple[datetime, ...]
    tries: int

    @property
    def gates(self) -> dict[str, bool]:
        """Which gates are passed in this round."""
        return {gate: set(exercises) <= self.done for gate, exercises in GATES.items()}

    @property
    def mastered(self) -> bool:
        """Whether two rounds lie at least 7 days apart."""
        return bool(self.rounds) and self.rounds[-1] - self.rounds[0] >= APART

    @property
    def due(self) -> datetime | None:
        """When the next repeat is due; None before the first round and after the last repeat."""
        if not self.rounds or len(self.rounds) > len(REPEATS):
            return None
        return self.rounds[-1] + REPEATS[len(self.rounds) - 1]

    def is_waiting(self, now: datetime) -> bool:
        """Whether a round is completed and the next one not due or begun: there is nothing to do now."""
        return bool(self.rounds) and not self.done and (self.due is None or self.due > now)

    def text(self, now: datetime) -> str:
        """The state in a few words."""
        if not self.tries and not self.rounds:
            return "not begun"
        due = self.due
        if due and due <= now:
            return f"{'mastered, ' if self.mastered else ''}repeat due"
        if self.mastered:
            return "mastered"
        if self.rounds:
            return f"passed; repeat on {due:%d %B %Y}" if due else "passed"
        return f"{sum(self.gates.values())} of {len(self.gates)} gates"


def state_of(metric: str, events: Iterable[Event], now: datetime) -> LessonState:
    """Where a learner stands in a metric's lesson."""
    needed = {name for names in GATES.values() for name in names}
    used, completed, rounds, done, tries = -1, -1, [], set(), 0
    for event in events:
        if event.metric not in (metric, ""):
            continue
        if event.kind == "reset":
            used, rounds, done, tries = max(used, event.draw if event.metric else -1), [], set(), 0
        elif event.kind == "solution":
            used = max(used, event.draw)
        elif event.kind == "try" and event.metric == metric:
            tries += 1
            if event.outcome == "right" and event.draw > completed:
                done.add(event.exercise)
                if needed <= done:
                    rounds.append(event.at)
                    completed = used = max(used, event.draw)
                    done = set()
    state = LessonState(max(used, 0), frozenset(done), tuple(rounds), tries)
    waits = rounds and used == completed and not (state.due and state.due <= now)
    return state if waits else LessonState(used + 1, frozenset(done), tuple(rounds), tries)
