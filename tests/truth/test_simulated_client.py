"""The made-up client: its truth is what its rows scatter about, and the intervals of all families hold it as promised."""

from pathlib import Path

import pandas as pd
import pytest
from scipy.stats import t

from benchmarks.accuracy import truth as benchmark
from benchmarks.accuracy.truth import judged
from conftest import crmnb
from crmnb.core.errors import InputError
from crmnb.demo import answers
from crmnb.demo.draw import simulate_tables
from crmnb.demo.folder import FILES, TRUTH_FILE, simulate
from crmnb.demo.parameters import LOW_REGION, Rates, parse_rates
from crmnb.demo.truth.figures import LEVELS, compute_truth

METRICS = benchmark.metrics_with_truth()
COHORTS = "cohort_retention"  # of which each client has 78: measured apart, of few clients
BY_MANY = [metric for name, metric in METRICS.items() if name not in {*benchmark.ALONE, benchmark.LOSSES, COHORTS}]
BY_FEW = [metric for name, metric in METRICS.items() if name in {*benchmark.ALONE, benchmark.LOSSES}]
SURE = [metric.id for metric in BY_MANY if metric.id not in benchmark.WITHOUT_INTERVAL]

# ---- Coverage: how often the intervals of clients of known truth hold it (`python -m benchmarks.accuracy.truth` asks more of them) ----

# A metric's intervals, of the whole client and of its regions and plans, in all breakdowns together. A client's customers are
# in three of them, so that they tell as much as a third at least: of 10 clients with nine intervals each, as 30.
REPLICATES, FEW = 10, 1
AT_LEAST = 0.831  # of 30 intervals that hold the truth 95 % of the time: less the standard deviation three times
AT_LEAST_TOGETHER, WIDTHS = 0.93, (0.7, 1.6)


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    """By metric, breakdown, replicate and level: value, interval and change in 2025, and (`true`, `true_change`) what is true."""
    few = benchmark.together([METRICS[COHORTS]], range(4), levels=False)
    return benchmark.with_truth(pd.concat([benchmark.together(BY_MANY, range(REPLICATES)), few]))


def faults(table: pd.DataFrame) -> pd.DataFrame:
    """The metrics whose intervals do not keep their promise: they hold the truth too seldom, or are no wider than they must be."""
    narrow, wide = WIDTHS
    return table[(table["holds"] < AT_LEAST) | (table["width"] < narrow) | (table["width"] > wide)]


def by_metric(rows: pd.DataFrame) -> pd.DataFrame:
    """The share of a metric's intervals, not marked unreliable, that hold the truth; and their usual width beside the right one."""
    of_level = judged(rows, ("metric", "breakdown", "segment", "level"))
    whole = judged(rows[~rows["breakdown"].str.endswith(" +0")], ["metric"])  # who has just come is there for certain
    return whole.assign(width=of_level.groupby("metric")["width"].median().reindex(whole.index))


@pytest.fixture(scope="module")
def table(found: pd.DataFrame) -> pd.DataFrame:
    return by_metric(found[found["metric"].isin([*SURE, COHORTS])])


def test_every_metric_and_component_is_judged(found, by_few):
    rows = pd.concat([found, by_few])
    assert {*rows["metric"]} == {*METRICS}
    judged_ones, true = (
        {*zip(rows["metric"], rows["breakdown"], strict=True)},
        {*compute_truth(benchmark.RATES, 2025, 1)},
    )
    # Replicates are told by customers; and the period before a year is the year before, which is told already.
    unseen = {("revenue_bridge", "without a customer"), ("sales_growth", "vs previous period")}
    unseen |= {key for key in true if key[0] in benchmark.OF_COMMENTS}
    assert true - judged_ones <= unseen
    assert judged_ones <= true
    levels = rows.groupby("metric")[["segment", "level"]].apply(
        lambda those: {*those.itertuples(index=False, name=None)}
    )
    whole_alone = {metric for metric, there in levels.items() if there == {("", "")}}
    assert whole_alone <= {*benchmark.WITHOUT_LEVELS, COHORTS}
    assert all(there == {*LEVELS} for metric, there in levels.items() if metric not in whole_alone)


@pytest.mark.parametrize("metric", SURE)
def test_every_interval_holds_the_truth_as_promised(table, metric: str):
    assert faults(table.loc[[metric]]).empty, table.loc[[metric]].to_string()


def test_all_intervals_together_hold_it_as_promised(found):
    sure = judged(found[found["metric"].isin(SURE)], ["label"])
    assert AT_LEAST_TOGETHER <= sure["holds"].item() <= 0.985


def test_the_changes_hold_the_true_change_as_promised(found):
    compared = found[found["change_low"].notna() & found["true_change"].notna() & found["metric"].isin(SURE)]
    assert compared["metric"].nunique() >= 20
    assert judged(compared, ["label"])["holds_change"].item() >= AT_LEAST_TOGETHER
    changes = judged(compared, ["metric"])["holds_change"]
    assert changes.min() >= 0.84, changes.sort_values().head().to_string()


@pytest.fixture(scope="module")
def by_few() -> pd.DataFrame:
    return benchmark.with_truth(benchmark.alone(BY_FEW, range(FEW)))


def test_the_intervals_of_the_few_hold_the_truth(by_few):
    """Of the models and of what is not told by level: of so few intervals of each metric, all metrics' are counted together."""
    assert judged(by_few, ["label"])["holds"].item() >= 0.85


def test_the_truth_is_what_the_values_scatter_about(found):
    """Both are drawn: the truth from lives 13 times as many as the values."""
    rows = found[
        (found["metric"] != "revenue_bridge") & (found["metric"] != COHORTS)
    ]  # not of orders without a customer
    table = judged(rows, ("metric", "breakdown", "segment", "level"))
    chance = 2 * t.sf(table["off"], table["seen"] - 1)
    assert chance.min() * len(table) > 0.001, table.assign(chance=chance).sort_values("chance").head().to_string()


@pytest.mark.parametrize("factor", [0.5, 3])
def test_intervals_of_another_width_would_be_seen(found, factor: float):
    half = (found["high"] - found["low"]) / 2 * factor
    other = by_metric(found.assign(low=found["value"] - half, high=found["value"] + half))
    seen = other[other["width"].notna() & other.index.isin(SURE)]
    assert len(faults(seen)) > 0.9 * len(seen)


def test_a_truth_that_is_off_would_be_seen(found):
    with_intervals = found[found["metric"].isin(["retention_rate", "csat", "nps", "repeat_purchase_rate"])]
    hundredths = with_intervals["metric"].map({"nps": 2}).fillna(1)  # of a scale from -100 to 100, and from 0 to 100
    other = judged(with_intervals.assign(true=with_intervals["true"] + 4 * hundredths), ["metric"])
    assert (other["off"] > 3.5).all()  # seen by chance once in 1,000 times


# ---- The truth ------------------------------------------------------------------------------------------------------


def test_the_arguments_are_the_truth():
    rates = parse_rates({"retention": [0.7], "csat": [0.5, 0.6, 0.7], "nps": [-12], "ces": [4.5], "completion": [0.66]})
    told = compute_truth(rates, 2024, 1000)
    wanted = {("retention_rate", ""): 70, ("churn_rate", ""): 30}
    wanted |= {(metric, "support"): value for metric, value in (("csat", 60), ("nps", -12), ("ces", 4.5))}
    assert {key: told[key] for key in wanted} == pytest.approx(wanted)
    assert told["completion_rate", "support"] == pytest.approx(66)
    assert told["new_customers", ""] == pytest.approx(1000 * 0.19)


def test_purchases_by_another_route():
    """All of them stay and nobody comes, all plans alike: orders in a year are negative binomial."""
    still = {"retention": (0.999,) * 3, "gap": 0.0005, "won": (1e-9,) * 3, "plan_effect": 0}
    told = compute_truth(Rates(**still, orders=1.5, spread=2.0), 2025, 1)
    none = (1 + 0.75 * 365 / 365.25) ** -2
    one = 2 * 0.75 * 365 / 365.25 * (1 + 0.75 * 365 / 365.25) ** -3
    assert told["repeat_purchase_rate", ""] == pytest.approx(100 * (1 - none - one) / (1 - none), abs=0.1)
    assert told["purchase_frequency", ""] == pytest.approx(1.5 * 365 / 365.25 / (1 - none), abs=0.01)


@pytest.mark.parametrize(("csat", "worse"), [(0.72, 0.2), (0.999, 0.6), (0.01, 0.4), (0.5, 0.0)])
def test_what_one_region_gives_less_the_others_give_more(csat: float, worse: float):
    scale = answers.ITEMS["satisfied"]
    chosen = answers.shift_shares(scale, answers.top_two, csat)
    others, there = answers.split_by_region(scale, chosen, worse)
    assert (1 - worse) * others + worse * there == pytest.approx(chosen)
    assert min(*others, *there) >= -1e-12
    assert answers.top_two(scale, there) < csat == pytest.approx(answers.top_two(scale, chosen))


def test_one_region_is_worse():
    drawn = simulate_tables(Rates(), 6000, 3)
    sheets = drawn.tables["survey_responses"].merge(drawn.tables["customers"], on="customer_id")
    satisfied = sheets.groupby("region")["satisfied"].mean()
    plans = drawn.tables["subscriptions"].merge(drawn.tables["customers"], on="customer_id")
    lost = plans.groupby("region")["ended_at"].apply(lambda ended: ended.notna().mean())
    assert satisfied.idxmin() == lost.idxmax() == LOW_REGION


# ---- The command ----------------------------------------------------------------------------------------------------


@pytest.fixture
def few_lives(monkeypatch) -> None:
    """A truth that is quick to tell, of rates that no other test has: how true it is matters elsewhere."""
    monkeypatch.setattr("crmnb.demo.truth.figures._LARGE_BASE", 3000)


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_the_same_seed_gives_the_same_bytes_and_another_gives_others(tmp_path, few_lives):
    rates = Rates(reactivation=0.21)
    simulate(tmp_path / "a", 200, 5, rates)
    first = content(tmp_path / "a")
    simulate(tmp_path / "b", 200, 5, rates)
    assert content(tmp_path / "b") == first
    assert set(first) == set(FILES)
    simulate(tmp_path / "b", 200, 6, rates)  # over its own files
    other = content(tmp_path / "b")
    assert [name for name in first if other[name] == first[name]] == [
        "benchmarks.csv",
        "teams.csv",
    ]  # declared, not drawn
    assert [path.name for path in tmp_path.iterdir() if path.name not in "ab"] == []


def test_a_folder_that_holds_other_files_is_left_alone(tmp_path):
    (tmp_path / "letters.txt").write_text("mine")
    (tmp_path / TRUTH_FILE).write_text("mine too")
    with pytest.raises(InputError, match=r"holds other files \(letters.txt\)"):
        simulate(tmp_path, 200, 1, Rates())
    assert content(tmp_path) == {"letters.txt": b"mine", TRUTH_FILE: b"mine too"}


def test_a_file_is_no_folder(tmp_path):
    (tmp_path / "demo").write_text("mine")
    with pytest.raises(InputError, match=r"is a file\. Name a folder"):
        simulate(tmp_path / "demo", 200, 1, Rates())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--customers", "99"], "--customers: 99 is out of range; it must be 100 to 1,000,000."),
        (["--seed", "-1"], "--seed: -1 is out of range; it must be 0 or more."),
        (["--retention", "80"], "--retention: 80 is out of range; it must be between 0 and 1."),
        (
            ["--retention", "0.8", "0.9"],
            "--retention: 2 values are not allowed; enter one value, or 3 (one for each year).",
        ),
        (["--reactivation", "0.1", "0.1", "0.1"], "--reactivation: 3 values are not allowed; enter one value."),
        (["--gap", "0.3"], "--gap: 0.3 is too large for a retention of 0.79 0.79 0.82"),
        (["--nps", "nan"], "--nps: nan is out of range"),
    ],
)
def test_arguments_that_make_no_sense_are_refused_in_words(tmp_path, capsys, arguments, said):
    assert crmnb(tmp_path, "simulate", "--folder", str(tmp_path / "made"), *arguments) == 2
    assert said in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_command_takes_the_rates_and_says_what_it_made(tmp_path, capsys, few_lives):
    folder = str(tmp_path / "made")
    assert (
        crmnb(tmp_path, "simulate", "--folder", folder, "--customers", "150", "--retention", "0.6", "--seed", "4") == 0
    )
    assert "customers: " in (said := capsys.readouterr().out)
    assert "made/truth.json" in said
    assert '"retention_rate": {\n    "": 60.0' in (tmp_path / "made" / TRUTH_FILE).read_text()
