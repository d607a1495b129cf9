"""The benchmark of survival: its data, our figures of them, those of its peer where that is installed, and what it says."""

import json
import tempfile

import duckdb
import numpy as np
import pandas as pd
import pytest
from statsmodels.duration.survfunc import SurvfuncRight, survdiff

from benchmarks.accuracy import late_entry
from benchmarks.peers.environment import ASKED, PLACE
from benchmarks.speed import survival
from benchmarks.speed.survival import KEYS, differences, make, report

ROWS = 20_000


@pytest.fixture
def rows(tmp_path, monkeypatch) -> pd.DataFrame:
    monkeypatch.setenv("TMPDIR", str(tmp_path))  # of the benchmark's processes; ours has looked already
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return duckdb.sql(f"from '{make(ROWS)}'").df()


def test_the_data_are_three_segments_and_two_in_five_are_still_there(rows):
    assert len(rows) == ROWS
    assert rows.groupby("segment").size().min() > 0.3 * ROWS
    assert rows["lost"].mean() == pytest.approx(0.6, abs=0.01)


def test_our_figures_are_those_of_statsmodels_on_the_rows(rows, tmp_path):
    to = tmp_path / "ours.csv"
    assert survival.main(["--contender", "ours", "--rows", str(ROWS), "--to", str(to)]) == 0
    figures = pd.read_csv(to, keep_default_na=False, na_values={"value": ""})
    for segment, of in rows.groupby("segment"):
        ours = figures[(figures["what"] == "survival") & (figures["segment"] == segment)]
        theirs = SurvfuncRight(of["days"], of["lost"].astype(int))
        assert ours["value"].to_numpy() == pytest.approx(theirs.surv_prob, rel=1e-12)
    chi2, p = survdiff(rows["days"], rows["lost"].astype(int), rows["segment"])
    told = figures.set_index("what")["value"]
    assert (told["chi2"], told["p_value"]) == pytest.approx((chi2, p), rel=1e-9)


@pytest.mark.skipif(
    not (PLACE / ASKED.name).exists(), reason="the peers' environment is not made (benchmarks/peers.py)"
)
def test_lifelines_gives_the_same_figures(rows, capsys):
    assert survival.main(["--rows", str(ROWS)]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["answers_equal"] is True
    assert told["figures"] > 3 * 6 * 100


def figure(**changes) -> pd.DataFrame:
    return pd.DataFrame([dict(zip(KEYS, ("survival", "plus", 7), strict=True)) | {"value": 0.5} | changes])


def test_figures_differ_by_more_than_a_rounding_error_or_where_one_is_missing():
    assert not len(differences(figure(), figure(value=0.5 + 1e-11)))
    assert not len(differences(figure(value=np.inf), figure(value=np.inf)))
    assert len(differences(figure(), figure(value=0.5 + 1e-8)))
    assert len(differences(figure(), figure(time=8))) == 2


def test_the_last_line_says_which_aims_are_met():
    ours, peer = ({"seconds": s, "cpu_seconds": s, "peak_gb": s, "work_seconds": s} for s in (1.0, 20.0))
    told = report(10, 3, True, {"ours": [ours], "lifelines": [peer]})
    assert told["benchmark"] == "survival"
    assert [aim["met"] for aim in told["aims"]] == [True] * len(told["aims"])


def test_the_study_of_late_entry_draws_lives_of_the_mean_and_median_it_says():
    rows, truth = late_entry.seen(np.random.default_rng(0), 2_000, "constant")
    assert len(rows) == 2_000
    assert truth == pytest.approx(3 * 365.25 * np.log(2))
    assert (rows["duration"] > rows["entry"]).all()
    assert (rows["entry"] > 0).mean() == pytest.approx(
        0.6, abs=0.05
    )  # three years' customers were there, two years' came


@pytest.mark.skipif(
    not (PLACE / ASKED.name).exists(), reason="the peers' environment is not made (benchmarks/peers.py)"
)
def test_curves_with_late_entry_are_those_of_lifelines():
    held = late_entry._beside_lifelines(2)
    assert held["curves_equal"] is True
    assert held["curves"] == 24
