"""A/A test: reports of clients of whom nothing changes show no more than the few signals that are promised (`python -m benchmarks.accuracy.aa` asks 200)."""

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.accuracy import aa
from benchmarks.accuracy.aa import WORLDS, report, steady
from crmnb.demo.customers import simulate_customers
from crmnb.demo.parameters import DAYS
from crmnb.metrics.definition import catalogue

# Of all kinds of comparisons: rates, means, counts, money, answers.
FEW = (
    *("retention_rate", "new_customers", "gross_revenue_retention", "purchase_frequency", "refund_rate"),
    *("csat", "nps", "ces", "response_rate", "average_order_value", "revenue_per_customer", "session_conversion_rate"),
)
METRICS = [replace(catalogue()[name], trend=False) for name in FEW]
AA_WORLDS = ("year, few customers", "year, a few large customers", "newest month, late refunds and answers")


@pytest.fixture(scope="module")
def reports():
    return {name: report(WORLDS[name], seed, metrics=METRICS) for seed, name in enumerate(AA_WORLDS)}


def test_of_whom_nothing_changes_no_signal_is_seen(reports):
    """Two of three reports show one by chance once in 140 times, where one in twenty does."""
    false = {name: rows[rows["signal"] != ""] for name, rows in reports.items()}
    assert sum(len(signals) > 0 for signals in false.values()) <= 1, false
    assert all(len(rows) > 100 for rows in reports.values())
    assert {*reports[AA_WORLDS[0]]["metric"]} == {*FEW}


def test_the_chances_of_such_changes_are_not_too_small(reports):
    """Of a change by chance alone, p is below .2 a fifth of the time at most; levels and metrics hang together, so a third is allowed."""
    for name, rows in reports.items():
        assert (rows["p_value"] < 0.2).mean() < 1 / 3, name


def test_a_change_is_seen():
    changed = replace(steady(), retention=(0.79, 0.79, 0.55), csat=(0.8, 0.8, 0.4))
    rows = report(WORLDS["year"], 5, changed, [each for each in METRICS if each.id in {"retention_rate", "csat"}])
    whole = rows[(rows["segment"] == "") & (rows["breakdown"] != "support")].groupby("metric")["signal"].agg(set)
    assert whole.to_dict() == {"retention_rate": {"worse"}, "csat": {"worse"}}


@pytest.mark.parametrize("name", WORLDS)
def test_as_many_come_as_leave(name: str):
    base = simulate_customers(steady(**WORLDS[name].rates), 20_000, np.random.default_rng(2))
    sizes = [*base.at_start, base.under_contract(DAYS).sum()]
    assert max(sizes) < 1.03 * min(sizes)


def test_what_is_noted_is_gone_on_from(tmp_path, monkeypatch, capsys):
    asked = []

    def empty(world, seed):
        asked.append(seed)
        return report(WORLDS["year, few customers"], seed, metrics=METRICS[:1])

    monkeypatch.setattr(aa, "report", empty)
    first = list(aa.outcomes(range(1), tmp_path / "kept"))
    assert list(aa.outcomes(range(2), tmp_path / "kept"))[:1] == first
    assert asked == [0, 1]
