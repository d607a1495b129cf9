"""The made-up client: its truth is what its rows scatter about, and the intervals of both families hold it as promised."""

from datetime import datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from conftest import crmnb
from crmnb.client import Client
from crmnb.engine import in_memory
from crmnb.errors import InputError
from crmnb.measure import measure
from crmnb.metric import family
from crmnb.period import Period
from crmnb.simulate import answers
from crmnb.simulate.draw import draw
from crmnb.simulate.folder import FILES, MADE, simulate
from crmnb.simulate.rates import WORSE, YEARS, Rates, rates_of
from crmnb.simulate.truth import truth

METRICS = {**family("retention"), **family("satisfaction")}
CENSUS = "end_to_start_ratio"  # counts all, so it has no interval

# ---- Coverage: a client of 200 replicates, each with a seed of its own ----------------------------------------------

REPLICATES, CUSTOMERS = 200, 600
RATES = Rates(won=(0.3, 0.3, 0.6), orders=2.0)  # many come in 2025, so that a month's cohort has some 30 members
AT_LEAST = 0.904  # of 200 intervals that hold the truth 95 % of the time: less the standard deviation three times
AT_LEAST_TOGETHER, WIDTHS = 0.93, (0.7, 1.6)


def _replicate(seed: int) -> tuple[dict[str, pd.DataFrame], dict[int, int]]:
    drawn = draw(RATES, CUSTOMERS, seed)
    tables = {
        name: table.assign(replicate=str(seed)) if name == "reviews" else _own(table, seed)
        for name, table in drawn.tables.items()
        if name not in {"tickets", "costs"}
    }
    return tables, drawn.at_start


def _own(table: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The rows of a replicate's customers, whom no other replicate has."""
    return table.assign(replicate=str(seed), customer_id=f"{seed}-" + table["customer_id"])


def _client() -> Client:
    carried = ("customers", "survey_responses", "survey_invitations", "reviews")
    return Client(
        id="replicates",
        folder=Path(),
        name="Replicates",
        currency="EUR",
        data_from=f"{YEARS[0]}-01-01",
        data_until=f"{YEARS[-1]}-12-31",
        sources={},
        tables={},
        items={
            "satisfied": {"scale": [1, 5]},
            "recommend": {"scale": [0, 10]},
            "effort": {"scale": [1, 7], "direction": "effort"},
        },
        churn={"kind": "contractual", "table": "subscriptions"},
        segments={name: {"column": f"{name}.replicate"} for name in carried},
        privacy={"min_base": 1, "suppress_below": 1},
    )


@pytest.fixture(scope="module")
def found() -> pd.DataFrame:
    """By metric, component and replicate: value, interval and change in 2025, and (`true`, `true_change`) what is true."""
    tables, at_start = zip(*map(_replicate, range(REPLICATES)), strict=True)
    opened = in_memory(_client(), {name: pd.concat([each[name] for each in tables]) for name in tables[0]})
    period = Period.parse("2025").observe(datetime(2023, 1, 1), datetime(2026, 1, 1))
    rows = pd.concat([_by_replicate(metric, opened, period) for metric in METRICS.values()])
    true, earlier = (_true(rows, year, [start[year] for start in at_start]) for year in (2025, 2024))
    return rows.assign(true=true, true_change=true - earlier)


def _true(rows: pd.DataFrame, year: int, at_start: list[int]) -> np.ndarray:
    """What is true of each row in a year; what is counted, out of the replicate's own customers at its start."""
    of_one, of_two = (truth(RATES, year, customers) for customers in (1, 2))
    keys = zip(rows["metric"], rows["component"], rows["level"].astype(int), strict=True)
    return np.array(
        [
            of_one.get((m, c), np.nan) * (at_start[seed] if of_two.get((m, c)) != of_one.get((m, c)) else 1)
            for m, c, seed in keys
        ]
    )


def _by_replicate(metric, tables, period: Period) -> pd.DataFrame:
    """The metric's rows by the replicate that its own rows carry, or else its customers'."""
    rows = measure(metric, tables, period).rows
    segment = next(name for name in [*metric.reads, "customers"] if name in set(rows["segment"]))
    return rows[(rows["segment"] == segment) & (rows["part"] == "") & rows["level"].str.isdigit()]


def judged(rows: pd.DataFrame) -> pd.DataFrame:
    """By metric and component: the share of intervals that hold the truth, and their half-width over 1.96 standard deviations.

    There is no such width of a share whose rarer outcome is hardly ever seen (under 0.5 are to be expected): it is nearly
    always the same, while the interval must allow for the next one.
    """

    def of(those: pd.DataFrame) -> pd.Series:
        error = those["value"] - those["true"]
        share = those["true"].iloc[0] / 100
        rare = those["method"].iloc[0].startswith("Wilson") and min(share, 1 - share) * those["n"].mean() < 0.5
        half = ((those["high"] - those["low"]) / 2).mean()
        return pd.Series(
            {
                "seen": len(those),
                "holds": ((those["low"] <= those["true"]) & (those["true"] <= those["high"])).mean(),
                "holds_change": (
                    (those["change_low"] <= those["true_change"]) & (those["true_change"] <= those["change_high"])
                ).mean(),
                "width": np.nan if rare else half / (1.96 * error.std()),
                "off": abs(error.mean()) / max(error.std() / np.sqrt(len(those)), 1e-9),
            }
        )

    return rows.groupby(["metric", "component"])[list(rows)].apply(of)


def faults(table: pd.DataFrame) -> pd.DataFrame:
    """The metrics whose intervals do not keep their promise: they hold the truth too seldom, or are no wider than they must be."""
    narrow, wide = WIDTHS
    return table[(table["holds"] < AT_LEAST) | (table["width"] < narrow) | (table["width"] > wide)]


@pytest.fixture(scope="module")
def table(found: pd.DataFrame) -> pd.DataFrame:
    return judged(found[found["metric"] != CENSUS])


def test_every_metric_and_component_is_judged(found):
    assert {*found["metric"]} == {*METRICS}
    assert {*zip(found["metric"], found["component"], strict=True)} == {*truth(RATES, 2025, 1)}
    seen = found.groupby(["metric", "component"]).size()
    assert seen.min() == seen.max() == REPLICATES


@pytest.mark.parametrize("metric", [name for name in METRICS if name != CENSUS])
def test_every_interval_holds_the_truth_as_promised(table, metric: str):
    assert faults(table.loc[[metric]]).empty, faults(table.loc[[metric]]).to_string()


def test_all_intervals_together_hold_it_as_promised(table):
    not_certain = table[table.index.get_level_values("component").str[-3:] != " +0"]
    assert AT_LEAST_TOGETHER <= not_certain["holds"].mean() <= 0.985


def test_the_changes_hold_the_true_change_as_promised(found, table):
    compared = table.loc[
        found.dropna(subset="true_change").set_index(["metric", "component"]).index.unique().drop([(CENSUS, "")])
    ]
    assert len(compared) == 26
    assert compared["holds_change"].mean() >= AT_LEAST_TOGETHER
    # Not less than 6 standard deviations off: among 26 of them, 3 are had by chance too easily.
    assert compared["holds_change"].min() >= 0.86, compared.sort_values("holds_change").head().to_string()


def test_the_truth_is_what_the_values_scatter_about(found):
    table = judged(found)
    assert table["off"].max() < 4, table.sort_values("off").tail().to_string()


@pytest.mark.parametrize("factor", [0.5, 3])
def test_intervals_of_another_width_would_be_seen(found, factor: float):
    half = (found["high"] - found["low"]) / 2 * factor
    other = judged(found.assign(low=found["value"] - half, high=found["value"] + half))
    seen = other[other["width"].notna()]
    assert len(faults(seen)) > 0.9 * len(seen)


def test_a_truth_that_is_off_would_be_seen(found):
    with_intervals = found[found["metric"].isin(["retention_rate", "csat", "nps", "repeat_purchase_rate"])]
    other = judged(with_intervals.assign(true=with_intervals["true"] + 2.5))
    assert (other["off"] > 4).all()


# ---- The truth ------------------------------------------------------------------------------------------------------


def test_the_arguments_are_the_truth():
    rates = rates_of({"retention": [0.7], "csat": [0.5, 0.6, 0.7], "nps": [-12], "ces": [4.5], "completion": [0.66]})
    told = truth(rates, 2024, 1000)
    wanted = {"retention_rate": 70, "churn_rate": 30, "csat": 60, "nps": -12, "ces": 4.5}
    assert {metric: told[metric, ""] for metric in wanted} == pytest.approx(wanted)
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
