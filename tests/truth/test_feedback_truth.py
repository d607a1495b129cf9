"""Feedback: themes, sentiment and differences that were planted in the simulated client are what is found."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from crmnb.core.period import Period
from crmnb.demo.answers import ITEMS, item
from crmnb.demo.comments import THEMES, add_comments, true_net_sentiment, true_theme_effects, true_theme_shares
from crmnb.demo.parameters import YEARS, Rates
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure_all
from crmnb.metrics.definition import catalogue, family
from crmnb.schema.client import load_client

PARAMETERS = Path(__file__).parents[2] / "parameters"
SHEETS = 12_000  # in two years
SHARES = item(Rates(), "satisfied", YEARS.index(2025))


@pytest.fixture(scope="module")
def figures() -> dict[str, pd.DataFrame]:
    """The rows of each metric of answers in 2024 and 2025, both with the shares of 2025."""
    rng = np.random.default_rng(8)
    answers = pd.DataFrame(
        {
            "response_id": [f"R{at}" for at in range(SHEETS)],
            "customer_id": [f"c{at}" for at in rng.integers(0, SHEETS // 2, SHEETS)],
            "survey": rng.choice(["purchase", "support"], SHEETS),
            "responded_at": pd.date_range("2024-01-01", "2025-12-31", periods=SHEETS).floor("s"),
            "satisfied": rng.choice(ITEMS["satisfied"].boxes, SHEETS, p=SHARES),
        }
    )
    frame = add_comments(answers, np.random.default_rng(9)).astype({"comment": object, "sentiment_label": object})
    client = load_client("demo", PARAMETERS)
    tables = in_memory(client.model_copy(update={"segments": {}}), {"survey_responses": frame})
    period = Period.parse("2025").observe(datetime(2023, 1, 1), datetime(2026, 1, 1))
    measured = measure_all(family("feedback").values(), tables, period)
    assert {name: catalogue()[name] for name in family("feedback")} == family("feedback")
    rows = {each.metric.id: each.rows[each.rows["part"] == ""] for each in measured}
    return {id_: own.set_index("breakdown") for id_, own in rows.items()}


def theme_of(breakdown: str) -> str:
    """The planted theme whose nouns name a theme that was found: all of them."""
    (name,) = (name for name, theme in THEMES.items() if set(breakdown.split(" / ")) == set(theme.nouns))
    return name


def test_the_planted_themes_are_found_with_their_shares(figures):
    rows = figures["theme_share"]
    found = {theme_of(breakdown): rows.loc[breakdown] for breakdown in rows.index if breakdown != "(no theme)"}
    true = true_theme_shares(SHARES)
    assert set(found) == set(THEMES)
    for name, row in found.items():
        reach = row["high"] - row["low"]
        assert row["low"] - reach / 4 <= true[name] <= row["high"] + reach / 4, name
    assert rows.loc["(no theme)", "value"] == pytest.approx(true[""], abs=4)


def test_the_differences_in_satisfaction_are_found(figures):
    rows = figures["theme_effect"]
    true = true_theme_effects(SHARES)
    for breakdown, row in rows.iterrows():
        reach = row["high"] - row["low"]
        assert row["low"] - reach / 4 <= true[theme_of(breakdown)] <= row["high"] + reach / 4, breakdown
    assert min(true, key=true.get) == theme_of(rows["value"].idxmin())
    assert max(true, key=true.get) == theme_of(rows["value"].idxmax())


def test_the_net_sentiment_is_that_of_the_labels(figures):
    rows = figures["sentiment"]
    for survey in ("purchase", "support"):
        assert rows.loc[survey, "low"] <= true_net_sentiment(SHARES) <= rows.loc[survey, "high"]


def test_testimonials_are_a_share_of_the_positive_comments(figures):
    row = figures["testimonial_count"].loc[""]
    positive = SHARES @ np.array([0.04, 0.08, 0.30, 0.70, 0.85])
    assert row["value"] == pytest.approx(0.4 * positive * row["n"], rel=0.15)
