"""Published figures of survey weighting: the California schools of R's survey package (Lumley 2010, Complex Surveys, 2), in
../shared/data/survey_api; and a sample raked by the Python package balance."""

from pathlib import Path

import pandas as pd
import pytest

from crmnb.stats.weights import rake, weighted_mean

FOLDER = Path(__file__).parents[2] / "../shared/data/survey_api"

pytestmark = pytest.mark.published


beside = pytest.mark.skipif(not FOLDER.exists(), reason="the api samples are not beside the checkout (../shared/data)")


@pytest.fixture(scope="module")
def stratified() -> pd.DataFrame:
    return pd.read_csv(FOLDER / "api_strat.csv")


@beside
def test_api_stratified_mean_of_survey(stratified):
    # R, svymean(~api00, svydesign(id = ~1, strata = ~stype, weights = ~pw, fpc = ~fpc)): 662.287 (9.409); without fpc 9.536.
    arguments = stratified["api00"], stratified["pw"], stratified["stype"]
    with_correction = weighted_mean(*arguments, population=stratified["fpc"])
    assert with_correction.value == pytest.approx(662.287, abs=5e-4)
    assert with_correction.standard_error == pytest.approx(9.409, abs=5e-4)
    assert weighted_mean(*arguments).standard_error == pytest.approx(9.536, abs=5e-4)


@beside
def test_api_two_stage_mean_of_survey():
    # R, svymean(~api00, dclus2): 670.81. Its error (30.099) needs the second stage, which `weighted_mean` does not know.
    clusters = pd.read_csv(FOLDER / "api_clus2.csv")
    assert weighted_mean(clusters["api00"], clusters["pw"], clusters=clusters["dnum"]).value == pytest.approx(
        670.81, abs=5e-3
    )


@beside
def test_raking_to_the_strata_gives_back_the_design_weights(stratified):
    schools = stratified.groupby("stype")["fpc"].first()
    raked = rake(stratified, {"stype": schools.to_dict()})
    design = stratified["pw"] * len(stratified) / stratified["pw"].sum()
    assert raked.weights == pytest.approx(design.to_numpy(), rel=1e-6)
    assert weighted_mean(stratified["api00"], raked.weights).value == pytest.approx(662.287, abs=5e-4)


def test_raking_by_balance():
    # balance 0.23.0 (Sarig, Galili & Eilat 2023), Sample.adjust(method="rake", convergence_rate=1e-12) on 400 respondents of six kinds, target
    # of 5,000; design effect 1.4637863. Its default convergence_rate (.0005) leaves weights off by up to .0008.
    cells = pd.DataFrame(
        [
            ("north", "new", 18, 3.127222547),
            ("north", "old", 87, 1.667471197),
            ("south", "new", 25, 1.570284139),
            ("south", "old", 95, 0.837293648),
            ("west", "new", 104, 0.562816257),
            ("west", "old", 71, 0.300100131),
        ],
        columns=["region", "tenure", "n", "balance"],
    )
    rows = cells.loc[cells.index.repeat(cells["n"])]
    margins = {"region": {"north": 2517, "south": 1485, "west": 998}, "tenure": {"new": 1926, "old": 3074}}
    raked = rake(rows, margins)
    assert raked.converged
    assert raked.weights == pytest.approx(rows["balance"].to_numpy(), abs=5e-7)
    assert raked.design_effect == pytest.approx(1.4637863, abs=5e-7)
