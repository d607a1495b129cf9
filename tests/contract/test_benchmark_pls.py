"""The benchmark of PLS path models: its data, our figures of them, those of its peer where that is installed, and what it says."""

import json

import numpy as np
import pandas as pd
import pytest
from pls_with_scores import pls_with_scores

from benchmarks.peers.environment import ASKED, PLACE
from benchmarks.speed import pls
from benchmarks.speed.pls import BLOCKS, COMPARED, KEYS, PATHS, answers, differences, report


def test_the_answers_are_24_questions_on_1_to_10_that_follow_the_paths():
    frame = answers(250)
    assert frame.shape == (250, 24)
    assert set(frame.stack()) == set(range(1, 11))
    assert frame.var().min() > 1
    assert frame[BLOCKS["satisfaction"]].mean(axis=1).corr(frame[BLOCKS["quality"]].mean(axis=1)) > 0.5


def test_our_figures_are_those_of_the_algorithm_with_scores(tmp_path):
    assert pls.main(["--contender", str(tmp_path), "--replicates", "20"]) == 0
    figures = pd.read_csv(tmp_path / "figures.csv", keep_default_na=False)
    assert sorted(figures["replicate"].unique()) == list(range(COMPARED + 1))
    expected = pls_with_scores(answers(250), BLOCKS, PATHS, {}, "path")
    own = figures[figures["replicate"] == 0].set_index(["what", "from"])["value"]
    assert own["weight"].to_numpy() == pytest.approx(expected["weights"].to_numpy(), abs=1e-7)
    assert own["r2"][expected["r2"].index].to_numpy() == pytest.approx(expected["r2"].to_numpy(), abs=1e-7)
    times = json.loads((tmp_path / "times.json").read_text())
    assert times["without_estimate"] == 0


@pytest.mark.skipif(not (PLACE / ASKED.name).exists(), reason="the peers' environment is not made (benchmarks/peers)")
def test_plspm_gives_the_same_figures(capfd):
    assert pls.main(["--replicates", "20", "--peer-replicates", "16"]) == 0
    result = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert result["answers_equal"] is True
    assert result["figures"] == (COMPARED + 1) * (24 + 24 + 12 + 12 + 6)


def figure(**changes) -> pd.DataFrame:
    return pd.DataFrame([dict(zip(KEYS, (0, "path", "image", "value"), strict=True)) | {"value": 0.5} | changes])


def test_figures_differ_by_more_than_the_tolerance_or_where_one_is_missing():
    assert not len(differences(figure(), figure(value=0.5 + 1e-7)))
    assert len(differences(figure(), figure(value=0.5 + 1e-4))) == 1
    assert len(differences(figure(), figure(value=np.nan))) == 1
    assert len(differences(figure(), figure(replicate=1))) == 2


def test_the_last_line_compares_work_for_as_many_replicates():
    def run(seconds: float, **more: float) -> dict:
        return {"seconds": 9.0, "work_seconds": seconds, "work_cpu_seconds": 2 * seconds} | more

    runs = {"ours": [run(1.0, many_seconds=2.0, many_cpu_seconds=4.0)], "plspm": [run(4.0)]}
    result = report(5000, 400, 3, True, runs)
    assert result["ours"]["work_seconds_per_1000"] == 0.2
    assert result["plspm"]["work_cpu_seconds_per_1000"] == 20.0
    assert [(aim["ratio"], aim["met"]) for aim in result["aims"]] == [(0.02, True), (0.02, True), (0.4, True)]
    slower = report(5000, 800, 3, True, runs)
    assert [aim["met"] for aim in slower["aims"]] == [False, False, True]
