"""Quiz: twelve items of a family, drawn from the claims, the traps, the counts and the mistakes of its lessons; passed at 90%."""

from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from math import ceil, isfinite
from random import Random

from crmnb.learn.declaration import YEAR, Exercise, Plan, Row, Tables, tables_of, visible
from crmnb.learn.feedback import shown
from crmnb.learn.lesson import plan
from crmnb.learn.redraw import drawn, values_of
from crmnb.learn.tasks import direction_of, filled
from crmnb.learn.words import words_of
from crmnb.metrics.definition import catalogue, family

ITEMS = 12
PASS = ceil(0.9 * ITEMS)
LETTERS = "abcd"
_MOST_ROWS = 16  # of a count that has to be read on a terminal


@dataclass(frozen=True)
class Item:
    """An item: its text, the options, the letter of the right one, why, and the name of the mistake behind each other option."""

    metric: str
    text: str
    options: tuple[str, ...]
    right: str
    because: str
    mistakes: tuple[str, ...] = ()

    def verdict(self, answer: str) -> tuple[bool, str]:
        """Whether an answer is right, and the mistake's name if it has one."""
        letter = answer.strip().lower()[:1]
        if letter == self.right:
            return True, ""
        place = LETTERS.find(letter) if letter else -1
        return False, self.mistakes[place] if 0 <= place < len(self.mistakes) else ""


def drawn_items(name: str, seed: str) -> list[Item]:
    """The items of a family's quiz by a seed: of each kind about as many, and no metric once more before each had its turn.

    Every family has items enough, since each lesson has claims, traps, counts and mistakes.
    """
    random = Random(f"{name} {seed}")  # noqa: S311 -- a quiz, not a secret
    metrics = random.sample([*family(name)], len(family(name)))
    chosen: dict[str, Item] = {}
    uses: Counter = Counter()
    for turn in range(ITEMS):
        for metric in metrics:
            if item := _item_of(plan(metric), f"quiz {seed} {turn}", random, uses, chosen):
                chosen[item.text] = item
                if len(chosen) == ITEMS:
                    items = list(chosen.values())
                    random.shuffle(items)
                    return items
    raise ValueError(f"the lessons of {name} have too few items for a quiz")


def _item_of(lesson: Plan, seed: str, random: Random, uses: Counter, used_texts: Container[str]) -> Item | None:
    """A new item on a lesson, of the kind that it had least often so far, then of the kind that is rarest in the quiz."""
    for kind in sorted(_KINDS, key=lambda kind: (uses[lesson.metric, kind], uses[kind])):
        item = kind(lesson, seed, random)
        if item and item.text not in used_texts:
            uses[lesson.metric, kind] += 1
            uses[kind] += 1
            return item
    return None


def _name(lesson: Plan) -> str:
    """What a figure is of: `The corner shop in 2025, response rate (purchase)`."""
    title = catalogue()[lesson.metric].title
    name = title if title[:2].isupper() else title[0].lower() + title[1:]
    return f"The corner shop in {YEAR}, {name}{f' ({lesson.breakdown})' if lesson.breakdown else ''}"


def _count(lesson: Plan, seed: str, random: Random) -> Item | None:
    """Rows, and the figure that is to be counted from them; the other options are those of mistakes."""
    tables = drawn(lesson, seed)
    exercise = lesson.exercises["q1"]
    rows = visible(_rows_of(exercise, tables), lesson.hidden)
    if not rows or len(rows) > _MOST_ROWS:
        return None
    values = values_of(lesson, exercise, tables)
    right = values.pop("")
    others = {shown(value, exercise): name for name, value in values.items() if isfinite(value)}
    others.pop(shown(right, exercise), None)
    if len(others) < 3:
        return None
    options = random.sample([*others], 3)
    return _item(
        lesson,
        f"Another shop has these rows:\n{_table(rows)}\n{exercise.ask}",
        options,
        shown(right, exercise),
        exercise.way,
        others,
        random,
    )


def _rows_of(exercise: Exercise, tables: Tables) -> list[Row]:
    names = tables_of(exercise.value)
    return tables[names[0]] if len(names) == 1 else []


def _table(rows: list[Row]) -> str:
    """Rows as columns of text, as a terminal shows them."""
    names = list(rows[0])
    cells = [names, *([_cell(row[name]) for name in names] for row in rows)]
    widths = [max(len(line[place]) for line in cells) for place in range(len(names))]
    return "\n".join(
        "  ".join(text.ljust(width) for text, width in zip(line, widths, strict=True)).rstrip() for line in cells
    )


def _cell(value: object) -> str:
    return "" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)[:22]


def _claim(lesson: Plan, seed: str, random: Random) -> Item:
    """A claim, which may be made or not."""
    words = words_of(lesson.metric, lesson.breakdown)
    claim = random.choice(lesson.claims_with(words))
    figure = ", ".join(
        filter(None, (words["value"], words["counted"] and f"based on {words['counted']}", words["interval"]))
    )
    text = f'{_name(lesson)}: {figure}. May this be said? "{filled(claim.text, words)}"'
    right = "a" if claim.allowed else "b"
    names = ("a claim that may not be made", "a claim that may be made")
    return Item(lesson.metric, text, ("yes, it may", "no, it may not"), right, filled(claim.because, words), names)


def _trap(lesson: Plan, seed: str, random: Random) -> Item | None:
    """What happens to the rows, and which way the figure goes."""
    if not lesson.traps:
        return None
    trap = random.choice(lesson.traps)
    direction, figure, after = direction_of(trap, lesson, lesson.tables)
    exercise = lesson.exercises[trap.of or "q1"]
    options = ("up", "down", "same")
    question = exercise.ask.replace(" Count with a pencil.", "")
    text = f"The corner shop. {question} It is {shown(figure, exercise)}. {trap.ask}"
    because = f"{shown(after, exercise)} then. {trap.because}"
    return Item(lesson.metric, text, options, LETTERS[options.index(direction)], because, (trap.name,) * 3)


def _mistake(lesson: Plan, seed: str, random: Random) -> Item | None:
    """What a colleague did, as the message to a mistake says it, and the name of the mistake."""
    ways = [way for way in lesson.misconceptions_of("q1") if ". " in way.message]
    if len(ways) < 4:
        return None
    way, *others = random.sample(ways, 4)
    done, _, reason = way.message.replace("You ", "A colleague ", 1).partition(". ")
    text = f"{_name(lesson)}: {_definition(lesson)} {done}. What is wrong with it?"
    names = {other.message.partition(". ")[2]: other.name for other in others}
    options = list(names)
    if reason in options or len({*options, reason}) < 4:
        return None
    return _item(lesson, text, options, reason, reason, names, random)


def _definition(lesson: Plan) -> str:
    """What the figure is made of: `surveys completed out of invitations.`."""
    metric = catalogue()[lesson.metric]
    if lesson.breakdown is None:
        return lesson.exercises["q1"].ask
    return f"{metric.numerator} out of {metric.denominator}." if metric.denominator else f"{metric.numerator}."


def _item(
    lesson: Plan, text: str, others: list[str], right: str, because: str, names: dict[str, str], random: Random
) -> Item:
    options = [*others, right]
    random.shuffle(options)
    mistakes = tuple(names.get(option, "") for option in options)
    return Item(lesson.metric, text, tuple(options), LETTERS[options.index(right)], because, mistakes)


_KINDS = (_count, _claim, _trap, _mistake)
