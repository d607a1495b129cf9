"""Hillstrom's e-mail test as an experiment: visits, conversion and spend by arm, against pandas, scipy and statsmodels on the raw file."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from crmnb.core.period import Period
from crmnb.evaluate.measure import Measured, measure_all
from crmnb.intake import import_data
from crmnb.metrics.definition import family
from crmnb.schema.client import load_client
from crmnb.workbook import open_on

PARAMETERS = Path(__file__).parents[2] / "parameters"
FILE = PARAMETERS.parent / "../shared/data/hillstrom_email_ab/hillstrom_data.csv"
CONTROL, ARMS = "No E-Mail", ("Mens E-Mail", "Womens E-Mail")

pytestmark = [
    pytest.mark.real,
    pytest.mark.skipif(not FILE.exists(), reason="Hillstrom's file is not beside the checkout (../shared/data)"),
]


@pytest.fixture(scope="module")
def raw() -> pd.DataFrame:
    return pd.read_csv(FILE)


@pytest.fixture(scope="module")
def found(tmp_path_factory) -> dict[str, Measured]:
    client = load_client("hillstrom", PARAMETERS)
    book = open_on(client, Period.parse("2008-03"), import_data(client, tmp_path_factory.mktemp("private")))
    return {each.metric.id: each for each in measure_all(family("experiments").values(), book.tables, book.period)}


def whole(found: dict[str, Measured], metric: str) -> pd.DataFrame:
    rows = found[metric].rows
    return rows[rows["segment"] == ""].set_index("breakdown")


def arm(raw: pd.DataFrame, name: str, column: str) -> pd.Series:
    return raw.loc[raw["segment"] == name, column]


def adjusted(raw: pd.DataFrame, name: str) -> tuple[pd.Series, pd.Series]:
    """Spend of an arm and of the control less what the history explains: equation 4 of Deng et al. 2013, by numpy."""
    both = raw[raw["segment"].isin([name, CONTROL])]
    slope = np.cov(both["spend"], both["history"])[0, 1] / np.var(both["history"], ddof=1)
    left = both["spend"] - slope * (both["history"] - both["history"].mean())
    return left[both["segment"] == name], left[both["segment"] == CONTROL]


def test_the_sample_ratio_is_scipys(found, raw):
    units = raw["segment"].value_counts()
    rows = whole(found, "sample_ratio")
    for name, n in units.items():
        assert rows.at[f"e-mail: {name}", "value"] == pytest.approx(100 * n / 64_000, rel=1e-9)
    (note,) = found["sample_ratio"].notes
    assert note.code == "sample_ratio_as_planned"
    assert note.values["p"] == pytest.approx(stats.chisquare(units).pvalue, rel=1e-9)


@pytest.mark.parametrize("column", ["visit", "conversion"])
@pytest.mark.parametrize("name", ARMS)
def test_rates(found, raw, column, name):
    own, control = arm(raw, name, column), arm(raw, CONTROL, column)
    counts = own.sum(), len(own), control.sum(), len(control)
    row = whole(found, "experiment_effect").loc[f"e-mail: {column}, {name}"]
    assert row["value"] == pytest.approx(100 * (own.mean() - control.mean()), rel=1e-9)
    limits = confint_proportions_2indep(*counts, method="newcomb", compare="diff")
    assert (row["low"], row["high"]) == pytest.approx([100 * x for x in limits], rel=1e-9)
    row = whole(found, "relative_effect").loc[f"e-mail: {column}, {name}"]
    limits = confint_proportions_2indep(*counts, method="score", compare="ratio", correction=False)
    assert row["value"] == pytest.approx(100 * (own.mean() / control.mean() - 1), rel=1e-9)
    assert (row["low"], row["high"]) == pytest.approx([100 * (x - 1) for x in limits], rel=1e-4)


@pytest.mark.parametrize("name", ARMS)
def test_spend_with_cuped(found, raw, name):
    own, control = adjusted(raw, name)
    row = whole(found, "experiment_effect").loc[f"e-mail: spend, {name}"]
    limits = stats.ttest_ind(own, control, equal_var=False).confidence_interval()
    assert (row["value"], row["low"], row["high"]) == pytest.approx(
        (own.mean() - control.mean(), limits.low, limits.high), rel=1e-9
    )


def test_outcomes_as_observed(found, raw):
    rows = whole(found, "arm_outcome")
    for name, own in raw.groupby("segment"):
        for column, scale in {"visit": 100, "conversion": 100, "spend": 1}.items():
            assert rows.at[f"e-mail: {column}, {name}", "value"] == pytest.approx(scale * own[column].mean(), rel=1e-9)


def test_p_values_are_holms_of_all_six(found, raw):
    p_values = {}
    for name in ARMS:
        for column in ("visit", "conversion"):
            table = [
                [side.sum(), len(side) - side.sum()] for side in (arm(raw, name, column), arm(raw, CONTROL, column))
            ]
            p_values[f"e-mail: {column}, {name}"] = stats.chi2_contingency(table, correction=False).pvalue
        p_values[f"e-mail: spend, {name}"] = stats.ttest_ind(*adjusted(raw, name), equal_var=False).pvalue
    expected = dict(zip(p_values, multipletests(list(p_values.values()), method="holm")[1], strict=True))
    notes = {n.values["effect"]: n.values["p"] for n in found["experiment_effect"].notes if "holm" in n.code}
    assert notes == pytest.approx(expected, rel=1e-6)
    flags = whole(found, "experiment_effect")["flags"]
    assert {*flags[flags.str.contains("beyond_chance")].index} == {key for key, p in expected.items() if p < 0.05}


def test_the_arms_were_alike(found, raw):
    rows = whole(found, "covariate_balance")
    for name in ARMS:
        for column in ("recency", "mens", "womens", "newbie"):
            own, control = arm(raw, name, column), arm(raw, CONTROL, column)
            expected = (own.mean() - control.mean()) / np.sqrt((own.var() + control.var()) / 2)
            assert rows.at[f"e-mail: {column}, {name}", "value"] == pytest.approx(expected, rel=1e-9)
    assert [note.code for note in found["covariate_balance"].notes] == ["covariates_balanced"]


def test_by_area(found, raw):
    rows = found["experiment_effect"].rows
    areas = rows[(rows["segment"] == "area") & (rows["breakdown"] == "e-mail: visit, Mens E-Mail")].set_index("level")
    for area, own in raw.groupby("zip_code"):
        sides = [own.loc[own["segment"] == name, "visit"] for name in ("Mens E-Mail", CONTROL)]
        limits = confint_proportions_2indep(
            *(x for side in sides for x in (side.sum(), len(side))), method="newcomb", compare="diff"
        )
        assert (areas.at[area, "low"], areas.at[area, "high"]) == pytest.approx([100 * x for x in limits], rel=1e-9)
