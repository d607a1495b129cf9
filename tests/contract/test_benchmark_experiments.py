"""The benchmark `experiments`, tiny: ours and plain pandas give the same effects, and a figure that differs is found."""

import pandas as pd
import pytest

from benchmarks.speed import experiments, experiments_data

ROWS = 12_000


@pytest.fixture(scope="module")
def frames() -> dict[str, pd.DataFrame]:
    return {name: experiments._compute(name, ROWS) for name in ("ours", "pandas")}


def test_both_give_every_effect_alike(frames):
    effects = len(experiments_data.OUTCOMES) * (experiments_data.SEGMENTS + 1)
    assert len(frames["ours"]) == len(frames["pandas"]) == effects
    assert experiments.differing(frames["ours"], frames["pandas"]).empty


def test_a_figure_that_differs_is_found(frames):
    other = frames["pandas"].copy()
    other.loc[7, "low"] *= 1 + 1e-6
    found = experiments.differing(frames["ours"], other)
    assert found[["level", "outcome"]].to_numpy().tolist() == [other.loc[7, ["level", "outcome"]].tolist()]
    assert len(experiments.differing(frames["ours"], other.drop(index=3))) == 2


def test_the_last_line_says_what_was_measured():
    run = {"seconds": 1.0, "cpu_seconds": 1.0, "peak_gb": 0.5}
    runs = {"ours": [run, run], "pandas": [{**run, "seconds": 2.0, "peak_gb": 1.0}] * 2, "tea_tasting": [run]}
    told = experiments.report(ROWS, 105, True, runs)
    assert [aim["met"] for aim in told["aims"]] == [True, True, True]
