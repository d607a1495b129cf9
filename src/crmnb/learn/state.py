"""State: where a learner stands in a lesson, from what was done: gates, rounds, repeats, and the draw of the data.

A lesson has four gates. All four on one set of data make a round. A repeat is due 1, 7 and 30 days after the round before, on other data.
Mastery: two rounds at least 7 days apart.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from crmnb.learn.progress import Event

# What a learner can do with a metric, and the exercises that show it; q7, on a client of their own, where the lesson has it.
GATES = {
    "count it by hand": ("q1",),
    "compute it": ("q2", "q7"),
    "explain it": ("q6",),
    "refuse a misuse": ("q4", "q5"),
}
REPEATS = (timedelta(days=1), timedelta(days=7), timedelta(days=30))
APART = timedelta(days=7)


@dataclass(frozen=True)
class LessonState:
    """Where a learner stands: the draw of the data, exercises done in this round, and when rounds were completed.

    has_client: whether the lesson has q7. points: what the mentor gave for the explanation, "" where it was not read yet.
    """

    draw: int
    done: frozenset[str]
    rounds: tuple[datetime, ...]
    tries: int
    has_client: bool = False
    points: str = ""

    @property
    def exercises(self) -> dict[str, tuple[str, ...]]:
        """The exercises of each gate that the lesson has."""
        return {gate: tuple(q for q in names if q != "q7" or self.has_client) for gate, names in GATES.items()}

    @property
    def gates(self) -> dict[str, bool]:
        """Which gates are passed in this round."""
        return {gate: set(names) <= self.done for gate, names in self.exercises.items()}

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


def state_of(
    metric: str, events: Iterable[Event], now: datetime, has_client: Callable[[], bool] = lambda: False
) -> LessonState:
    """Where a learner stands in a metric's lesson. has_client: tells whether it has q7; asked of a lesson in which something is right."""
    used, completed, rounds, done, tries, points = -1, -1, [], set(), 0, ""
    needed = {name for names in GATES.values() for name in names} - {"q7"}
    with_client: bool | None = None
    for event in events:
        if event.metric not in (metric, ""):
            continue
        if event.kind == "reset":
            used, rounds, done, tries = max(used, event.draw if event.metric else -1), [], set(), 0
        elif event.kind == "solution":
            used = max(used, event.draw)
        elif event.kind == "grade":
            points = event.outcome
        elif event.kind == "try" and event.metric == metric:
            tries += 1
            if event.outcome == "right" and event.draw > completed:
                if with_client is None:
                    with_client = has_client()
                    needed |= {"q7"} if with_client else set()
                done.add(event.exercise)
                if needed <= done:
                    rounds.append(event.at)
                    completed = used = max(used, event.draw)
                    done = set()
    state = LessonState(max(used, 0), frozenset(done), tuple(rounds), tries, bool(with_client), points)
    waits = rounds and used == completed and not (state.due and state.due <= now)
    return state if waits else replace(state, draw=used + 1)
