"""The key `experiments` of a parameters file: what is refused, where, and what is to be done."""

import pytest
import yaml

from crmnb.core.errors import InputError
from crmnb.schema.client import load_client

FILE = """
name: Shop
currency: EUR
sources: {units: {file: units.csv}, orders: {file: orders.csv}}
tables:
  experiment_units:
    source: units
    columns: {experiment: test, unit_id: who, customer_id: who, arm: arm, assigned_at: at, spent: spent, before: before}
    types: {spent: money, before: money}
  orders:
    source: orders
    columns: {order_id: number, customer_id: who, ordered_at: at, amount: amount, status: status}
"""
TEST = {"arms": {"new": 1, "old": 1}, "control": "old"}


def faults(tmp_path, outcome=None, **changed) -> str:
    """What is said of an experiment; "" where nothing is wrong."""
    declared = yaml.safe_load(FILE)
    experiment = TEST | {"outcomes": {"result": outcome or {"kind": "money", "column": "spent"}}} | changed
    (tmp_path / "shop.yml").write_text(yaml.safe_dump(declared | {"experiments": {"Offer": experiment}}))
    try:
        load_client("shop", tmp_path)
    except InputError as no:
        return str(no)
    return ""


@pytest.mark.parametrize(
    "outcome",
    [
        {"kind": "money", "column": "spent", "before": "before"},
        {"kind": "mean", "column": "spent", "per": "before"},
        {"kind": "rate", "table": "orders", "within_days": 14, "before_days": 90, "smallest_effect": 2},
        {"kind": "money", "table": "orders", "column": "amount", "per": "rows", "within_days": 14},
    ],
)
def test_what_is_allowed(tmp_path, outcome):
    assert faults(tmp_path, outcome) == ""


@pytest.mark.parametrize(
    ("outcome", "said"),
    [
        ({"kind": "money", "column": "spend"}, "outcomes.result: 'spend' is not mapped under tables.experiment_units"),
        ({"kind": "money"}, "declare a `column` of experiment_units, or a `table` and `within_days`"),
        ({"kind": "rate", "table": "orders"}, "outcomes.result.within_days: is required with a table"),
        ({"kind": "rate", "table": "tickets", "within_days": 7}, "'tickets' is not mapped under tables"),
        ({"kind": "money", "table": "orders", "within_days": 7}, "outcomes.result.column: is required"),
        ({"kind": "money", "table": "orders", "column": "margin", "within_days": 7}, "'margin' is not mapped"),
        ({"kind": "rate", "table": "orders", "column": "amount", "within_days": 7}, "a rate is whether there is a row"),
        ({"kind": "money", "table": "orders", "column": "amount", "per": "day", "within_days": 7}, "Write per: rows"),
        ({"kind": "rate", "column": "spent", "per": "before"}, "a rate is not divided by anything"),
        ({"kind": "mean", "column": "spent", "per": "before", "before": "before"}, "is not allowed with `per`"),
        ({"kind": "mean", "column": "spent", "before_days": 9}, "outcomes.result.before_days: needs a `table`"),
        ({"kind": "rate", "column": "spent", "smallest_effect": 100}, "100 points are no change of a rate"),
    ],
)
def test_what_is_refused_of_an_outcome(tmp_path, outcome, said):
    assert said in faults(tmp_path, outcome)


def test_the_control_is_an_arm(tmp_path):
    said = faults(tmp_path, control="olt")
    assert "experiments.Offer.control: 'olt' is not among the arms." in said
    assert "old" in said


def test_covariates_are_columns(tmp_path):
    assert "experiments.Offer.covariates: 'age' is not mapped" in faults(tmp_path, covariates=["age"])


def test_outcomes_are_numbers(tmp_path):
    said = faults(tmp_path, {"kind": "rate", "column": "arm"})
    assert "experiments.Offer.outcomes.result: 'arm' is text. Declare it under tables.experiment_units.types" in said


def test_two_arms_are_needed(tmp_path):
    assert "experiments.Offer.arms" in faults(tmp_path, arms={"old": 1})


def test_the_table_of_units_is_needed(tmp_path):
    declared = yaml.safe_load(FILE)
    del declared["tables"]["experiment_units"]
    outcomes = {"result": {"kind": "rate", "column": "spent"}}
    (tmp_path / "shop.yml").write_text(
        yaml.safe_dump(declared | {"experiments": {"Offer": TEST | {"outcomes": outcomes}}})
    )
    with pytest.raises(InputError, match="experiments: needs the table experiment_units"):
        load_client("shop", tmp_path)
