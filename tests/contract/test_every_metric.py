"""What holds for every metric, asked of each one that is declared."""

import ast
import operator
import re
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

import duckdb
import pandas as pd
import pytest

from crmnb.core.period import Period
from crmnb.engine.session import Tables, in_memory, source_of
from crmnb.evaluate.measure import measure_all
from crmnb.evaluate.results_frame import COLUMNS
from crmnb.metrics.definition import Metric, catalogue, families, family
from crmnb.schema.client import Client, Gain

METRICS = list(catalogue().values())
each_metric = pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.id)
FIGURES = ["value", "low", "high", "n", "numerator", "denominator", "change", "change_low", "change_high"]
KEYS = ["breakdown", "part", "segment", "level"]
# What chance alone would give is taken from these, which is less for more customers: of a copy of the data they can only be higher.
LESS_CHANCE = ("segmentations.of_shares", "segmentations.of_quantities", "segmentations.of_levels")


@pytest.fixture(scope="module")
def frames(corner_shop_intake) -> dict[str, pd.DataFrame]:
    """The corner shop's canonical tables as pandas frames."""
    _, taken = corner_shop_intake
    return {name: duckdb.read_parquet(str(path)).df() for name, path in taken.tables.items()}


@pytest.fixture(scope="module")
def chosen(request) -> list[Metric]:
    """The metrics that the chosen tests ask about: all, unless `-k` chooses some."""
    here = [item for item in request.session.items if item.path == request.path and hasattr(item, "callspec")]
    ids = {item.callspec.params["metric"].id for item in here if "metric" in item.callspec.params}
    return [metric for metric in METRICS if metric.id in ids]


def rows_of_all(metrics: list[Metric], tables: Tables, period: Period) -> dict[str, pd.DataFrame]:
    """Each metric's rows, all measured together."""
    return {metric.id: told.rows for metric, told in zip(metrics, measure_all(metrics, tables, period), strict=True)}


def figures(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.set_index(KEYS)[FIGURES].sort_index()


def by_pencil(expression: str) -> float:
    """The value of an expression of numbers, + - * / ** and parentheses: nothing else can stand in it."""
    steps = {ast.Add: operator.add, ast.Sub: operator.sub, ast.Mult: operator.mul, ast.Div: operator.truediv}
    steps[ast.Pow] = operator.pow

    def value(node: ast.AST) -> float:
        if isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            return node.value
        assert isinstance(node, ast.BinOp), f"{expression!r} is not arithmetic"
        return steps[type(node.op)](value(node.left), value(node.right))

    return value(ast.parse(expression, mode="eval").body)


@each_metric
def test_says_all_that_a_reader_needs(metric: Metric):
    for fact in ("title", "unit", "numerator", "definition", "why", "caution", "source"):
        assert getattr(metric, fact), f"{metric.id} does not say its {fact}"
    assert metric.kind in ("input", "process", "output", "outcome")
    assert callable(metric.direction) or metric.direction in ("up", "down", "-")
    assert metric.hand_count or metric.published, f"{metric.id} has no count by hand and no published figure"
    assert metric.denominator or metric.estimate.reduces == "bins"


@pytest.mark.parametrize("metric", [m for m in METRICS if m.published], ids=lambda metric: metric.id)
def test_the_published_figure_is_a_test(metric: Metric):
    file, _, name = metric.published.partition("::")
    assert re.search(rf"^def {name}\(", next(Path(__file__).parents[1].rglob(file)).read_text(), re.MULTILINE), (
        metric.published
    )


@pytest.mark.parametrize("metric", [m for m in METRICS if m.hand_count], ids=lambda metric: metric.id)
def test_is_what_the_pencil_counted(metric: Metric, corner_shop):
    whole = corner_shop(metric.id).whole.set_index("breakdown")["value"]
    hand = metric.hand_count if isinstance(metric.hand_count, dict) else {"": metric.hand_count}
    if metric.breakdown == "cohort":  # of the triangle, the pencil did a few telling cells
        whole = whole[whole.index.isin(hand)]
    assert set(hand) == set(whole.index)
    for breakdown, expression in hand.items():
        assert whole[breakdown] == pytest.approx(by_pencil(expression) * metric.scaled, rel=1e-9), breakdown


@each_metric
def test_fills_the_results_frame(metric: Metric, corner_shop):
    found = corner_shop(metric.id).rows
    assert list(found.columns) == list(COLUMNS)
    assert not found.duplicated(KEYS).any()
    shown = found[~found["flags"].str.contains("unavailable|suppressed|not_reached")]
    assert shown["value"].notna().all()
    assert (
        (shown["low"] <= shown["value"] + 1e-9) & (shown["value"] <= shown["high"] + 1e-9) | shown["low"].isna()
    ).all()
    assert (found.loc[found["value"].isna(), "reason"] != "").all()


@each_metric
def test_evidence_by_segment_adds_up_to_the_whole(metric: Metric, corner_shop):
    found = corner_shop(metric.id).rows
    whole = found[(found["part"] == "") & (found["segment"] == "")].set_index("breakdown")
    levels = found[found["segment"] != ""]
    assert set(levels["segment"]) <= set(corner_shop.client.segments)
    for (segment, breakdown), of in levels.groupby(["segment", "breakdown"]):
        if metric.estimate.reduces == "counts":
            continue  # of a curve or a median there is nothing to add up
        assert of["numerator"].sum() == pytest.approx(whole.at[breakdown, "numerator"]), (segment, breakdown)
        if metric.estimate.reduces == "moments":
            assert of["denominator"].sum() == pytest.approx(whole.at[breakdown, "denominator"]), (segment, breakdown)
            assert of["n"].sum() == whole.at[breakdown, "n"]


@pytest.fixture(scope="module")
def shuffled(chosen, frames, corner_shop) -> dict[str, pd.DataFrame]:
    """Of the frames in another order, on four threads."""
    mixed = {name: frame.sample(frac=1, random_state=5) for name, frame in frames.items()}
    tables = in_memory(corner_shop.client, mixed)
    tables.con.execute("set threads = 4")
    return rows_of_all(chosen, tables, corner_shop.period)


@each_metric
def test_neither_order_of_rows_nor_threads_matter(metric: Metric, corner_shop, shuffled):
    pd.testing.assert_frame_equal(shuffled[metric.id], corner_shop(metric.id).rows, check_exact=True)


def declaring_twice(client: Client) -> Client:
    """The client whose declared sums of money are twice as much."""
    worth = client.worth
    books = {period: 2 * net for period, net in worth.books.items()}
    gains = {name: Gain(gain=2 * g.gain, low=2 * g.low, high=2 * g.high) for name, g in worth.gains.items()}
    return client.model_copy(update={"worth": worth.model_copy(update={"books": books, "gains": gains})})


@pytest.fixture(scope="module")
def doubled(chosen, frames, corner_shop) -> dict[str, pd.DataFrame]:
    """Of the frames with a copy of every row, under other keys."""

    def copied(frame: pd.DataFrame) -> pd.DataFrame:
        keys = [column for column in frame.columns if column.endswith("_id") or column == "seller"]
        twin = frame.assign(**{key: frame[key] + "'" for key in keys})
        return pd.concat([frame, twin], ignore_index=True)

    tables = in_memory(declaring_twice(corner_shop.client), {name: copied(frame) for name, frame in frames.items()})
    return rows_of_all(chosen, tables, corner_shop.period)


@each_metric
def test_a_copy_of_the_data_leaves_rates_alone(metric: Metric, corner_shop, doubled):
    once, twice = figures(corner_shop(metric.id).rows), figures(doubled[metric.id])
    of_all = ~once.index.get_level_values("breakdown").str.startswith("per ")
    times = pd.Series(1.0, once.index).mask(of_all & metric.estimate.total, 2.0)
    # A copy of every customer makes ties of what were none, of which Efron's likelihood is an approximation.
    close = 0.05 if metric.estimate.inference == "churn_drivers.hazard_ratios" else 1e-9
    if (
        metric.estimate.inference == "experiment_validity.balance"
    ):  # in standard deviations, whose variance is over n - 1
        times = times * (2 * (once["n"] - 2) / (2 * once["n"] - 2)) ** -0.5
    if metric.estimate.inference == "experiment_sizes.detectable_effects":  # twice the units find less
        assert (twice["value"] < once["value"]).sum() == once["value"].notna().sum()
        return
    if (
        metric.estimate.inference == "concentration.lorenz"
    ):  # Gini times n / (n - 1): nearer 1 of twice the customers; of one alone nothing is known
        gini = once.index.get_level_values("breakdown") == "Gini coefficient"
        times = times.mask(gini, 2 * (once["n"] - 1) / (2 * once["n"] - 1))
        once, twice, times = (held[once["n"] != 1] for held in (once, twice, times))
    if metric.estimate.inference in LESS_CHANCE:
        assert (twice["value"] >= once["value"] - 1e-9).all()
    else:
        pd.testing.assert_series_equal(twice["value"], once["value"] * times, check_names=False, rtol=close)
    counted = once["n"].notna()
    pd.testing.assert_series_equal(twice["n"][counted], 2 * once["n"][counted])


@pytest.fixture(scope="module")
def empty(chosen, frames, corner_shop) -> dict[str, pd.DataFrame]:
    """Of the frames without a row."""
    none = {name: frame.iloc[:0] for name, frame in frames.items()}
    return rows_of_all(chosen, in_memory(corner_shop.client, none), corner_shop.period)


@each_metric
def test_empty_evidence_is_unavailable(metric: Metric, empty):
    found = empty[metric.id]
    assert found["flags"].str.contains("unavailable").all()
    assert found["value"].isna().all()
    assert (found["reason"] != "").all()


@pytest.fixture(scope="module")
def without(chosen, frames, corner_shop) -> dict[str, pd.DataFrame]:
    """Of the frames without the first table that a metric reads; those that lack the same table are measured together."""
    by_table: dict[str, list[Metric]] = {}
    for metric in chosen:
        if metric.reads:
            by_table.setdefault(source_of(corner_shop.client, metric.reads[0]), []).append(metric)
    found = {}
    for needed, metrics in by_table.items():
        others = {name: frame for name, frame in frames.items() if name != needed}
        found |= rows_of_all(metrics, in_memory(corner_shop.client, others), corner_shop.period)
    return found


@pytest.mark.parametrize("metric", [m for m in METRICS if m.reads], ids=lambda metric: metric.id)
def test_a_missing_table_is_unavailable_and_named(metric: Metric, corner_shop, without):
    needed = source_of(corner_shop.client, metric.reads[0])
    found = without[metric.id]
    assert found["flags"].str.contains("unavailable").all()
    assert found["reason"].str.contains(needed).all()


def test_every_family_has_metrics():
    assert {"retention", "satisfaction"} <= set(families())
    for name in families():
        assert family(name), f"crmnb/metrics/{name}.py declares no metric"


def test_metrics_have_names_of_their_own():
    assert len(METRICS) == sum(len(family(name)) for name in families())


@pytest.mark.parametrize("name", families())
def test_a_family_that_is_a_package_names_every_file_once(name):
    package = import_module(f"crmnb.metrics.families.{name}")
    files = {module.name for module in iter_modules(getattr(package, "__path__", ()))}
    parts = getattr(package, "PARTS", ())
    assert sorted(parts) == sorted(files)
