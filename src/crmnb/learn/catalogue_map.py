"""The map: all lessons by family with the learner's state, and what comes next."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from functools import cache
from importlib import import_module

from crmnb.core.errors import InputError, nearest
from crmnb.learn import lessons
from crmnb.learn.lesson import lesson_state, written_lessons
from crmnb.learn.progress import Event, Learner
from crmnb.learn.state import LessonState
from crmnb.metrics.definition import catalogue, families, family

LAST = 1000  # the place of a written lesson that names none


@cache
def order() -> tuple[str, ...]:
    """All metrics in the order in which they are learned: those with a written lesson by its `PLACE`, then family after family."""
    modules = {name: import_module(f"{lessons.__name__}.{name}") for name in written_lessons()}
    places = {name: getattr(module, "PLACE", LAST) for name, module in modules.items()}
    written = sorted(places, key=lambda name: (places[name], name))
    begun = dict.fromkeys(catalogue()[name].family for name in written)
    others = [name for name_of_family in (*begun, *families()) for name in family(name_of_family)]
    return tuple(dict.fromkeys((*written, *others)))


def states(events: Iterable[Event], now: datetime) -> dict[str, LessonState]:
    """Where a learner stands in every lesson, in the order of learning."""
    by_metric: dict[str, list[Event]] = defaultdict(list)
    general: list[Event] = []
    for event in events:
        if event.metric:
            by_metric[event.metric].append(event)
        else:  # a reset of everything concerns every lesson
            general.append(event)
            for earlier in by_metric.values():
                earlier.append(event)
    return {name: lesson_state(name, by_metric.get(name, general), now) for name in order()}


def next_metric(known: dict[str, LessonState], now: datetime) -> str:
    """The lesson to do next: the repeat that is due longest, else one that was begun, else the first that was not."""
    due = [(state.due, name) for name, state in known.items() if state.due and state.due <= now]
    if due:
        return min(due)[1]
    begun = [name for name, state in known.items() if state.tries and not state.rounds]
    return begun[0] if begun else next((name for name, state in known.items() if not state.rounds), next(iter(known)))


def map_text(learner: Learner) -> str:
    """The map as a text: the next step, then each family with its lessons that were begun."""
    now = learner.clock()
    known = states(learner.events(), now)
    lines = [f"{learner.name}: {summary(known)}", "", next_text(known, now), ""]
    for name in dict.fromkeys(catalogue()[metric].family for metric in order()):
        members = {metric: known[metric] for metric in family(name)}
        lines.append(f"{name:13} {summary(members)}")
        lines += [
            f"  {catalogue()[metric].title}: {state.text(now)}"
            for metric, state in members.items()
            if state.tries or state.rounds
        ]
    return "\n".join([*lines, "", "The lessons of a family: `crmnb learn map FAMILY`.", *torn(learner)])


def family_text(learner: Learner, name: str) -> str:
    """The map of a family as a text: the next step in it, then each of its lessons with its metric and state.

    Raises InputError for a family that does not exist.
    """
    require_family(name)
    now = learner.clock()
    known = states(learner.events(), now)
    members = {metric: known[metric] for metric in order() if catalogue()[metric].family == name}
    width = max(map(len, members))
    lines = [f"{learner.name}, {name}: {summary(members)}", "", next_text(members, now), ""]
    lines += [f"{metric:{width}}  {state.text(now)}: {catalogue()[metric].title}" for metric, state in members.items()]
    return "\n".join([*lines, *torn(learner)])


def next_text(known: dict[str, LessonState], now: datetime) -> str:
    """What to do next, in two lines."""
    name = next_metric(known, now)
    title, state = catalogue()[name].title, known[name]
    return f'Next: {title} ({state.text(now)}). In JupyterLab: lesson("{name}").open(); `make learn` opens it.'


def summary(members: dict[str, LessonState]) -> str:
    """How many lessons there are, and how many were begun, passed and mastered."""
    mastered = sum(state.mastered for state in members.values())
    passed = sum(bool(state.rounds) for state in members.values()) - mastered
    begun = sum(bool(state.tries) and not state.rounds for state in members.values())
    parts = [(mastered, "mastered"), (passed, "passed"), (begun, "begun")]
    return ", ".join([f"{len(members)} lessons", *(f"{number} {word}" for number, word in parts if number)])


def torn(learner: Learner) -> list[str]:
    """A sentence on lines that were torn; none where all are whole."""
    number = learner.torn_lines()
    lines = "1 line was" if number == 1 else f"{number} lines were"
    return [f"{lines} torn in {learner.path}, as by a crash; left out. Everything else is there."] if number else []


def require_family(name: str) -> None:
    """Raise InputError for a family that does not exist."""
    if name not in families():
        raise InputError(f"there is no family {name!r}.{nearest(name, families())}")
