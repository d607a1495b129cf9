"""Differences between segments and between parts of the period, with Holm, where a reader sees them."""

from dataclasses import replace
from datetime import datetime

import numpy as np
import pandas as pd
import pytest
import surveyed
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.contrasts import contrasts, to_largest, to_previous
from crmnb.evaluate.evaluation import evaluate
from crmnb.evaluate.results_frame import tuples
from crmnb.metrics.definition import catalogue
from crmnb.report.view import ResultView

# Answers and those that are satisfied: West is the largest.
REGIONS = {"West": (200, 160), "East": (120, 66), "North": (100, 78), "South": (90, 75)}


@pytest.fixture(scope="module")
def csat() -> ResultView:
    rows = [(region, at < satisfied) for region, (n, satisfied) in REGIONS.items() for at in range(n)]
    frame = pd.DataFrame(rows, columns=["region", "is_satisfied"]).sample(frac=1, random_state=2).reset_index(drop=True)
    frame = frame.assign(
        satisfied=np.where(frame["is_satisfied"], 5, 2),
        survey="shop",
        response_id=[f"r{at}" for at in range(len(frame))],
        responded_at=pd.date_range("2025-01-01", "2025-12-30", len(frame)).floor("s"),
    )
    client = surveyed.client(segments={"region": {"column": "survey_responses.region"}})
    tables = in_memory(client, {"survey_responses": frame.drop(columns="is_satisfied")})
    evaluation = evaluate(
        ["satisfaction"], tables, Period.parse("2025").observe(datetime(2025, 1, 1), datetime(2026, 1, 1))
    )
    return ResultView.of(evaluation.results["satisfaction"]["csat"])


def levels(view: ResultView) -> list:
    return tuples(view.rows[(view.rows["segment"] == "region") & (view.rows["part"] == "")])


def test_each_level_is_set_against_the_largest_with_newcombe_and_holm(csat):
    found = {c.row.level: c for c in contrasts(csat, to_largest(levels(csat)))}
    assert found.keys() == REGIONS.keys() - {"West"}
    n, hits = REGIONS["West"]
    for level, contrast in found.items():
        own_n, own = REGIONS[level]
        low, high = confint_proportions_2indep(own, own_n, hits, n, method="newcomb", compare="diff")
        assert contrast.row.change == pytest.approx(100 * (own / own_n - hits / n))
        assert (contrast.row.change_low, contrast.row.change_high) == pytest.approx((100 * low, 100 * high), abs=0.01)
    alone = [contrasts(csat, [(c.row, c.other)])[0].p_value for c in found.values()]
    assert [c.p_value for c in found.values()] == pytest.approx(list(multipletests(alone, method="holm")[1]))
    assert {level for level, c in found.items() if c.is_beyond_chance(0.95)} == {"East"}


def test_the_picture_colours_what_is_worse_and_tells_the_difference(csat):
    (figure,) = csat.plot("levels").figures
    assert figure.title == "Customer satisfaction (CSAT) by segment: East (region) 55%, West 80%"
    assert "Coloured: East (region)." in figure.alt
    assert "East (region) \N{MINUS SIGN}25 pts" in " ".join(figure.notes)
    assert "comparisons with the largest level of each segmentation: 3, Holm" in " ".join(figure.notes)
    assert "worse than the largest level" in figure.table


def test_steps_from_month_to_month_are_tested_together(csat):
    parts = tuples(csat.parts)
    assert len(contrasts(csat, to_previous(parts))) == len(parts) - 1 == 11
    figure = csat.plot("trend")
    assert "No step is beyond chance (comparisons with the month before: 11, Holm)." in " ".join(figure.notes)


def test_a_large_step_is_named(csat):
    rows = [*tuples(csat.parts)]
    last = rows[-1]._replace(value=20.0, low=10.0, high=35.0)
    found = contrasts(csat, to_previous([*rows[:-1], last]))
    assert [c.row.part for c in found if c.is_beyond_chance(0.95)] == ["2025-12"]


def test_sums_are_not_contrasted(csat):
    volume = replace(csat, metric=catalogue()["review_volume"])
    assert contrasts(volume, to_largest(levels(csat))) == []
