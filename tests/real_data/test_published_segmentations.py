"""What segmentations tell, held to published figures and to other packages: eta squared, Cramer's V, the adjusted Rand index."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import contingency
from sklearn.datasets import load_iris
from sklearn.metrics import adjusted_rand_score

from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.segmentations import FOLDS, adjusted_rand, cramers_v, of_levels, of_quantities, of_shares

CONTEXT = EstimationContext(0.95, {"unknown_levels": ("(not known)",)})
# IBM's telephone customers by contract (month to month, one year, two years): lost and kept, as Kaggle's page of the data lists them.
CONTRACTS = np.array([[1655, 2220], [166, 1307], [48, 1647]])


def counted(levels: np.ndarray, y: np.ndarray, seed: int = 0) -> GroupedCounts:
    """Customers, each in a fold by chance, as the engine counts them."""
    fold = np.random.default_rng(seed).permutation(len(y)) % FOLDS
    counts = pd.DataFrame({"of level": levels, "y": y, "yy": y**2, "fold": fold, "n": 1.0})
    return GroupedCounts("current", "", "", "", counts, len(y))


def test_cramers_v_of_telephone_customers_by_contract():
    """V of .41 by scipy; Bergsma's correction is small for so many customers."""
    plain = contingency.association(CONTRACTS, method="cramer")
    n, (rows, columns) = CONTRACTS.sum(), CONTRACTS.shape
    phi = plain**2 - (rows - 1) * (columns - 1) / (n - 1)
    least = min(rows - (rows - 1) ** 2 / (n - 1), columns - (columns - 1) ** 2 / (n - 1)) - 1
    assert plain == pytest.approx(0.41, abs=0.005)
    assert cramers_v(CONTRACTS[None].astype(float))[0] == pytest.approx(np.sqrt(phi / least))


def test_eta_squared_of_the_sepals_of_irises():
    """Fisher's irises: eta squared of the length of sepals by species is .619 (F = 119.26 with 2 and 147 degrees of freedom)."""
    irises = load_iris()
    y = irises.data[:, 0]
    names = irises.target_names[irises.target]
    means = pd.Series(y).groupby(names).transform("mean")
    in_sample = ((means - y.mean()) ** 2).sum() / ((y - y.mean()) ** 2).sum()
    assert in_sample == pytest.approx(0.619, abs=0.0005)
    (row,) = of_quantities([counted(names, y)], CONTEXT).rows
    assert row["value"] == pytest.approx(in_sample, abs=0.03)
    assert row["value"] < in_sample
    assert row["low"] < row["value"] < row["high"]


def test_adjusted_rand_of_hubert_and_arabie():
    """The example that scikit-learn documents (.57), and chance by permutations (0)."""
    first, second = [0, 0, 1, 2], [0, 0, 1, 1]
    table = pd.crosstab(pd.Series(first), pd.Series(second)).to_numpy(float)
    assert (
        adjusted_rand(table[None])[0]
        == pytest.approx(adjusted_rand_score(first, second))
        == pytest.approx(0.5714, abs=1e-4)
    )
    assert adjusted_rand(np.eye(3)[None] * 5)[0] == 1
    random = np.random.default_rng(1)
    one, other = random.integers(0, 4, 5000), random.integers(0, 4, 5000)
    counts = pd.DataFrame({"before": one, "now": other, "fold": np.arange(5000) % FOLDS, "n": 1.0})
    (row,) = of_levels([GroupedCounts("current", "bands", "", "", counts, 5000)], CONTEXT).rows
    assert row["value"] == pytest.approx(max(adjusted_rand_score(one, other), 0))
    assert row["value"] < 0.01


def test_levels_that_tell_nothing_have_a_value_near_zero():
    """Of 40 segmentations by chance, in five levels of 1,000 customers; the plain figures would be .004 and .06."""
    random = np.random.default_rng(2)
    etas, vs = [], []
    for seed in range(40):
        levels = random.integers(0, 5, 1000).astype(str)
        etas += of_quantities([counted(levels, random.standard_normal(1000), seed)], CONTEXT).rows
        vs += of_shares([counted(levels, (random.random(1000) < 0.3).astype(float), seed)], CONTEXT).rows
    assert np.mean([row["value"] for row in etas]) < 0.0015
    assert np.median([row["value"] for row in vs]) < 0.03
    assert np.mean([row["low"] == 0 for row in etas + vs]) > 0.9


@pytest.mark.parametrize("true", [0.1, 0.3])
def test_intervals_hold_what_levels_tell(true):
    """Of 120 simulated clients, eta squared of the means of four levels."""
    random = np.random.default_rng(3)
    held = []
    for seed in range(120):
        place = random.integers(0, 4, 800)
        effect = (place - 1.5) / np.sqrt(1.25) * np.sqrt(true)
        y = effect + np.sqrt(1 - true) * random.standard_normal(800)
        (row,) = of_quantities([counted(place.astype(str), y, seed)], CONTEXT).rows
        held.append(row["low"] <= true <= row["high"])
    assert np.mean(held) > 0.89


def test_levels_that_are_not_known_are_left_out():
    levels = np.array(["a"] * 30 + ["b"] * 30 + ["(not known)"] * 40)
    (row,) = of_quantities([counted(levels, np.arange(100.0))], CONTEXT).rows
    assert row["n"] == 60
