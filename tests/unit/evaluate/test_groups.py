"""Differences between groups: against statsmodels, and by hand."""

import pandas as pd
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep

from crmnb.core.errors import InputError
from crmnb.evaluate.result import Result


def test_two_regions_differ_as_newcombe_says(corner_shop):
    # Repeat buyers of 2025, counted by hand: North 001, 007, 009, 012 of 6 (002's two orders are of one day, one purchase), South
    # 004, 010, 7 of 6 (005's second came back whole), region not known 0 of 2.
    told = corner_shop("repeat_purchase_rate").differences("region", of="South").set_index("level")
    low, high = confint_proportions_2indep(4, 6, 3, 6, method="newcomb", compare="diff")
    north = told.loc["North"]
    assert (north["difference"], north["low"], north["high"]) == pytest.approx(
        (100 * (4 / 6 - 3 / 6), 100 * low, 100 * high)
    )
    assert set(told["less"]) == {"South"}


def test_p_values_are_holms(corner_shop):
    result = corner_shop("repeat_purchase_rate")
    by_tenure = result.differences("tenure").sort_values("p_value")["p_value"]
    alone = []
    base = by_tenure.index  # one at a time, nothing is adjusted: Holm multiplies the smallest by their number
    levels = result.differences("tenure").loc[base, ["level", "less"]]
    for level, less in levels.itertuples(index=False):
        rows = result.rows[(result.rows["segment"] != "tenure") | result.rows["level"].isin([level, less])]
        pair = Result(result.metric, result.client, result.period, result.comparison, rows.reset_index(drop=True))
        alone.append(pair.differences("tenure", of=less)["p_value"].item())
    adjusted = pd.Series([p * (len(alone) - i) for i, p in enumerate(alone)]).cummax().clip(upper=1)
    assert by_tenure.tolist() == pytest.approx(adjusted.tolist())


@pytest.mark.parametrize(("segment", "of"), [("regoin", None), ("region", "Nort")])
def test_what_is_not_there_is_said_with_what_is(corner_shop, segment, of):
    with pytest.raises(InputError, match="Did you mean"):
        corner_shop("repeat_purchase_rate").differences(segment, of)
