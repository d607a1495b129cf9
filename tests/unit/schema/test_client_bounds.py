"""Numbers in a parameters file: each has bounds, and beyond them the message names file, key, value and what is allowed."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from crmnb.core.errors import InputError
from crmnb.evaluate.settings import check_settings
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client, load_client

GOOD = """
name: Shop
currency: GBP
sources: {o: {file: o.csv, header: 1, rows_after_header: 1}}
tables:
  orders:
    source: o
    bad_rows_allowed: 0.1
    columns: {order_id: Nr, customer_id: Who, ordered_at: At, amount: Sum, status: State, satisfied: S}
  survey_responses:
    source: o
    columns: {response_id: Nr, survey: Survey, responded_at: At, satisfied: S, comment: C}
  experiment_units:
    source: o
    columns: {experiment: E, unit_id: U, arm: A, assigned_at: At, customer_id: Who}
experiments:
  coupon:
    arms: {a: 1, b: 1}
    control: a
    outcomes: {again: {kind: rate, table: orders, within_days: 30, before_days: 30, smallest_effect: 2}}
    peeking: {planned_units: 100}
    power: 0.8
items: {satisfied: {scale: [0, 100], top_box: 80, survey_weights: {purchase: 2}}}
feedback: {language: en, themes: 5, lexicon: {good: 1}}
data_quality: {duplicates: {orders: {fields: [order_id], similarity: 0.9}}, freshness_hours: {orders: 24}}
churn: {kind: inactivity, inactivity_days: 90}
worth:
  margin_rate: 0.4
  discount_rate: 0.1
  horizon_months: 36
  profitable_margin: 5
  acquisition_lag_months: 1
  books: {"2025": 100}
  gains: {card: {gain: 2, low: 1, high: 3}}
segments: {size: {column: orders.amount, bands: [5, 10]}, age: {column: orders.ordered_at, years: [1, 3]}}
fiscal_year_starts: 4
exchange_rates: {USD: 0.9}
level: 0.9
targets: {csat: 70}
privacy: {min_base: 20, suppress_below: 5}
alerts:
  thresholds: [{metric: csat, below: 60, above: 99}]
  freshness: {orders: {warn_after_hours: 24, error_after_hours: 48}}
  rejected_rows: {orders: {warn_above: 1, error_above: 5}}
  cool_down_days: 7
"""
SLIPS = (1e308, -1e308, 99_999_999_999_999_999_999, -99_999_999_999_999_999_999, True, "many", [1], None)
_BOUNDED = ({"minimum", "exclusiveMinimum"}, {"maximum", "exclusiveMaximum"})


def numbers(schema: dict[str, Any], path: tuple = (), of: dict[str, Any] | None = None) -> Iterator[tuple[tuple, dict]]:
    """Every number in a JSON schema: its place, "*" for any key and 0 for any item, and what the schema says of it."""
    of = of or schema.get("$defs", {})
    if "$ref" in schema:
        schema = of[schema["$ref"].rpartition("/")[2]]
    if schema.get("type") in ("number", "integer"):
        yield path, schema
    for each in (*schema.get("anyOf", ()), *schema.get("allOf", ())):
        yield from numbers(each, path, of)
    for name, each in schema.get("properties", {}).items():
        yield from numbers(each, (*path, name), of)
    for each in (schema.get("additionalProperties"), *schema.get("patternProperties", {}).values()):
        yield from numbers(each, (*path, "*"), of) if isinstance(each, dict) else ()
    for each in [*schema.get("prefixItems", ()), *([schema["items"]] if isinstance(schema.get("items"), dict) else [])]:
        yield from numbers(each, (*path, 0), of)


EVERY = sorted({path for path, _ in numbers(Client.model_json_schema())}, key=str)


def test_every_number_of_the_schema_has_both_bounds():
    assert len(EVERY) >= 18
    for path, told in numbers(Client.model_json_schema()):
        for ends in _BOUNDED:
            assert ends & told.keys(), path


def placed(data: Any, path: tuple, value: Any) -> str:
    """Put a value into nested data, "*" being the first key there that leads on; the dotted path as messages name it."""
    first, *rest = path
    if first == "*":
        leads_on = (key for key in data if not rest or (isinstance(data[key], dict) and _leads(data[key], rest)))
        first = next(leads_on)
    if not rest:
        data[first] = value
        return str(first)
    return f"{first}.{placed(data[first], tuple(rest), value)}"


def _leads(data: Any, path: list) -> bool:
    if not path:
        return True
    key = next(iter(data), None) if path[0] == "*" and isinstance(data, dict) else path[0]
    there = (isinstance(data, dict) and key in data) or (isinstance(data, list) and key == 0)
    return there and _leads(data[key], path[1:])


def loaded(folder: Path, data: dict) -> Client:
    (folder / "shop.yml").write_text(yaml.safe_dump(data, allow_unicode=True))
    return load_client("shop", folder)


def test_the_pattern_is_valid(tmp_path):
    assert loaded(tmp_path, yaml.safe_load(GOOD)).items["satisfied"].top_box == 80


@pytest.mark.parametrize("path", EVERY, ids=lambda path: ".".join(map(str, path)))
def test_a_number_out_of_bounds_is_named_with_its_value(tmp_path, path):
    refused = 0
    for slip in SLIPS:
        data = yaml.safe_load(GOOD)
        where = placed(data, path, slip)
        try:
            loaded(tmp_path, data)
        except InputError as no:
            refused += 1
            head, line, *_ = str(no).splitlines()
            assert head.endswith("shop.yml:")
            assert re.match(rf"- line \d+, {re.escape(where)}", line)
            assert re.search("out of range|is not a (whole )?number|is required with", line)
        else:
            assert slip is None  # an optional number left out
    assert refused >= len(SLIPS) - 1


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        (
            "churn",
            {"kind": "inactivity", "inactivity_days": 99999999999},
            "99999999999 is out of range; it must be at most 3,650",
        ),
        (
            "segments",
            {"age": {"column": "orders.ordered_at", "years": [1e308]}},
            "segments.age.years.0: 1e+308 is out of range",
        ),
        ("segments", {"age": {"column": "orders.ordered_at", "years": [-5, 0]}}, "segments.age.years.0: -5"),
        (
            "segments",
            {"size": {"column": "orders.amount", "bands": list(range(50))}},
            "50 values; at most 49 are allowed",
        ),
        ("data_from", "0001-01-01", "is out of range; it must be at least 1900-01-01"),
        (
            "items",
            {"satisfied": {"scale": [1, 5], "top_box": 6}},
            "items.satisfied.top_box: 6 must lie on the scale, above 1",
        ),
        (
            "items",
            {"satisfied": {"scale": [1, 5], "top_box": 1}},
            "items.satisfied.top_box: 1 must lie on the scale, above 1",
        ),
    ],
)
def test_what_made_runs_fail_is_refused_at_once(tmp_path, key, value, words):
    data = yaml.safe_load(GOOD) | {key: value}
    with pytest.raises(InputError, match=r"shop\.yml") as no:
        loaded(tmp_path, data)
    assert words in str(no.value)


NUMERIC = [
    (metric.id, name)
    for metric in catalogue().values()
    for name, default in metric.settings.items()
    if type(default) in (int, float)
]


@pytest.mark.parametrize(("metric", "name"), NUMERIC)
def test_a_metrics_own_number_out_of_bounds_is_named(tmp_path, metric, name):
    client = loaded(tmp_path, yaml.safe_load(GOOD))
    for slip in (0, -1, 99_999_999_999, 1.5, True, "many", None, [1]):
        told = client.model_copy(update={"settings": {metric: {name: slip}}})
        with pytest.raises(
            InputError, match=rf"shop\.yml, settings\.{metric}\.{name}: .* is (not a|out of range; it must)"
        ):
            check_settings(told)
