"""The capstone: a report on a simulated client with ten planted faults, and the check of what the learner marks."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from random import Random

from crmnb.core.errors import InputError
from crmnb.core.files import write_atomic
from crmnb.learn.capstone_facts import CUSTOMERS, SATISFIED, YEAR, Facts, facts_of
from crmnb.learn.capstone_lines import Line, lines, sound_lines
from crmnb.learn.progress import Learner

FAULTS = 10
NEEDED = 9  # faults found, and no more than one line marked in vain
MOST_IN_VAIN = 1


@dataclass(frozen=True)
class Report:
    """The report: what was counted, its numbered lines, and the faulty ones by number."""

    facts: Facts
    texts: tuple[str, ...]
    faults: dict[int, Line]


@dataclass(frozen=True)
class Verdict:
    """What the learner's marks show: faults missed by name, lines marked in vain, and the text that says so."""

    passed: bool
    missed: tuple[str, ...]
    in_vain: tuple[int, ...]
    text: str

    @property
    def outcome(self) -> str:
        """The outcome in a word."""
        return "passed" if self.passed else "not passed"

    @property
    def score(self) -> str:
        """How many faults were found, and how many lines were marked in vain."""
        return f"{FAULTS - len(self.missed)} of {FAULTS} faults found, {len(self.in_vain)} marked in vain"


def report_of(seed: int) -> Report:
    """The report of a seed: ten of the lines that can be faulty are, the others are as they should be."""
    random = Random(f"capstone {seed}")  # noqa: S311 -- an exercise, not a secret
    facts = facts_of(seed)
    faulty = set(random.sample([line.name for line in _plantable(facts)], FAULTS))
    entries = [((line.faulty if line.name in faulty else line.right)(facts), line) for line in lines()]
    entries += [(sound(facts), None) for sound in sound_lines()]
    random.shuffle(entries)
    numbered = list(enumerate(entries, 1))
    faults = {number: line for number, (_, line) in numbered if line and line.name in faulty}
    return Report(facts, tuple(text for text, _ in entries), faults)


def _plantable(facts: Facts) -> list[Line]:
    """The lines whose fault changes what is shown of this client."""
    return [line for line in lines() if line.faulty(facts) != line.right(facts)]


def check_marks(seed: int, marks: Iterable[int]) -> Verdict:
    """Compare the lines that the learner marks with the faults. Raises InputError for a line that does not exist."""
    report = report_of(seed)
    marked = set(marks)
    if unknown := sorted(number for number in marked if not 1 <= number <= len(report.texts)):
        raise InputError(f"the report has no line {unknown[0]}; its lines are 1 to {len(report.texts)}.")
    missed = {number: line for number, line in report.faults.items() if number not in marked}
    in_vain = sorted(marked - set(report.faults))
    passed = len(missed) <= FAULTS - NEEDED and len(in_vain) <= MOST_IN_VAIN
    texts = [f"{FAULTS - len(missed)} of {FAULTS} faults found; {len(in_vain)} marked in vain."]
    texts += [
        f"Found, line {number}: {line.name}. {line.because}"
        for number, line in report.faults.items()
        if number in marked
    ]
    texts += [f"Missed, line {number}: {line.name}. {line.because}" for number, line in missed.items()]
    texts += [f"In vain, line {number}: it is in order." for number in in_vain]
    texts.append(
        "Passed."
        if passed
        else f"Not passed: {NEEDED} faults are needed, with at most {MOST_IN_VAIN} line marked in vain."
    )
    return Verdict(passed, tuple(line.name for line in missed.values()), tuple(in_vain), "\n".join(texts))


def write_report(learner: Learner, seed: int) -> Path:
    """Write the report as a page into the learner's folder."""
    from crmnb.learn.opening import notebook_folder

    place = notebook_folder(learner) / f"capstone-{seed}.html"
    write_atomic(place, page(report_of(seed), seed))
    return place


def counted(facts: Facts) -> list[tuple[str, str]]:
    """What was counted: the table by which the lines can be checked."""
    rows = [
        (
            "Invitations after a purchase: sent, arrived, answered",
            f"{facts.invited}, {facts.reached}, {facts.answered}",
        ),
        *(
            (
                f"Scores, {name}: promoters, detractors, all",
                f"{facts.promoters[name]}, {facts.detractors[name]}, {facts.scored[name]}",
            )
            for name in sorted(facts.scored)
        ),
        *(
            (
                f"Answers on satisfaction in {year}: {SATISFIED} or 5, all",
                f"{facts.satisfied[year]}, {facts.rated[year]}",
            )
            for year in sorted(facts.rated)
        ),
        (f"The sum of these answers in {YEAR}, and sheets without one", f"{facts.points:.0f}, {facts.unrated}"),
        *((f"Satisfied answers and all, {name}", f"{s}, {n}") for name, (s, n) in sorted(facts.regions.items())),
        (f"Orders in {YEAR}, cancelled ones left out; their revenue", f"{facts.orders:,}, {facts.revenue:,.0f}"),
        ("Orders that were cancelled, and their amounts", f"{facts.cancelled}, {facts.amount_of_cancelled:,.0f}"),
        ("Customers who placed these orders", f"{facts.buyers:,}"),
        (f"Customers at the start of {YEAR}, of them still there at its end", f"{facts.customers}, {facts.retained}"),
        (f"Customers who came and left within {YEAR}", f"{facts.lost_new}"),
        (f"Tickets of {YEAR}, of them open", f"{facts.tickets}, {facts.open_tickets}"),
        ("Groups of fewer are hidden, and must not follow by subtraction", f"{facts.threshold}"),
    ]
    return rows


_STYLE = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:48rem;margin:0 auto;padding:1rem;color:#1a1a1a;background:#fff}"
    "table{border-collapse:collapse}th,td{text-align:left;font-weight:normal;padding:.25rem .5rem;border-bottom:1px solid #767676}"
    "td{text-align:right}ol{padding-left:2.5rem}li{margin:.5rem 0}"
)


def page(report: Report, seed: int) -> str:
    """The report as a page of HTML, without scripts: the table of what was counted, then the numbered lines."""
    from crmnb.report.html import tag

    title = f"Customer report {YEAR}, client {seed}"
    rows = [tag("tr", tag("th", name, scope="row"), tag("td", number)) for name, number in counted(report.facts)]
    body = tag(
        "main",
        tag("h1", title),
        tag(
            "p",
            f"A simulated client with {CUSTOMERS} customers at first. {FAULTS} of the lines below are faulty: which?",
        ),
        tag("h2", "What was counted"),
        tag("table", tag("caption", "Counts by which each line can be checked"), tag("tbody", *rows)),
        tag("h2", "The report"),
        tag("ol", *(tag("li", text) for text in report.texts)),
        tag("p", f"Then: crmnb learn capstone --seed {seed} --marks, and the numbers of the lines."),
    )
    viewport = '<meta name="viewport" content="width=device-width, initial-scale=1">'
    head = f'<meta charset="utf-8">{viewport}{tag("title", title)}<style>{_STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'
