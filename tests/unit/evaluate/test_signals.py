"""Signals: which of many changes stand out, by a hand computation and in words."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crmnb.evaluate.results_frame import FALSE_DISCOVERIES, with_signals

NAN = float("nan")


def compared(p_values, metric="csat", change=1.0) -> pd.DataFrame:
    return pd.DataFrame({"metric": metric, "p_value": p_values, "change": change})


def fired(p_values) -> list[bool]:
    return (with_signals(compared(p_values), {"csat": "up"})["signal"] != "").tolist()


@pytest.mark.published
def test_benjamini_hochberg_1995_example_of_fifteen():
    # Section 3.2: the fourth smallest, .0095, is the last at or under its i / 15 x .05 (.0133). Bonferroni finds three.
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p_values += [0.4262, 0.5719, 0.6528, 0.7590, 1.0000]
    assert fired(p_values) == [True] * 4 + [False] * 11


def test_the_order_does_not_matter_and_what_was_not_compared_does_not_count():
    assert fired([0.3240, NAN, 0.0004, 1.0, 0.0001]) == [False, False, True, False, True]


def test_a_larger_one_under_its_line_takes_the_smaller_over_theirs_with_it():
    # .03 and .04 are over their own lines (1/3 and 2/3 of .05), but .049 is under .05: all three.
    assert fired([0.03, 0.049, 0.04]) == [True] * 3
    assert fired([0.03, 0.051, 0.04]) == [False] * 3


@pytest.mark.parametrize(
    ("better", "change", "signal"),
    [
        ("up", 2.0, "better"),
        ("up", -2.0, "worse"),
        ("down", 2.0, "worse"),
        ("down", -2.0, "better"),
        ("-", 2.0, "changed"),
        ("-", -2.0, "changed"),
    ],
)
def test_a_signal_says_whether_that_is_good(better, change, signal):
    frame = with_signals(compared([0.001], change=change), {"csat": better})
    assert frame["signal"].tolist() == [signal]


def test_no_comparison_no_signal():
    assert with_signals(compared([NAN, NAN]), {"csat": "up"})["signal"].tolist() == ["", ""]


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_it_is_the_step_up_procedure_whatever_the_p_values(p_values):
    m, in_order = len(p_values), sorted(p_values)
    under = [i for i in range(1, m + 1) if in_order[i - 1] <= i / m * FALSE_DISCOVERIES]
    limit = in_order[max(under) - 1] if under else -1
    assert fired(p_values) == [p <= limit for p in p_values]


def test_among_many_changes_of_which_half_are_none_few_signals_are_false():
    rng = np.random.default_rng(1995)
    false = []
    for _ in range(200):
        p_values = np.concatenate([rng.random(30), rng.random(30) ** 6])
        signals = np.array(fired(p_values))
        false.append(signals[:30].sum() / max(signals.sum(), 1))
    assert np.mean(false) <= FALSE_DISCOVERIES
