"""Claims and slides that follow from a metric's definition and its result: what may be said, and what may not."""

from collections.abc import Mapping

from crmnb.learn.declaration import Claim, Misuse
from crmnb.metrics.definition import Metric

_DIRECTIONS = {"up": "higher", "down": "lower"}


def claims_of(words: Mapping[str, str]) -> tuple[Claim, ...]:
    """Claims on the result: those that may be made first. Numbers are filled in from the result when a claim is shown."""
    counted = [
        Claim(
            "Whoever quotes the figure has to know this: {caution}",
            True,
            "It is the caution of the definition.",
            caution=True,
        ),
    ]
    if words["available"]:
        counted.insert(
            0, Claim("{period}: {value}, based on {base}.", True, "It says what was counted, of whom, and when.")
        )
    if words["limits"]:
        counted.append(
            Claim("The true figure may lie anywhere from {limits}.", True, "That is what the interval says.")
        )
        counted.append(
            Claim(
                "The figure is exact, since it was computed from the client's own data.",
                False,
                "Another year of the same shop would differ by chance: {interval}.",
            )
        )
    elif words["available"]:
        counted.append(
            Claim("All were counted, so the figure itself has no interval.", True, "Nothing is inferred from a sample.")
        )
        counted.append(
            Claim(
                "With an interval from a sample it would be more exact.",
                False,
                "All were counted: chance plays no part in the figure.",
            )
        )
    else:
        counted.append(
            Claim("For the corner shop there is no figure, and a report says why.", True, "The report: {value}.")
        )
        counted.append(Claim("Where a figure is missing, it is 0.", False, "Not available is not nothing: {value}."))
    counted += [
        Claim(
            "The figure can be quoted without any reservation.",
            False,
            "The definition cautions: {caution}",
            caution=True,
        ),
        Claim("Next year it will be the same again.", False, "A figure is of its period; it promises nothing."),
        Claim(
            "What the shop did this year has brought it about.",
            False,
            "Nothing here compares with a shop that did otherwise: a cause is not shown.",
        ),
    ]
    return tuple(counted)


def misuses_of(metric: Metric) -> tuple[Misuse, ...]:
    """Slides with one line that misuses the figure."""
    base = "Based on {base}"
    lines = ("{period}: {value}", base)
    better = _DIRECTIONS.get(metric.direction if isinstance(metric.direction, str) else "-")
    aim = (
        f"The staff's bonus follows each step that it is {better} next month"
        if better
        else "It shows which of our customers are right"
    )
    return (
        Misuse((*lines, "Nothing has to be known to read this figure"), 3, "The caution has to be known: {caution}"),
        Misuse(
            ("Our new campaign has made it what it is", *lines),
            1,
            "Nothing here shows a cause: there is no comparison with customers without the campaign.",
        ),
        Misuse(
            (lines[0], aim, base),
            2,
            "One figure of one period says nothing of a month, nor of single people. {caution}",
        ),
    )
