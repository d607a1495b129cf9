"""Published figures of PLS path models: SmartPLS's output on the ECSI mobile data, and what the R package seminr checks itself against.

../shared/data/ecsi_mobi: 250 answers (Tenenhaus et al. 2005, CSDA 48:159; in R's semPLS as `mobi`), with the output of SmartPLS 2.0 for
the three schemes as it comes with semPLS (Monecke & Leisch 2012, Journal of Statistical Software 48(3)).
"""

from functools import cache
from pathlib import Path

import pandas as pd
import pytest

from crmnb.stats.models.item_moments import cluster_sums, item_moments, rescaled
from crmnb.stats.models.pls import PathFit, fit_path_model
from crmnb.stats.models.pls_bootstrap import bootstrap_path_model
from crmnb.stats.models.pls_model import path_model
from crmnb.stats.models.pls_quality import path_quality

FOLDER = Path(__file__).parents[2] / "../shared/data/ecsi_mobi"

pytestmark = [
    pytest.mark.published,
    pytest.mark.skipif(not FOLDER.exists(), reason="ECSI mobi is not beside the checkout (../shared/data)"),
]

PREFIXES = {
    "Image": "IMAG",
    "Expectation": "CUEX",
    "Quality": "PERQ",
    "Value": "PERV",
    "Satisfaction": "CUSA",
    "Complaints": "CUSCO",
    "Loyalty": "CUSL",
}
PATHS = [
    *(("Image", end) for end in ("Expectation", "Satisfaction", "Loyalty")),
    *(("Expectation", end) for end in ("Quality", "Value", "Satisfaction")),
    *(("Quality", end) for end in ("Value", "Satisfaction")),
    ("Value", "Satisfaction"),
    *(("Satisfaction", end) for end in ("Complaints", "Loyalty")),
    ("Complaints", "Loyalty"),
]
SCHEMES = {"path": "pathWeighting", "centroid": "centroid", "factorial": "factorial"}
SIX_DECIMALS = 5e-7


@cache
def sums():
    """The answers on 0-100."""
    answers = pd.read_csv(FOLDER / "mobi.csv", index_col=0)
    return rescaled(cluster_sums(answers), dict.fromkeys(answers, (1, 10)))


def blocks(*constructs: str) -> dict[str, list[str]]:
    return {name: [item for item in sums().items if item.startswith(PREFIXES[name])] for name in constructs}


@cache
def fitted(scheme: str) -> PathFit:
    return fit_path_model(item_moments(sums()), path_model(blocks(*PREFIXES), PATHS, scheme=scheme))


def smartpls(scheme: str, table: str) -> pd.DataFrame:
    """A table of SmartPLS: names and numbers between tabs, decimal commas."""
    lines = (FOLDER / f"smartpls_{SCHEMES[scheme]}_{table}.txt").read_text(encoding="latin-1").splitlines()
    cells = [[cell.strip() for cell in line.split("\t")] for line in lines if line.strip()]
    columns = [cell for cell in cells[0] if cell]
    rows = {row[0]: [float(cell.replace(",", ".")) for cell in row[1:] if cell] for row in cells[1:]}
    return pd.DataFrame.from_dict(rows, orient="index", columns=columns)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ecsi_path_coefficients_of_smartpls(scheme):
    expected = smartpls(scheme, "pathCoefficients")
    assert (expected != 0).to_numpy().sum() == len(PATHS)
    ours = fitted(scheme).paths.loc[expected.index, expected.columns]
    assert ours.to_numpy() == pytest.approx(expected.to_numpy(), abs=SIX_DECIMALS)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ecsi_outer_weights_of_smartpls(scheme):
    expected = smartpls(scheme, "outerWeights")
    assert expected.shape == (24, 7)
    ours = pd.DataFrame(fitted(scheme).weights.to_numpy()[:, None] * fitted(scheme).model.membership)
    ours = ours.set_axis(fitted(scheme).model.items).set_axis(fitted(scheme).model.constructs, axis=1)
    ours = ours.loc[expected.index, expected.columns]
    assert ours.to_numpy() == pytest.approx(expected.to_numpy(), abs=SIX_DECIMALS)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_ecsi_total_effects_of_smartpls(scheme):
    expected = smartpls(scheme, "totalEffects")
    ours = fitted(scheme).total_effects.loc[expected.index, expected.columns]
    assert ours.to_numpy() == pytest.approx(expected.to_numpy(), abs=SIX_DECIMALS)


def test_ecsi_figures_of_the_path_scheme_as_they_are_quoted():
    # ../shared/spec/published.md, which quotes them from SmartPLS's output.
    fit = fitted("path")
    assert fit.paths.loc["Image", "Expectation"] == pytest.approx(0.504914, abs=SIX_DECIMALS)  # .4936 by a pooled scale
    assert fit.weights[["CUSA1", "CUSA2", "CUSA3"]].to_numpy() == pytest.approx(
        [0.364865, 0.383156, 0.450961], abs=SIX_DECIMALS
    )
    drivers = ["Quality", "Expectation", "Image", "Value"]
    assert fit.total_effects.loc[drivers, "Satisfaction"].to_numpy() == pytest.approx(
        [0.620762, 0.417868, 0.389727, 0.194765], abs=SIX_DECIMALS
    )


def test_ecsi_index_and_what_five_points_of_image_are_worth():
    # ../shared/spec/metrics.md, family 1: index 72.45; image: total 2.07, direct .95 for +5.
    fit = fitted("path")
    assert fit.means["Satisfaction"] == pytest.approx(72.45, abs=5e-3)
    assert 5 * fit.unstandardised_total_effects.loc["Image", "Satisfaction"] == pytest.approx(2.07, abs=5e-3)
    assert 5 * fit.unstandardised_paths.loc["Image", "Satisfaction"] == pytest.approx(0.95, abs=5e-3)


def test_ecsi_bootstrap_of_the_index_and_of_the_effect_of_image():
    # Not published: the standard error of a mean of 250 with known weights, sd / sqrt(n), and intervals that hold the figures.
    bootstrap = bootstrap_path_model(sums(), fitted("path").model, replicates=1000)
    assert (bootstrap.not_converged, bootstrap.undefined) == (0, 0)
    index = bootstrap.intervals("means").loc["Satisfaction"]
    items = blocks("Satisfaction")["Satisfaction"]
    weights, moments = bootstrap.fit.index_weights[items], item_moments(sums())
    places = [moments.items.index(item) for item in items]
    error = (weights @ moments.covariance[places][:, places] @ weights / 250) ** 0.5
    assert index["standard_error"] == pytest.approx(error, rel=0.1)
    effect = bootstrap.intervals("unstandardised_total_effects").loc[("Image", "Satisfaction")] * 5
    assert effect["low"] < 2.07 < effect["high"]


@cache
def four_constructs() -> PathFit:
    """The model of seminr's tests of reliability and validity: image, expectation and value lead to satisfaction."""
    drivers = ("Image", "Expectation", "Value")
    model = path_model(blocks(*drivers, "Satisfaction"), [(driver, "Satisfaction") for driver in drivers])
    return fit_path_model(item_moments(sums()), model)


def test_mobi_reliability_of_seminr():
    # seminr 2.x, tests/fixtures/V_3_6_0/reliability.csv: alpha, rhoC, AVE, rhoA.
    expected = {
        "Image": (0.722834595, 0.818325774, 0.477979835, 0.745291554),
        "Expectation": (0.451902556, 0.733177801, 0.480507047, 0.461657987),
        "Value": (0.823631979, 0.917897282, 0.848310675, 0.857527048),
        "Satisfaction": (0.779195022, 0.871457928, 0.693363991, 0.784023594),
    }
    ours = path_quality(four_constructs()).constructs
    for construct, values in expected.items():
        row = ours.loc[construct, ["alpha", "composite_reliability", "ave", "rho_a"]]
        assert row.to_numpy(float) == pytest.approx(values, abs=1e-6), construct


def test_mobi_htmt_of_seminr():
    # seminr 2.x, tests/fixtures/V_3_5_X/htmt.csv.
    htmt = path_quality(four_constructs()).htmt
    expected = {
        ("Image", "Expectation"): 0.888030428,
        ("Image", "Value"): 0.651659392,
        ("Image", "Satisfaction"): 0.910100924,
        ("Expectation", "Value"): 0.588628982,
        ("Expectation", "Satisfaction"): 0.865108194,
        ("Value", "Satisfaction"): 0.740808928,
    }
    assert [htmt.loc[pair] for pair in expected] == pytest.approx(list(expected.values()), abs=1e-9)
