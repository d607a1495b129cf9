"""Lesson: `lesson("nps")` in a notebook: a map of where the learner stands, the rows, and the questions."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING

from crmnb.core.errors import InputError, nearest
from crmnb.learn import corner_shop, lessons
from crmnb.learn.declaration import Plan, Tables, apply, plan_of, visible
from crmnb.learn.explanation import RUBRIC
from crmnb.learn.progress import Event, Learner
from crmnb.learn.progress import learner as learner_named
from crmnb.learn.question import Question, Task, Text
from crmnb.learn.redraw import drawn
from crmnb.learn.state import GATES, LessonState, state_of
from crmnb.learn.tasks import tasks_of
from crmnb.learn.transfer import simulated_tables, transfer_task
from crmnb.learn.words import result_of_rows, result_on, words_in, words_of

if TYPE_CHECKING:
    import pandas as pd

    from crmnb.learn.link import Link
    from crmnb.report.view import ResultView


class Lesson:
    """The lesson on a metric for one learner. `q1`, `q2`, `q3a` ... `q6` are its questions."""

    def __init__(self, plan: Plan, learner: Learner):
        self.plan, self.learner = plan, learner

    @property
    def state(self) -> LessonState:
        """Where the learner stands."""
        return lesson_state(self.plan.metric, self.learner.events(), self.learner.clock())

    @property
    def tables(self) -> "dict[str, pd.DataFrame]":
        """The rows that the questions are about, by table: the corner shop's, or for a repeat a variation of them."""
        return _shown(self._tables(self.state.draw), self.plan.hidden)

    @property
    def rows(self) -> "pd.DataFrame":
        """The rows of the first table."""
        return next(iter(self.tables.values()))

    @property
    def simulated(self) -> "dict[str, pd.DataFrame]":
        """The tables of a simulated client of the learner's own, for q7. Raises InputError where the lesson has no q7."""
        if self.plan.transfer is None:
            raise InputError(f"the lesson on {self.plan.metric} has no simulated client.")
        return _shown(simulated_tables(self.plan.transfer, self._client), self.plan.hidden)

    @property
    def _client(self) -> str:
        """The seed of the simulated client: the learner's name, and in a repeat the number of the round as well."""
        state = self.state
        rounds = len(state.rounds) - state.is_waiting(self.learner.clock())
        return f"{self.learner.name} {rounds}" if rounds else self.learner.name

    @property
    def result(self) -> "ResultView":
        """The suite's result on the rows of the lesson, as `book("nps")` gives it in a client's notebook."""
        return self._result(self.state.draw)

    @property
    def words(self) -> dict[str, str]:
        """What the suite says of the result: value, interval, limits, base, change, period, sentence."""
        return self._words(self.state.draw)

    @property
    def questions(self) -> dict[str, Question]:
        """The questions by name, in order."""
        draw = self.state.draw
        earlier = cache(lambda: self._tasks(draw - 1))
        return {
            name: Question(
                self.plan.metric, name, task, self.learner, draw, (lambda name=name: earlier()[name]) if draw else None
            )
            for name, task in self._tasks(draw).items()
        }

    def _tasks(self, draw: int) -> dict[str, Task]:
        tasks = tasks_of(self.plan, self._tables(draw), self._words(draw), draw)
        if self.plan.transfer:
            tasks["q7"] = transfer_task(self.plan, self._client)
        return tasks

    def predict(self, prediction: object = ...) -> Text:
        """Commit to a prediction before counting: it is written down, and not judged."""
        if prediction is ...:
            return Text(f"Not attempted yet. {self.plan.question} What do you expect? Pass it, in a few words.")
        self.learner.record("prediction", self.plan.metric, "predict", draw=self.state.draw, text=str(prediction))
        return Text("Written down. Now count, and compare.")

    def open(self) -> "Link":
        """Put the lesson's notebook into the learner's folder, unless it is there, and link to it."""
        from crmnb.learn.link import Link
        from crmnb.learn.opening import open_notebook

        return Link(open_notebook(self.plan.metric, self.learner), self.words["title"])

    def __getattr__(self, name: str) -> Question:
        if name.startswith("_"):
            raise AttributeError(name)
        questions = self.questions
        if name not in questions:
            raise InputError(f"the lesson has no question {name!r}.{nearest(name, questions)}")
        return questions[name]

    def _repr_html_(self) -> str:
        from crmnb.learn.display import lesson_html

        return lesson_html(self)

    def __repr__(self) -> str:
        gates = "\n".join(f"  {line}" for line in self.gate_lines())
        title = self.words["title"]
        return f"{title}: {self.state.text(self.learner.clock())}\n{gates}\nNext: {self.next_step()}"

    def gate_lines(self) -> list[str]:
        """Each gate with its state and its exercises: `done: count it by hand (q1)`; beside the explanation, the mentor's points."""
        exercises = self._exercises
        points = f"; mentor: {self.state.points} of {len(RUBRIC)} points" if self.state.points else ""
        return [
            f"{'done' if done else 'open'}: {gate} ({', '.join(exercises[gate])}{points if 'q6' in exercises[gate] else ''})"
            for gate, done in self.gates.items()
        ]

    @property
    def _exercises(self) -> dict[str, tuple[str, ...]]:
        return replace(self.state, has_client=self.plan.transfer is not None).exercises

    @property
    def gates(self) -> dict[str, bool]:
        """Which gates are passed; all of them from the end of a round until the repeat is due or begun."""
        state = self.state
        return dict.fromkeys(GATES, True) if state.is_waiting(self.learner.clock()) else state.gates

    def next_question(self) -> str:
        """The first question of the first gate that is open; "" where all are passed."""
        done = self.state.done
        for gate, is_passed in self.gates.items():
            if not is_passed:
                return next(name for name in self._exercises[gate] if name not in done)
        return ""

    def next_step(self) -> str:
        """What to do next, in a sentence."""
        if name := self.next_question():
            gate = next(gate for gate, names in GATES.items() if name in names)
            return f'lesson("{self.plan.metric}").{name} asks you to {gate}.'
        return "another metric: `crmnb learn next`."

    def _words(self, draw: int) -> dict[str, str]:
        if self._is_of_drawn_rows(draw):
            return words_in(self._result(draw), self.plan.breakdown)
        return words_of(self.plan.metric, self.plan.breakdown, draw)

    def _result(self, draw: int) -> "ResultView":
        if self._is_of_drawn_rows(draw):
            return _result_of_drawn(self.plan.metric, self._seed(draw))
        return result_on(self.plan.metric, self.plan.breakdown, draw)

    def _is_of_drawn_rows(self, draw: int) -> bool:
        """Whether the result is computed on rows that were drawn again.

        A written lesson has all columns that its metric reads. A derived one has some rows of several tables: its result is of another
        period of the shop, and says so.
        """
        return draw > 0 and not callable(self.plan.claims)

    def _seed(self, draw: int) -> str:
        return f"{self.learner.name} {draw}"

    def _tables(self, draw: int) -> Tables:
        return _drawn(self.plan.metric, self._seed(draw)) if draw else self.plan.tables


def lesson(metric: str, learner: str = "") -> Lesson:
    """The lesson on a metric, for a learner by name (by default the user). Raises InputError for a metric that does not exist."""
    return Lesson(plan(metric), learner_named(learner))


def lesson_state(metric: str, events: Iterable[Event], now: datetime) -> LessonState:
    """Where a learner stands in a metric's lesson, which may have a last question on a client of their own."""
    return state_of(metric, events, now, lambda: metric in written_lessons() or plan(metric).transfer is not None)


@cache
def written_lessons() -> tuple[str, ...]:
    """The metrics whose lesson a teacher wrote; a module with an underscore is what several share."""
    names = (module.name for module in iter_modules(lessons.__path__))
    return tuple(sorted(name for name in names if not name.startswith("_")))


@cache
def plan(metric: str) -> Plan:
    """A metric's lesson: as a teacher wrote it, else derived from the metric. Raises InputError for a metric that does not exist."""
    from crmnb.metrics.definition import catalogue

    if metric not in catalogue():
        raise InputError(f"there is no metric {metric!r}.{nearest(metric, catalogue())}")
    if metric not in written_lessons():
        from crmnb.learn.derived.plans import derived_plan

        return derived_plan(catalogue()[metric])
    written = import_module(f"{lessons.__name__}.{metric}")
    return plan_of(written, metric, corner_shop.tables_with(written.TABLES))


def _shown(tables: Tables, hidden: frozenset[str]) -> "dict[str, pd.DataFrame]":
    """The tables as the learner sees them: without the columns that are hidden, since they hold what is to be found."""
    from crmnb.learn.rows import Rows

    return {name: Rows(visible(rows, hidden)) for name, rows in tables.items()}


@cache
def _result_of_drawn(metric: str, seed: str) -> "ResultView":
    rows, own = _drawn(metric, seed), plan(metric).client_rows
    return result_of_rows(metric, apply(own, rows) if own else rows)


@cache
def _drawn(metric: str, seed: str) -> Tables:
    return drawn(plan(metric), seed)
