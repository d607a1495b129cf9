"""The made-up client: its truth is what its rows scatter about, and the intervals of all families hold it as promised."""

from pathlib import Path

import pandas as pd
import pytest

from benchmarks import truth as benchmark
from benchmarks.truth import judged
from conftest import crmnb
from crmnb.errors import InputError
from crmnb.metric import catalogue
from crmnb.simulate import answers
from crmnb.simulate.draw import draw
from crmnb.simulate.folder import FILES, MADE, simulate
from crmnb.simulate.rates import WORSE, Rates, rates_of
from crmnb.simulate.truth import truth

METRICS = {name: metric for name, metric in catalogue().items() if name not in benchmark.WITHOUT_TRUTH}
BY_MANY = [metric for name, metric in METRICS.items() if name not in {*benchmark.ALONE, benchmark.LOSSES}]
BY_FEW = [metric for name, metric in METRICS.items() if name in {*benchmark.ALONE, benchmark.LOSSES}]
SURE = [metric.id for metric in BY_MANY if metric.id not in benchmark.WITHOUT_INTERVAL]

# ---- Coverage: how often the intervals of clients of known truth hold it (`python -m benchmarks.truth` asks more of them) ----

REPLICATES, FEW = 100, 6
AT_LEAST = 0.884  # of 100 intervals that hold the truth 95 % of the time: less the standard deviation three times
AT_LEAST_TOGETHER, WIDTHS = 0.93, (0.7, 1.6)


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    """By metric, component and replicate: value, interval and change in 2025, and (`true`, `true_change`) what is true."""
    return benchmark.with_truth(benchmark.together(BY_MANY, range(REPLICATES)))


def faults(table: pd.DataFrame) -> pd.DataFrame:
    """The metrics whose intervals do not keep their promise: they hold the truth too seldom, or are no wider than they must be."""
    narrow, wide = WIDTHS
    return table[(table["holds"] < AT_LEAST) | (table["width"] < narrow) | (table["width"] > wide)]


@pytest.fixture(scope="module")
def table(found: pd.DataFrame) -> pd.DataFrame:
    return judged(found[found["metric"].isin(SURE)])


def test_every_metric_and_component_is_judged(found, by_few):
    rows = pd.concat([found, by_few])
    assert {*rows["metric"]} == {*METRICS}
    judged_ones, true = {*zip(rows["metric"], rows["component"], strict=True)}, {*truth(benchmark.RATES, 2025, 1)}
    assert true - judged_ones == {("growth_decomposition", "without a customer")}  # replicates are told by customers
    assert judged_ones <= true
    seen = found.groupby(["metric", "component"]).size()
    assert seen.min() == seen.max() == REPLICATES


@pytest.mark.parametrize("metric", SURE)
def test_every_interval_holds_the_truth_as_promised(table, metric: str):
    assert faults(table.loc[[metric]]).empty, faults(table.loc[[metric]]).to_string()


def test_all_intervals_together_hold_it_as_promised(table):
    not_certain = table[table.index.get_level_values("component").str[-3:] != " +0"]
    assert AT_LEAST_TOGETHER <= not_certain["holds"].mean() <= 0.985


def test_the_changes_hold_the_true_change_as_promised(found, table):
    compared = found.dropna(subset=["true_change", "change_low"]).set_index(["metric", "component"]).index.unique()
    compared = table.loc[[key for key in compared if key in table.index]]
    assert len(compared) >= 40
    assert compared["holds_change"].mean() >= AT_LEAST_TOGETHER
    # Not less than 6 standard deviations off: among so many of them, 3 are had by chance too easily.
    assert compared["holds_change"].min() >= 0.84, compared.sort_values("holds_change").head().to_string()


@pytest.fixture(scope="module")
def by_few() -> pd.DataFrame:
    return benchmark.with_truth(benchmark.alone(BY_FEW, range(FEW)))


@pytest.mark.parametrize("metric", [metric.id for metric in BY_FEW])
def test_the_intervals_of_a_few_hold_the_truth(by_few, metric: str):
    """Of six, four at least: fewer than that, intervals that hold it 95 % of the time do once in 450 times."""
    holds = judged(by_few[by_few["metric"] == metric])["holds"]
    assert holds.min() >= 0.6, holds


def test_all_intervals_of_the_few_together_hold_it(by_few):
    assert judged(by_few)["holds"].mean() >= 0.88


def test_the_truth_is_what_the_values_scatter_about(found):
    table = judged(found[found["metric"] != "growth_decomposition"])  # of which orders without a customer are a part
    assert table["off"].max() < 4, table.sort_values("off").tail().to_string()


@pytest.mark.parametrize("factor", [0.5, 3])
def test_intervals_of_another_width_would_be_seen(found, factor: float):
    half = (found["high"] - found["low"]) / 2 * factor
    other = judged(found.assign(low=found["value"] - half, high=found["value"] + half))
    seen = other[other["width"].notna() & other.index.get_level_values("metric").isin(SURE)]
    assert len(faults(seen)) > 0.9 * len(seen)


def test_a_truth_that_is_off_would_be_seen(found):
    with_intervals = found[found["metric"].isin(["retention_rate", "csat", "nps", "repeat_purchase_rate"])]
    other = judged(with_intervals.assign(true=with_intervals["true"] + 2.5))
    assert (other["off"] > 4).all()


# ---- The truth ------------------------------------------------------------------------------------------------------


def test_the_arguments_are_the_truth():
    rates = rates_of({"retention": [0.7], "csat": [0.5, 0.6, 0.7], "nps": [-12], "ces": [4.5], "completion": [0.66]})
    told = truth(rates, 2024, 1000)
    wanted = {("retention_rate", ""): 70, ("churn_rate", ""): 30}
    wanted |= {(metric, "support"): value for metric, value in (("csat", 60), ("nps", -12), ("ces", 4.5))}
    assert {key: told[key] for key in wanted} == pytest.approx(wanted)
    assert told["completion_rate", "support"] == pytest.approx(66)
    assert told["customers_won", ""] == pytest.approx(1000 * 0.19)


def test_purchases_by_another_route():
    """All of them stay and nobody comes: orders in a year are negative binomial."""
    told = truth(Rates(retention=(0.999,) * 3, gap=0.0005, won=(1e-9,) * 3, orders=1.5, spread=2.0), 2025, 1)
    none = (1 + 0.75 * 365 / 365.25) ** -2
    one = 2 * 0.75 * 365 / 365.25 * (1 + 0.75 * 365 / 365.25) ** -3
    assert told["repeat_purchase_rate", ""] == pytest.approx(100 * (1 - none - one) / (1 - none), abs=0.1)
    assert told["purchase_frequency", ""] == pytest.approx(1.5 * 365 / 365.25 / (1 - none), abs=0.01)


@pytest.mark.parametrize(("csat", "worse"), [(0.72, 0.2), (0.999, 0.6), (0.01, 0.4), (0.5, 0.0)])
def test_what_one_region_gives_less_the_others_give_more(csat: float, worse: float):
    scale = answers.ITEMS["satisfied"]
    chosen = answers.shifted(scale, answers.top_two, csat)
    others, there = answers.by_region(scale, chosen, worse)
    assert (1 - worse) * others + worse * there == pytest.approx(chosen)
    assert min(*others, *there) >= -1e-12
    assert answers.top_two(scale, there) < csat == pytest.approx(answers.top_two(scale, chosen))


def test_one_region_is_worse():
    drawn = draw(Rates(), 20_000, 3)
    sheets = drawn.tables["survey_responses"].merge(drawn.tables["customers"], on="customer_id")
    satisfied = sheets.groupby("region")["satisfied"].mean()
    plans = drawn.tables["subscriptions"].merge(drawn.tables["customers"], on="customer_id")
    lost = plans.groupby("region")["ended_at"].apply(lambda ended: ended.notna().mean())
    assert satisfied.idxmin() == lost.idxmax() == WORSE


# ---- The command ----------------------------------------------------------------------------------------------------


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(tmp_path):
    simulate(tmp_path / "a", 200, 5, Rates())
    first = content(tmp_path / "a")
    simulate(tmp_path / "b", 200, 5, Rates())
    assert content(tmp_path / "b") == first
    assert set(first) == set(FILES)
    simulate(tmp_path / "b", 200, 6, Rates())  # over its own files
    other = content(tmp_path / "b")
    assert [name for name in first if other[name] == first[name]] == []
    assert [path.name for path in tmp_path.iterdir() if path.name not in "ab"] == []


def test_a_folder_that_holds_other_files_is_left_alone(tmp_path):
    (tmp_path / "letters.txt").write_text("mine")
    (tmp_path / MADE).write_text("mine too")
    with pytest.raises(InputError, match=r"holds other files \(letters.txt\)"):
        simulate(tmp_path, 200, 1, Rates())
    assert content(tmp_path) == {"letters.txt": b"mine", MADE: b"mine too"}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(InputError, match="is a file; name a folder"):
        simulate(tmp_path / "demo", 200, 1, Rates())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--customers", "99"], "--customers: 99 is out of range; it must be 100 to 1,000,000."),
        (["--seed", "-1"], "--seed: -1 is out of range; it must be 0 or more."),
        (["--retention", "80"], "--retention: 80 is out of range; it must be between 0 and 1."),
        (["--retention", "0.8", "0.9"], "--retention: 2 values were given; give one value, or 3 (one for each year)."),
        (["--win-back", "0.1", "0.1", "0.1"], "--win-back: 3 values were given; give one value."),
        (["--gap", "0.3"], "--gap: 0.3 is too much for a retention of 0.79 0.79 0.82"),
        (["--nps", "nan"], "--nps: nan is out of range"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_in_words(tmp_path, capsys, arguments, said):
    assert crmnb(tmp_path, "simulate", "--folder", str(tmp_path / "made"), *arguments) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_command_takes_the_rates_and_says_what_it_made(tmp_path, capsys):
    folder = str(tmp_path / "made")
    assert (
        crmnb(tmp_path, "simulate", "--folder", folder, "--customers", "150", "--retention", "0.6", "--seed", "4") == 0
    )
    assert "customers: " in (said := capsys.readouterr().out)
    assert "made/truth.json" in said
    assert '"retention_rate": {\n    "": 60.0' in (tmp_path / "made" / MADE).read_text()
