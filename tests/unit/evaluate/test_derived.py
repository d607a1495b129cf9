"""Derived metrics: a single input's figures transformed, exactly; and what a derived metric shares with its input."""

import numpy as np
import pytest

from crmnb.core.period import Period
from crmnb.evaluate.measure import measure_all
from crmnb.evaluate.metric_call import evidence_of
from crmnb.metrics.definition import catalogue
from crmnb.metrics.measures import derived

KEY = ["breakdown", "part", "segment", "level"]


def rows_of(book, *ids: str, period: Period | None = None):
    measured = measure_all([catalogue()[id_] for id_ in ids], book.tables, period or book.period)
    return [each.rows.set_index(KEY) for each in measured]


def test_churn_is_what_retention_lacks_to_100_with_its_limits_exchanged(corner_shop):
    retention, churn = rows_of(corner_shop, "retention_rate", "churn_rate")
    assert list(churn.index) == list(retention.index)
    known = retention["value"].notna()
    assert known.sum() > 10
    pairs = {"value": "value", "low": "high", "high": "low", "previous": "previous"}
    for own, of_input in pairs.items():
        last_digit = 1e-10 if own in ("value", "previous") else 1e-8  # limits up to 100 have ten digits
        np.testing.assert_allclose(churn[own], 100 - retention[of_input], rtol=1e-11, atol=last_digit)
    np.testing.assert_allclose(churn["numerator"], retention["denominator"] - retention["numerator"])
    np.testing.assert_allclose(churn["change"], -retention["change"], atol=1e-9)
    np.testing.assert_allclose(churn["change_low"], -retention["change_high"], atol=1e-9)
    np.testing.assert_allclose(churn["p_value"], retention["p_value"], rtol=1e-9)
    for same in ("n", "clusters", "denominator", "flags", "method"):
        assert churn[same].equals(retention[same]), same


def test_annualised_churn_is_churn_over_365_days_made_into_a_year(corner_shop):
    churn, yearly = rows_of(corner_shop, "churn_rate", "churn_rate_annualised")
    whole = ("", "", "", "")
    for name in ("value", "low", "high"):
        expected = 100 * (1 - (1 - churn.loc[whole, name] / 100) ** (365.25 / 365))
        assert yearly.loc[whole, name] == pytest.approx(expected, rel=1e-11 if name == "value" else 1e-9)


def test_a_period_in_which_the_function_is_of_no_use_has_the_reason_and_no_figure(corner_shop):
    quarter = Period.parse("2025Q4").observe(corner_shop.period.data_from, corner_shop.period.cutoff)
    churn, yearly = rows_of(corner_shop, "churn_rate", "churn_rate_annualised", period=quarter)
    assert churn.loc[("", "", "", ""), "value"] >= 0
    [row] = yearly[(yearly.index.get_level_values("part") == "")].to_dict("records")
    assert np.isnan(row["value"])
    assert row["flags"] == "unavailable"
    assert "needs_year_by_inactivity" in row["reason"]


def test_the_rows_behind_a_derived_metric_are_those_of_its_input(corner_shop):
    churn, retention = (
        evidence_of(catalogue()[id_], corner_shop.tables, corner_shop.period, 100)
        for id_ in ("churn_rate_annualised", "retention_rate")
    )
    assert churn.equals(retention)


def test_a_derived_metric_reads_the_tables_of_its_inputs():
    assert catalogue()["churn_rate_annualised"].reads == catalogue()["retention_rate"].reads == ("tenures",)
    assert catalogue()["churn_rate_annualised"].interval == catalogue()["retention_rate"].interval


def test_metrics_that_express_one_fact_name_each_other():
    inputs = {id_: metric.measure.inputs for id_, metric in catalogue().items() if metric.measure.inputs}
    assert inputs == {
        "churn_rate": ("retention_rate",),
        "churn_rate_annualised": ("churn_rate",),
        "clv_to_cac": ("predicted_clv", "customer_acquisition_cost"),
        "employee_customer_link": ("employee_engagement_index",),
    }
    aspects = {metric.measure.aspect_of for metric in catalogue().values()} - {""}
    assert aspects <= set(catalogue())


@pytest.mark.parametrize("facts", [{}, {"combine": max, "transform": max}])
def test_a_derived_measure_has_one_function(facts):
    with pytest.raises(TypeError, match="combine"):
        derived("a", numerator="x", **facts)
    with pytest.raises(TypeError, match="one input"):
        derived("a", "b", transform=max, numerator="x")
