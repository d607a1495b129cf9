"""Question: what a lesson asks, with `.check()`, `.hint()` and `.solution()`; each is told in text and written to the progress."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from crmnb.learn.feedback import Feedback
from crmnb.learn.progress import Learner
from crmnb.learn.readable import Readable

TRIES = 2  # after so many a solution is shown


@dataclass(frozen=True)
class Task:
    """A question as asked on one draw of the data: how an answer is judged, and what the solution is."""

    ask: str
    judge: Callable[[Any], Feedback]
    hints: tuple[str, ...]
    solution: Callable[[], str]


class Text(str, Readable):
    """A text that a notebook shows as it is, without quotes."""

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Question(Readable):
    """A question of a lesson, to one learner."""

    metric: str
    name: str
    task: Task
    learner: Learner
    draw: int
    earlier: Callable[[], Task] | None = None  # the same on the data before, where they were drawn again

    def check(self, *answer: Any) -> Feedback:
        """What an answer shows. Several parts are passed as several values: `check("a", "c")`."""
        value = answer[0] if len(answer) == 1 else answer or ...
        feedback = self.task.judge(value)
        if feedback.outcome in ("wrong", "named") and self.earlier and self.earlier().judge(value).passed:
            feedback = Feedback(
                "wrong", "That was right for the data before; they have been drawn again. Show the rows once more."
            )
        if feedback.outcome != "not attempted":
            self._record("try", outcome=feedback.outcome, names=feedback.names, text=str(value))
        return feedback

    def hint(self) -> Text:
        """The next hint, from a nudge to the last step; after the last one, all of them."""
        hints, number = self.task.hints, self._number_of("hint")
        if number >= len(hints):
            return Text("\n".join(f"{place}. {hint}" for place, hint in enumerate(hints, 1)))
        self._record("hint")
        return Text(f"Hint {number + 1} of {len(hints)}: {hints[number]}")

    def solution(self) -> Text:
        """The solution, after two tries. Then the data are drawn again, so that the next answer is your own."""
        tries = self._number_of("try")
        if tries < TRIES:
            left = "twice" if not tries else "once more"
            return Text(f"Try {left} first; `.hint()` helps. The solution is shown after {TRIES} tries.")
        self._record("solution")
        return Text(
            f"{self.task.solution()}\nNow the data are drawn again: show the rows once more, and try with them."
        )

    def __repr__(self) -> str:
        return f"{self.name}. {self.task.ask}"

    def _number_of(self, kind: str) -> int:
        place = (kind, self.metric, self.name, self.draw)
        return sum((e.kind, e.metric, e.exercise, e.draw) == place for e in self.learner.events())

    def _record(self, kind: str, **facts: Any) -> None:
        self.learner.record(kind, self.metric, self.name, draw=self.draw, **facts)
