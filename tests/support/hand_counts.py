"""Figures that were counted by hand: read from the corner shop's parameters file, and compared with others."""

import re

import pytest


def equal(figures: dict, hand: dict) -> bool:
    return figures.keys() == hand.keys() and all(
        figures[c] == hand[c] if isinstance(hand[c], tuple) else figures[c] == pytest.approx(hand[c], rel=1e-12)
        for c in hand
    )


def pencilled(comment: str) -> dict[str, dict[str, float]]:
    """The figures in the comment: `#     metric  figure  remark`, its breakdowns two blanks further in."""
    told: dict[str, dict[str, float]] = {}
    for line in comment.splitlines():
        if alone := re.fullmatch(r"# {5}([a-z_]+)", line):
            metric = alone[1]
            told[metric] = {}
        elif found := re.fullmatch(r"# {5}(?P<of>  )?(?P<name>\S+( \S+)*) {2,}(?P<figure>\S+( \S+)*)( {2,}.*)?", line):
            metric = metric if found["of"] else found["name"]
            breakdown = found["name"] if found["of"] else ""
            told.setdefault(metric, {}).update(figures_of(breakdown, found["figure"]))
    return told


def figures_of(breakdown: str, figure: str) -> dict[str, float]:
    if " of " in figure:  # a cohort: how many were active 0, 1, 2 ... months later, of how many
        active, members = figure.split(" of ")
        return {f"{breakdown} +{k}": int(n) / int(members) for k, n in enumerate(active.split())}
    assert re.fullmatch(r"[\d\s.()+*/-]+", figure), figure
    return {breakdown: float(eval(figure))}  # noqa: S307 -- digits and operators of our own file, as just seen
