"""Shared fits: the same arguments are computed once in an evaluation, and anew in the next."""

import numpy as np
import pandas as pd
import pytest

from crmnb.stats.estimation import EstimationContext
from crmnb.stats.shared_fits import shared, shared_fits

calls = []


@shared
def total(*arguments) -> float:
    calls.append(arguments)
    if arguments[0] is None:
        raise ValueError("nothing to add up")
    return float(arguments[0].iloc[:, 0].sum())


@pytest.fixture(autouse=True)
def no_calls():
    calls.clear()


def counts(last: float = 3.0, level: str = "north") -> pd.DataFrame:
    return pd.DataFrame({"n": [1.0, last], "of region": ["south", level]})


def test_equal_contents_are_computed_once():
    with shared_fits():
        assert total(counts()) == total(counts()) == 4.0
    assert len(calls) == 1


@pytest.mark.parametrize(
    "other",
    [
        (counts(4.0),),
        (counts(level="west"),),
        (counts().rename(columns={"n": "size"}),),
        (counts()[::-1],),
        (counts(), np.ones(2)),
        (counts(), EstimationContext(0.95)),
    ],
)
def test_other_contents_are_computed_again(other):
    with shared_fits():
        total(counts())
        total(*other)
    assert len(calls) == 2


def test_a_context_is_the_same_if_its_settings_are():
    contexts = [EstimationContext(0.95, {"months": months, "items": {"a": [1, 2]}}) for months in (1, 1, 2)]
    with shared_fits():
        for context in contexts:
            total(counts(), context)
    assert len(calls) == 2


def test_another_evaluation_and_a_call_outside_of_one_compute_anew():
    for _ in range(2):
        with shared_fits():
            total(counts())
    total(counts()), total(counts())
    assert len(calls) == 4


def test_results_of_an_evaluation_return_after_one_inside_it():
    with shared_fits():
        total(counts())
        with shared_fits():
            total(counts())
        total(counts())
    assert len(calls) == 2


def test_an_exception_is_not_kept():
    with shared_fits():
        for _ in range(2):
            with pytest.raises(ValueError, match="nothing"):
                total(None)
    assert len(calls) == 2
