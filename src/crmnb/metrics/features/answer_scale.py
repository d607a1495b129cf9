"""The scale of a survey item: its direction, its answers on 0 to 100, and those that count as satisfied."""

import narwhals.stable.v2 as nw

from crmnb.core.errors import Unavailable
from crmnb.core.notes import Note
from crmnb.schema.client import Item

MOST_BOXES = 11  # the answers of the longest scale (0 to 10) of which two make a top box of about a fifth


def pointing(item: Item, *directions: str) -> Item:
    """The item, if it points in one of these directions; what was not declared so is not guessed."""
    if item.direction not in directions:
        wanted = " or ".join(directions)
        raise Unavailable(Note("needs_item_direction", direction=wanted, item=item.name, declared=item.direction))
    return item


def answer_points(column: str, item: Item) -> nw.Expr:
    """The answers to an item, which stand in a column, from 0 (worst) to 100 (best)."""
    low, high = item.scale
    return (nw.col(column).cast(nw.Float64) - low) / (high - low) * 100


def is_top_box_alone(item: Item) -> bool:
    """Whether only the highest answer counts as satisfied because the scale has two or three, and nothing else is declared."""
    low, high = item.scale
    return item.direction == "up" and item.top_box is None and high - low < 3


def top_box(item: Item) -> int:
    """The lowest answer that counts as satisfied: the declared one, or else the second highest of a scale of 4 to 11 answers.

    Of two or three answers (a thumb, smileys) only the highest: the second of three is the middle.
    """
    low, high = pointing(item, "up").scale
    if item.top_box is not None:
        return item.top_box
    if is_top_box_alone(item):
        return high
    if high - low >= MOST_BOXES:
        best_fifth = high - (high - low) // 5
        raise Unavailable(Note("needs_top_box", item=item.name, low=low, high=high, best_fifth=best_fifth))
    return high - 1
