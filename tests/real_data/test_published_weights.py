"""Published figures of survey weighting: the California schools of R's survey package (Lumley 2010, Complex Surveys, 2), in
../shared/data/survey_api; and a sample raked by the Python package balance."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import surveyed

from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure
from crmnb.metrics.definition import catalogue
from crmnb.stats.weights import effective_n, rake, weighted_mean

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


@beside
def test_the_shift_by_non_response_of_the_api_schools(stratified):
    """Schools as customers, the sample as those who answer: raked to the strata, the index is the published mean."""
    frame = pd.DataFrame({"stype": stratified.groupby("stype")["fpc"].first()}).reset_index(names="kind")
    every = frame.loc[frame.index.repeat(frame["stype"].astype(int)), ["kind"]].reset_index(drop=True)
    every["customer_id"] = [f"{kind}{at}" for at, kind in enumerate(every["kind"])]
    every = every.assign(joined_at=pd.Timestamp("2020-01-01"), left_at=pd.NaT)
    place = stratified.groupby("stype").cumcount()
    of_kind = {kind: list(ids) for kind, ids in every.groupby("kind")["customer_id"]}
    sheets = pd.DataFrame(
        {
            "response_id": [f"s{at}" for at in range(len(stratified))],
            "survey": "relationship",
            "customer_id": [of_kind[kind][at] for kind, at in zip(stratified["stype"], place, strict=True)],
            "responded_at": pd.Timestamp("2025-06-01"),
            "api00": stratified["api00"],
            "api99": stratified["api99"],
        }
    )
    client = surveyed.client(
        items={"api00": {"scale": (200, 1000)}, "api99": {"scale": (200, 1000)}},
        relationship={"index": ["api00"], "drivers": {"Before": ["api99"]}},
        segments={"kind": {"column": "customers.kind"}},
        churn={"kind": "contractual", "table": "customers"},
    )
    period = Period.parse("2025").observe(datetime(2024, 1, 1), datetime(2026, 1, 1))
    tables = in_memory(client, {"customers": every, "survey_responses": sheets})
    found = measure(catalogue()["nonresponse_shift"], tables, period)
    rows = found.rows[found.rows["segment"] == ""].set_index("breakdown")
    on_scale = rows["value"] * 8 + [0, 200, 200]
    assert on_scale["weighted to all customers"] == pytest.approx(662.287, abs=5e-4)
    assert on_scale["as answered"] == pytest.approx(stratified["api00"].mean())
    assert on_scale["weighted less as answered"] == pytest.approx(662.287 - stratified["api00"].mean(), abs=5e-4)
    schools, random = stratified.groupby("stype")["fpc"].first(), np.random.default_rng(3)
    api, kind = stratified["api00"].to_numpy(), stratified["stype"].to_numpy()
    shifts = []
    for _ in range(1500):  # respondents drawn anew, each time weighted to the strata
        drawn = random.integers(0, len(api), len(api))
        means = pd.Series(api[drawn]).groupby(kind[drawn]).mean()
        shifts.append((means * schools).sum() / schools.sum() - api[drawn].mean())
    low, high = np.quantile(shifts, [0.025, 0.975])
    shift = rows.loc["weighted less as answered"]
    assert (8 * shift["low"], 8 * shift["high"]) == pytest.approx((low, high), abs=0.12 * (high - low))
    n = effective_n(stratified["pw"])
    [cost] = [note.values for note in found.notes if note.code == "weights_cost_precision"]
    assert cost["effective_n"] == pytest.approx(n, rel=1e-6)
    gaps = found.rows[found.rows["segment"] == "kind"].set_index("level")["value"]
    assert gaps["H"] == pytest.approx(100 * (50 / 200 - 755 / 6194))


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
