"""All families of a report are evaluated together, and their results are stored and restored whole."""

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from crmnb.core.errors import InputError
from crmnb.evaluate import record, store
from crmnb.evaluate.evaluation import evaluate
from crmnb.evaluate.results_frame import with_signals
from crmnb.metrics.definition import catalogue, families


@pytest.fixture(scope="module")
def evaluation(corner_shop):
    return evaluate(families(), corner_shop.tables, corner_shop.period)


@pytest.fixture(scope="module")
def folder(evaluation, corner_shop, tmp_path_factory):
    """The evaluation in a store."""
    place = tmp_path_factory.mktemp("evaluation")
    store.save(evaluation, place, "key", corner_shop.client, corner_shop.period, corner_shop.tables.con)
    return place


def broken(metric: str, fault: Exception) -> None:
    """Have a metric's function raise an error."""

    def fail(*_, **__):
        raise fault

    object.__setattr__(catalogue()[metric], "function", fail)


@pytest.fixture
def restored_functions():
    functions = {id_: metric.function for id_, metric in catalogue().items()}
    yield
    for id_, function in functions.items():
        object.__setattr__(catalogue()[id_], "function", function)


def test_every_metric_of_every_family_is_there(evaluation):
    assert {id_ for results in evaluation.results.values() for id_ in results} == set(catalogue())
    assert evaluation.failures == {}


def test_a_faulty_metric_takes_its_own_family_down_and_no_other(corner_shop, restored_functions):
    broken("csat", ZeroDivisionError("a mistake in the metric"))
    evaluation = evaluate(["retention", "satisfaction"], corner_shop.tables, corner_shop.period)
    assert list(evaluation.results) == ["retention"]
    assert isinstance(evaluation.failures["satisfaction"], ZeroDivisionError)


@pytest.mark.parametrize("fault", [InputError("a wrong setting"), MemoryError(), OSError("a full disk")])
def test_what_is_wrong_with_parameters_or_machine_is_not_blamed_on_a_family(corner_shop, restored_functions, fault):
    broken("csat", fault)
    with pytest.raises(type(fault)):
        evaluate(["retention", "satisfaction"], corner_shop.tables, corner_shop.period)


def test_signals_are_corrected_over_all_families_at_once():
    """29 changes of p = .01 to 1 in one family cannot hide one of p = .002 in another, yet count as looked at: 30 x .002 > .05."""
    others = pd.DataFrame({"metric": "csat", "p_value": [0.04 + 0.03 * n for n in range(29)], "change": 1.0})
    alone = pd.DataFrame({"metric": "churn_rate", "p_value": [0.002], "change": [1.0]})
    direction = {"csat": "up", "churn_rate": "down"}
    assert with_signals(alone, direction)["signal"].tolist() == ["worse"]
    together = with_signals(pd.concat([alone, others], ignore_index=True), direction)
    assert together["signal"].tolist() == [""] * 30


def test_what_is_stored_is_restored_with_its_chart_points(evaluation, folder, corner_shop):
    for name, results in evaluation.results.items():
        restored = store.restore(folder, name, corner_shop.client, corner_shop.period)
        assert list(restored) == list(results)
        for id_, result in results.items():
            assert_frame_equal(restored[id_].rows, result.rows, check_dtype=False)
            assert_frame_equal(restored[id_].points, result.points.reset_index(drop=True), check_dtype=False)
            for fact in ("settings", "notes", "direction", "comparison"):
                assert getattr(restored[id_], fact) == getattr(result, fact), (id_, fact)


def test_an_evaluation_is_known_by_its_key_client_and_period(folder, corner_shop):
    assert set(record.digests(folder, "key")) == set(families())
    assert record.digests(folder, "another key") is None
    assert record.holds(folder, "sales", corner_shop.client, corner_shop.period)
    assert not record.holds(folder, "sales", corner_shop.client, corner_shop.period.previous)
    assert not record.holds(folder, "marketing", corner_shop.client, corner_shop.period)


def test_a_damaged_evaluation_does_not_count(folder, tmp_path, corner_shop, evaluation):
    store.save(evaluation, tmp_path, "key", corner_shop.client, corner_shop.period, corner_shop.tables.con)
    path = tmp_path / "sales.rows.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))
    assert record.digests(tmp_path, "key") is None
