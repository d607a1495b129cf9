"""The mistakes of the NPS and of retention that training was designed with, each with its figure on the corner shop."""

from pathlib import Path

import pytest
from learning import learning, shop_book  # noqa: F401 -- fixtures

from crmnb.learn.feedback import judged
from crmnb.learn.lesson import plan
from crmnb.learn.lessons import _orders, customer_acquisition_cost, historical_clv
from crmnb.schema.client import load_client

PARAMETERS = Path(__file__).parents[3] / "parameters"

NPS = {
    "mean of the scores": 7.00,
    "promoters only": 38.46,
    "eights promote": 23.08,
    "sixes are passive": 15.38,
    "passives left out": 11.11,
    "blanks in the base": 6.67,
    "no answer as 0": -6.67,
    "a count": 1,
}
RETENTION = {
    "end over start": 125,
    "end less all won": 75,
    "churn": 37.5,
    "bought in the year": 87.5,
    "end less those won who stayed": 87.5,
    "refunds count": 77.78,
    "edge left out": 57.14,
    "over those at the end": 50,
}


def answer(metric: str, number: float):
    lesson = plan(metric)
    return judged(number, lesson.exercises["q1"], lesson.misconceptions_of("q1"), lesson.tables)


@pytest.mark.parametrize(("metric", "number"), [("nps", 7.69), ("retention_rate", 62.5)])
def test_the_right_answer_passes(metric, number):
    assert answer(metric, number).passed


@pytest.mark.parametrize(
    ("metric", "name", "number"),
    [("nps", *pair) for pair in NPS.items()] + [("retention_rate", *pair) for pair in RETENTION.items()],
)
def test_each_mistake_is_named(metric, name, number):
    assert name in answer(metric, number).names


def test_a_fraction_is_right_in_another_unit():
    assert answer("nps", 0.0769).outcome == "wrong unit"
    assert answer("retention_rate", 0.625).outcome == "wrong unit"


def test_the_figure_of_the_report_is_near():
    assert answer("retention_rate", 63).outcome == answer("nps", 8).outcome == "near"


def test_a_number_to_which_two_mistakes_lead_names_both():
    assert set(answer("retention_rate", 87.5).names) == {"bought in the year", "end less those won who stayed"}


def test_what_lessons_take_for_declared_is_what_the_clients_declare():
    shop, demo = (load_client(name, PARAMETERS) for name in ("corner_shop", "demo"))
    assert shop.churn.inactivity_days == _orders.DAYS
    assert shop.worth.margin_rate == demo.worth.margin_rate == historical_clv.MARGIN
    assert demo.worth.discount_rate == historical_clv.DISCOUNT
    assert shop.worth.acquisition_lag_months == customer_acquisition_cost.LAG
    assert demo.worth.acquisition_lag_months == 0
