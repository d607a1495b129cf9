"""Published figures of relative importance: Swiss fertility in 1888 (R's datasets; Mosteller & Tukey 1977), in ../shared/data/swiss."""

from pathlib import Path

import pandas as pd
import pytest

from crmnb.stats.models.relative_importance import relative_importance

FILE = Path(__file__).parents[2] / "../shared/data/swiss/swiss.csv"

pytestmark = [
    pytest.mark.published,
    pytest.mark.skipif(not FILE.exists(), reason="swiss is not beside the checkout (../shared/data)"),
]


def test_swiss_lmg_of_relaimpo():
    # R, relaimpo::calc.relimp(Fertility ~ ., swiss, type = "lmg"), as quoted in ../shared/spec/published.md.
    frame = pd.read_csv(FILE, index_col=0)
    ours = relative_importance(frame.corr(), "Fertility", [name for name in frame if name != "Fertility"])["part"]
    expected = {
        "Agriculture": 0.05709122,
        "Examination": 0.17117303,
        "Education": 0.26013468,
        "Catholic": 0.10557015,
        "Infant.Mortality": 0.11276592,
    }
    assert ours.to_dict() == pytest.approx(expected, abs=5e-9)
    assert ours.sum() == pytest.approx(0.706735, abs=5e-7)
