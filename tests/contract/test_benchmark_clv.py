"""The benchmark of customer lifetime value, without its peer: its data, its likelihoods, our process, and what it says."""

import json

import numpy as np
import pytest
from scipy import stats

from benchmarks.speed import clv
from crmnb.stats.models.bg_nbd import fit_buying
from crmnb.stats.models.gamma_gamma import fit_spending

LOG = """ 00001 0001 19970102  1   10.00
 00001 0001 19970102  1    5.00
 00001 0001 19970109  1   30.00
 00001 0001 19970116  1   50.00
 00001 0001 19971016  1   99.00
 00002 0002 19970930  1   20.00
"""


@pytest.mark.parametrize("heading", ["", " id other date cds dollars\n"])
def test_a_log_of_purchases_is_taken_as_the_paper_takes_it(tmp_path, monkeypatch, heading):
    (tmp_path / "log.txt").write_text(heading + LOG)
    monkeypatch.setattr(clv, "CDNOW", tmp_path)
    arrays = clv.cdnow("log.txt", day=2, money=4)
    assert arrays["x"].tolist() == [2, 0]  # two purchases of a day are one, those after September are not there
    assert arrays["t_x"].tolist() == [2, 0]
    assert arrays["T"] == pytest.approx([271 / 7, 0])
    assert arrays["m"].tolist() == [40, 0]


def test_without_cdnow_the_simulated_customers_are_left(tmp_path, monkeypatch):
    monkeypatch.setattr(clv, "CDNOW", tmp_path / "none")
    assert list(clv.cases(50)) == ["simulated"]


def test_the_same_customers_are_drawn_every_time():
    once, again = clv.simulated(500), clv.simulated(500)
    assert all((once[name] == again[name]).all() for name in ("x", "t_x", "T", "m"))
    assert ((once["m"] > 0) == (once["x"] > 0)).all()


def test_the_printed_likelihoods_are_those_of_the_fits():
    arrays = clv.simulated(3000)
    some = clv.spenders(arrays)
    bought = fit_buying(arrays["x"], arrays["t_x"], arrays["T"], np.ones(3000))
    spent = fit_spending(arrays["x"][some], arrays["m"][some], np.ones(some.sum()))
    for model, fit in (("buying", bought), ("spending", spent)):
        assert clv.log_likelihood(model, fit.parameters, arrays) == pytest.approx(fit.log_likelihood, rel=1e-12)


def test_the_likelihood_of_spend_is_a_density():
    p, q, v = clv.TRUTH["spending"]
    arrays = {"x": np.array([1.0]), "m": np.array([30.0])}
    # Of one purchase: gamma (p) over gamma (q), which is v times a beta prime.
    expected = stats.betaprime.logpdf(30 / v, p, q) - np.log(v)
    assert clv.log_likelihood("spending", [p, q, v], arrays) == pytest.approx(expected, rel=1e-12)


def test_our_process_tells_parameters_and_seconds(tmp_path):
    arrays = clv.simulated(3000)
    np.savez(tmp_path / "customers.npz", **arrays)
    to = tmp_path / "found.json"
    assert clv.main(["--contender", str(tmp_path / "customers.npz"), "--to", str(to)]) == 0
    found = json.loads(to.read_text())
    assert found["parameters"]["buying"] == pytest.approx(
        fit_buying(arrays["x"], arrays["t_x"], arrays["T"], np.ones(3000)).parameters
    )
    assert set(found["seconds"]) == {"buying", "spending", "forecast"}
    assert 0.01 < found["peak_gb"] < 4


def ran(parameters: dict, buying: float, spending: float) -> dict:
    return {"parameters": parameters, "seconds": {"buying": buying, "spending": spending}, "peak_gb": 0.5}


def test_what_is_said_of_both_contenders():
    arrays = clv.simulated(3000)
    worse = clv.TRUTH | {"buying": [0.3, 4.0, 0.8, 2.4]}
    runs = {"ours": ran(clv.TRUTH, 0.1, 0.1), "lifetimes": ran(worse, 2.0, 1.9)}
    told = clv.compared(arrays, runs)
    assert told["customers"] == 3000
    assert told["buying"]["gain"] > 1
    assert told["spending"]["gain"] == 0
    assert (told["buying"]["faster"], told["spending"]["faster"]) == (20, 19)
    said = clv.report({"simulated": told}, {3000: runs["ours"]}, True)
    assert [aim["met"] for aim in said["aims"]] == [True, False]
    assert len(clv.table({"simulated": told})) == 4


def test_two_runs_are_told_as_one_by_their_medians():
    one = clv.middle([ran(clv.TRUTH, 1.0, 3.0), ran(clv.TRUTH, 2.0, 3.0)])
    assert one["seconds"] == {"buying": 1.5, "spending": 3.0}
    assert one["parameters"] == clv.TRUTH
