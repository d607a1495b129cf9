"""Tasks: the questions of a plan on one draw of its data: numbers, traps, claims, a slide, an explanation."""

from collections.abc import Mapping
from random import Random
from typing import Any

from crmnb.learn.declaration import QUESTIONS, Claim, Exercise, Misuse, Plan, Tables, Trap, apply
from crmnb.learn.explanation import RUBRIC, WORDS, faults
from crmnb.learn.feedback import Feedback, agrees, is_blank, judged, number_of, shown
from crmnb.learn.question import Task

_DIRECTIONS = ("up", "down", "same")


def tasks_of(plan: Plan, tables: Tables, words: Mapping[str, str], draw: int) -> dict[str, Task]:
    """The tasks by their names, in the order of the lesson. words: what fills the places in claims and slides.

    Claims and slides are shown as declared at first (draw 0), then in another order.
    """
    numbers = {name: number_task(exercise, plan, tables) for name, exercise in plan.exercises.items()}
    traps = {f"q3{letter}": _trap_task(trap, plan, tables) for letter, trap in zip(QUESTIONS, plan.traps, strict=False)}
    random = Random(f"{plan.metric} {draw}")  # noqa: S311 -- the order of sentences, not a secret
    claims = list(plan.claims_with(words))
    if draw:
        random.shuffle(claims)
    misuse = plan.misuses[draw % len(plan.misuses)]
    return {
        **numbers,
        **traps,
        "q4": _claims_task(claims, words),
        "q5": _misuse_task(misuse, words),
        "q6": _explanation_task(words),
    }


def number_task(exercise: Exercise, plan: Plan, tables: Tables) -> Task:
    """The task whose answer is a number."""

    def solution() -> str:
        return f"{shown(apply(exercise.value, tables), exercise)}. {exercise.way}"

    ways = plan.misconceptions_of(exercise.name)
    decimals = f"{exercise.digits} decimals" if exercise.digits else "a whole number"
    ask = f"{exercise.ask} ({exercise.unit}, {decimals})"
    return Task(ask, lambda answer: judged(answer, exercise, ways, tables), exercise.hints, solution)


def direction_of(trap: Trap, plan: Plan, tables: Tables) -> tuple[str, float, float]:
    """Which way a trap moves its figure ("up", "down", "same"), and the figure before and after."""
    exercise = _exercise_of(trap, plan)
    figure = apply(exercise.value, tables)
    after = apply(exercise.value, {**tables, **apply(trap.change, tables)})
    if agrees(after, figure, 1e-9):
        return "same", figure, after
    return ("up" if after > figure else "down"), figure, after


def _exercise_of(trap: Trap, plan: Plan) -> Exercise:
    return plan.exercises[trap.of or next(iter(plan.exercises))]


def _trap_task(trap: Trap, plan: Plan, tables: Tables) -> Task:
    exercise = _exercise_of(trap, plan)
    direction, figure, after = direction_of(trap, plan, tables)
    moves = f"{shown(figure, exercise)} before, {shown(after, exercise)} after. {trap.because}"

    def judge(answer: Any) -> Feedback:
        if is_blank(answer):
            return Feedback("not attempted", 'Not attempted yet: answer "up", "down" or "same".')
        if (word := str(answer).strip().lower()) not in _DIRECTIONS:
            return Feedback("not attempted", f'{answer!r} is no direction: answer "up", "down" or "same".')
        if word == direction:
            return Feedback("right", f"Right: {direction}. {moves}")
        return Feedback("named", f"No, not {word}: {moves}", (trap.name,))

    hints = (
        "Ask first whether the row counts at all: its period, its status, its blanks.",
        "Then ask what it changes: what is counted, what it is divided by, or both.",
        f"The figure was {shown(figure, exercise)}. Count again with the change.",
    )
    return Task(f"{trap.ask} (up, down or same)", judge, hints, lambda: f"{direction}: {moves}")


def _claims_task(claims: list[Claim], words: Mapping[str, str]) -> Task:
    lettered = dict(zip(QUESTIONS, claims, strict=False))
    allowed = {letter for letter, claim in lettered.items() if claim.allowed}
    lines = "\n".join(f"{letter}) {filled(claim.text, words)}" for letter, claim in lettered.items())

    def reasons(letters: set[str]) -> str:
        verdicts = {True: "may be said", False: "may not be said"}
        return "\n".join(
            f"{letter}) {verdicts[lettered[letter].allowed]}: {filled(lettered[letter].because, words)}"
            for letter in sorted(letters)
        )

    def judge(answer: Any) -> Feedback:
        parts = answer if isinstance(answer, tuple | list | set) else [answer]
        if all(is_blank(part) for part in parts):
            return Feedback("not attempted", 'Not attempted yet: pass the letters, as in check("a", "c").')
        letters = {c for part in parts for c in str(part).lower() if c.isalnum()}
        if unknown := letters - set(lettered):
            return Feedback("not attempted", f"There is no claim {', '.join(sorted(unknown))}.")
        if letters == allowed:
            return Feedback("right", f"Right.\n{reasons(set(lettered))}")
        misjudged = letters ^ allowed
        names = tuple(filled(lettered[letter].text, words) for letter in sorted(misjudged))
        return Feedback("named", f"No. Look again at {', '.join(sorted(misjudged))}.\n{reasons(misjudged)}", names)

    hints = (
        "A claim may be made if the rows show it, of those who were counted.",
        "Read the interval: what lies within it can be chance.",
        f"{len(allowed)} of them may be made.",
    )
    return Task(f"Which of these claims may be made?\n{lines}", judge, hints, lambda: reasons(set(lettered)))


def _misuse_task(misuse: Misuse, words: Mapping[str, str]) -> Task:
    lines = [filled(line, words) for line in misuse.slide]
    slide = "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))
    because = filled(misuse.because, words)

    def judge(answer: Any) -> Feedback:
        if is_blank(answer):
            return Feedback("not attempted", "Not attempted yet: pass the number of the line.")
        number = number_of(answer)
        if number not in range(1, len(lines) + 1):
            return Feedback("not attempted", f"There is no line {answer!r}.")
        if number == misuse.line:
            return Feedback("right", f"Right, line {misuse.line}: {because}")
        return Feedback("wrong", f"No: line {int(number)} is in order.")

    hints = (
        "Read each line as the client will: what will be done because of it?",
        "Which line says more than the rows and the interval allow?",
        f"It is one of the lines {_two_of(misuse.line, len(lines))}.",
    )
    return Task(
        f"Which line of this slide misuses the figure?\n{slide}", judge, hints, lambda: f"Line {misuse.line}: {because}"
    )


def _two_of(line: int, number: int) -> str:
    other = line - 1 if line > 1 else min(2, number)
    return f"{min(line, other)} and {max(line, other)}"


def _explanation_task(words: Mapping[str, str]) -> Task:
    def judge(answer: Any) -> Feedback:
        if is_blank(answer):
            return Feedback("not attempted", "Not attempted yet: pass your explanation as a text.")
        if lines := faults(str(answer), **_has(words)):
            return Feedback("named", "Not yet.\n" + "\n".join(f"- {line}" for line in lines), tuple(lines))
        rubric = "\n".join(f"- {line}" for line in RUBRIC)
        return Feedback("right", f"It keeps the rules. Your mentor will read it for five points:\n{rubric}")

    hints = (
        "Three things must be in it: out of how many, from where to where, and compared with what.",
        f"The report says: {words['sentence']}",
        "Do not say that it is significant, proves something or has a cause; do not compare with the industry without a source.",
    )
    return Task(
        f"Explain the figure to the client in at most {WORDS} words.", judge, hints, lambda: model_explanation(words)
    )


def _has(words: Mapping[str, str]) -> dict[str, Any]:
    """Which parts a result has, of those that an explanation must name, and the figures that it must name."""
    named = {"the figure": words["value"], "where it may lie": words["limits"]}
    return {
        "figures": {what: text for what, text in named.items() if text and words["available"]},
        "has_figure": bool(words["available"]),
        "has_base": bool(words["counted"]),
        "has_interval": bool(words["limits"]),
    }


def model_explanation(words: Mapping[str, str]) -> str:
    """An explanation that keeps the rules, of a result's own words."""
    if not words["available"]:
        return f"There is no figure for {words['title']}, because the data lack what it needs."
    limits = (
        f"It may lie anywhere from {words['limits']}" if words["limits"] else "All were counted, so it has no interval"
    )
    return f"{words['title']}: {words['value']}, based on {words['base']}. {limits}. Compared with before: {words['change']}."


def filled(text: str, words: Mapping[str, str]) -> str:
    """A text with the result's words in its places. Raises KeyError for a place that no result fills."""
    return text.format_map(words)
