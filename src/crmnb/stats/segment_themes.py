"""Themes of the weakest segments: what those write about whose relationship index is below that of all others, against what all others write.

Counts are those of `crmnb.stats.relationship`, with `about <i>` (0 or 1; empty without a comment), `typical <i>` (how typical a quote is of theme i)
and `quote` (the comment where it may be quoted, without personal data). Settings as there, and `themes`: the names of the themes in order.

Sources. Wilson 1927, JASA 22:209 (share, counting customers). Welch 1947, Biometrika 34:28 (difference from all others, by customer). Holm 1979,
Scandinavian Journal of Statistics 6:65 (all themes of all weakest segments together).
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import ndtri

from crmnb.core.notes import Note
from crmnb.stats.channel_preference import score_interval
from crmnb.stats.dissatisfied_segments import FEWEST, MOST_NAMED, Gap, gap_of_sums, levels_below
from crmnb.stats.estimation import Estimates, EstimationContext, GroupedCounts
from crmnb.stats.multiple_tests import holm
from crmnb.stats.relationship import current_whole
from crmnb.stats.relationship_model import fitted, wholes_without

ABOUT, TYPICAL, QUOTE = "about ", "typical ", "quote"  # columns of counts
MOST_QUOTES = 3  # of a theme in a segment


@dataclass(frozen=True)
class Mentions:
    """A theme in a group's comments: by customer's fold how many comments, and how many are about it."""

    folds: np.ndarray
    comments: np.ndarray
    about: np.ndarray

    @property
    def sums(self) -> tuple[np.ndarray, ...]:
        """As `gap_of_sums` takes them."""
        return self.folds, self.comments, self.about, self.comments

    @property
    def share(self) -> float:
        """The share of the comments that are about the theme."""
        return float(self.about.sum() / self.comments.sum())


def themes(groups: list[GroupedCounts], context: EstimationContext) -> Estimates:
    """The share of comments about each theme, of the whole client and of at most three weakest segments, and what these say in their own words.

    Flag `above_rest`: the segment raises the theme more often than all others, beyond chance.
    """
    whole = current_whole(groups)
    if whole is None:
        return Estimates([])
    names = context.settings["themes"]
    extra = [QUOTE, *(f"{prefix}{at}" for prefix in (ABOUT, TYPICAL) for at, _ in enumerate(names))]
    below, compared = levels_below(groups, context, fitted(wholes_without(groups, extra), context))
    of_whole = [_mentions(whole, at) for at, _ in enumerate(names)]
    if not of_whole or not of_whole[0].comments.sum():
        return Estimates([whole.row(n=0.0, clusters=0.0, reason=Note("no_comments_on_relationship"))])
    fewest = max(FEWEST, context.suppress_below)
    weakest = [group for group in below[:MOST_NAMED] if len(_mentions(group, 0).folds) >= fewest]
    rows = [_whole_row(whole, name, at, weakest, context) for at, name in enumerate(names)]
    if not below:
        return Estimates(rows, notes=[Note("no_segment_below_rest", levels=compared)])
    notes, quoted = [], set()
    gaps = [[_gap(group, at, own) for at, own in enumerate(of_whole)] for group in weakest]
    raised = _beyond_chance(gaps, 1 - context.level)
    for group, own_gaps, own_raised in zip(weakest, gaps, raised, strict=True):
        order = sorted(np.flatnonzero(own_raised), key=lambda at: -own_gaps[at].value)
        rows += [
            _row(group, name, _mentions(group, at), context.level, "above_rest" if own_raised[at] else "")
            for at, name in enumerate(names)
        ]
        place = {"segment": group.segment, "level": group.level}
        of = {"of": len(names) * len(weakest)}
        notes.append(Note("segment_raises_themes", themes=[names[at] for at in order], **of, **place))
        for at in order:
            texts = _quotes(group.counts, at, quoted)
            notes += [Note("quote", theme=names[at], text=text, **place) for text in texts]
    return Estimates(rows, notes=notes)


def _mentions(group: GroupedCounts, at: int) -> Mentions:
    own = group.counts[group.counts[f"{ABOUT}{at}"].notna()]
    folds, fold = np.unique(own["fold"].to_numpy(), return_inverse=True)
    n, about = own["n"].to_numpy(float), own[f"{ABOUT}{at}"].to_numpy(float)
    return Mentions(folds, np.bincount(fold, n, len(folds)), np.bincount(fold, n * about, len(folds)))


def _whole_row(
    whole: GroupedCounts, theme: str, at: int, weakest: list[GroupedCounts], context: EstimationContext
) -> dict:
    """The row of all customers; none where beside a segment too few others raise the theme: they would follow by subtraction."""
    own = _mentions(whole, at)
    raising = _raising(own)
    others = (len(np.setdiff1d(raising, _raising(_mentions(group, at)))) for group in weakest)
    if any(0 < number < context.suppress_below for number in others):
        reason = Note("too_few_others_raise", fewest=context.suppress_below)
        return whole.row(breakdown=theme, n=0.0, clusters=0.0, reason=reason)
    return _row(whole, theme, own, context.level)


def _raising(mentions: Mentions) -> np.ndarray:
    return mentions.folds[mentions.about > 0]


def _row(group: GroupedCounts, theme: str, mentions: Mentions, level: float, flags: str = "") -> dict:
    """The share with Wilson's interval; of the customers, those who raise the theme are a group of their own."""
    customers, comments = len(mentions.folds), float(mentions.comments.sum())
    low, high = score_interval(mentions.share * customers, customers, float(ndtri((1 + level) / 2)))
    raising = float(len(_raising(mentions)))
    return group.row(
        breakdown=theme,
        value=mentions.share,
        low=min(float(low), mentions.share),
        high=max(float(high), mentions.share),
        n=comments,
        clusters=raising,
        numerator=float(mentions.about.sum()),
        denominator=comments,
        method="Wilson, by customer",
        flags=flags,
    )


def _gap(group: GroupedCounts, at: int, of_whole: Mentions) -> Gap | None:
    return gap_of_sums(group, _mentions(group, at).sums, of_whole.sums)


def _beyond_chance(gaps: list[list[Gap | None]], alpha: float) -> list[np.ndarray]:
    """Of each segment, which themes it raises more often than all others beyond chance, all tests together."""
    if not gaps:
        return []
    p_values = holm([gap.p_value if gap else 1.0 for own in gaps for gap in own]).reshape(len(gaps), -1)
    above = np.array([[gap is not None and gap.value > 0 for gap in own] for own in gaps])
    return list(above & (p_values < alpha))


def _quotes(counts: pd.DataFrame, at: int, quoted: set[str]) -> Iterator[str]:
    """The most typical quotes of a theme, of different customers. None stands in two segments: both together could give its author away."""
    own = counts[counts[QUOTE].notna() & (counts[f"{ABOUT}{at}"] == 1)]
    own = own.sort_values([f"{TYPICAL}{at}", QUOTE], ascending=[False, True], kind="stable")
    own = own.drop_duplicates("fold").drop_duplicates(QUOTE)
    texts = [text for text in own[QUOTE] if text not in quoted][:MOST_QUOTES]
    quoted.update(texts)
    yield from texts
