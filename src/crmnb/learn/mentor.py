"""The mentor's report: of each lesson tries, hints, solutions and named misconceptions; quizzes; explanations with the rubric."""

from collections import Counter, defaultdict
from collections.abc import Iterable

from crmnb.core.errors import InputError
from crmnb.learn.catalogue_map import order, states, torn
from crmnb.learn.explanation import RUBRIC
from crmnb.learn.progress import Event, Learner
from crmnb.metrics.definition import catalogue


def report(learner: Learner) -> str:
    """The report on a learner as a text. It says so where nothing was done yet."""
    events = learner.events()
    if not events:
        return "\n".join([f"{learner.name} has not begun. The progress will be in {learner.path}.", *torn(learner)])
    days = dict.fromkeys(f"{event.at:%d %B %Y}" for event in (events[0], events[-1]))
    lines = [f"Report on {learner.name}, {' to '.join(days)}"]
    lines += [*_lessons(learner, events), *_quizzes(events), *_explanations(events)]
    return "\n".join([*lines, "", f"Every line: {learner.path}", *torn(learner)])


def _lessons(learner: Learner, events: list[Event]) -> list[str]:
    now = learner.clock()
    known = states(events, now)
    by_metric: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        by_metric[event.metric].append(event)
    lines = []
    for metric in order():
        own = by_metric.get(metric, [])
        if not own:
            continue
        number = Counter(event.kind for event in own)
        counts = f"{_counted(number['try'], 'try', 'tries')}, {_counted(number['hint'], 'hint')}, {_counted(number['solution'], 'solution')}"
        lines += ["", f"{catalogue()[metric].title} ({metric}): {known[metric].text(now)}; {counts}"]
        lines += [f"  {line}" for line in _predictions(own)]
        lines += [f"  {name}: {times} x" for name, times in _misconceptions(own).most_common()]
    return lines


def _misconceptions(events: Iterable[Event]) -> Counter[str]:
    """How often each misconception was named, with the exercise."""
    named = (e for e in events if e.kind == "try" and e.exercise != "q6")
    return Counter(f"{event.exercise}, {name}" for event in named for name in event.names)


def _predictions(events: Iterable[Event]) -> list[str]:
    return [f"expected: {event.text}" for event in events if event.kind == "prediction"]


def _quizzes(events: list[Event]) -> list[str]:
    attempts = [event for event in events if event.kind in ("quiz", "capstone")]
    if not attempts:
        return []
    lines = ["", "Quizzes and capstone"]
    for event in attempts:
        missed = f"; {', '.join(event.names)}" if event.names else ""
        lines.append(f"  {event.at:%d %B %Y} {event.exercise or event.kind}: {event.text}, {event.outcome}{missed}")
    return lines


def _explanations(events: list[Event]) -> list[str]:
    """The last explanation of each lesson that kept the rules, with the rubric and the points that were given."""
    last = {e.metric: e for e in events if e.kind == "try" and e.exercise == "q6" and e.outcome == "right"}
    grades = {e.metric: e.outcome for e in events if e.kind == "grade"}
    if not last:
        return []
    lines = [
        "",
        "Explanations, to be read for five points:",
        *(f"  {number}. {line}" for number, line in enumerate(RUBRIC, 1)),
    ]
    for metric, event in last.items():
        points = grades.get(metric)
        lines += [
            f"{catalogue()[metric].title}: {f'{points} of {len(RUBRIC)} points' if points else 'not read yet'}",
            f"  {event.text}",
        ]
    return lines


def grade(learner: Learner, metric: str, points: int) -> None:
    """Write down the mentor's points for an explanation. Raises InputError for points out of range, or without an explanation."""
    if not 0 <= points <= len(RUBRIC):
        raise InputError(f"{points} points are out of range: 0 to {len(RUBRIC)}, one for each line of the rubric.")
    if not any(e.metric == metric and e.exercise == "q6" and e.outcome == "right" for e in learner.events()):
        raise InputError(f"{learner.name} has no explanation of {metric} that keeps the rules yet.")
    learner.record("grade", metric, "q6", outcome=str(points))


def _counted(number: int, word: str, several: str = "") -> str:
    return f"{number} {word if number == 1 else several or word + 's'}"
