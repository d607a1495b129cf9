"""Experiments from a client's tables: windows, follow-up, what is left out, and reasons; by hand and by plain pandas."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from synthetic import client

from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import Measured, measure
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Experiment, Privacy, Segment

YEAR = Period.parse("2025").observe(pd.Timestamp("2024-01-01"), pd.Timestamp("2026-01-01"))


def units(arms: str, **columns) -> pd.DataFrame:
    """A unit per letter: its arm, assigned on 1 March 2025."""
    keys = [f"u{at}" for at, _ in enumerate(arms)]
    return pd.DataFrame(
        {
            "experiment": "test",
            "unit_id": keys,
            "customer_id": keys,
            "arm": list(arms),
            "assigned_at": pd.Timestamp("2025-03-01"),
            **columns,
        }
    )


def orders(*rows: tuple[str, str, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "ordered_at", "amount"])
    frame["ordered_at"] = pd.to_datetime(frame["ordered_at"], format="ISO8601")
    return frame.assign(order_id=[str(at) for at in frame.index], status="paid")


def found(metric: str, outcomes: dict, frames: dict[str, pd.DataFrame], period: Period = YEAR, **declared) -> Measured:
    experiment = Experiment(**{"arms": {"a": 1, "b": 1}, "control": "b", "outcomes": outcomes} | declared)
    of = client().model_copy(
        update={"experiments": {"test": experiment}, "privacy": Privacy(min_base=1, suppress_below=1), "segments": {}}
    )
    return measure(catalogue()[metric], in_memory(of, frames), period)


def values(measured: Measured) -> dict[str, float]:
    rows = measured.rows[measured.rows["segment"] == ""]
    return dict(zip(rows["breakdown"].str.removeprefix("test: "), rows["value"], strict=True))


def reasons(measured: Measured) -> str:
    return " ".join(measured.rows["reason"])


def test_the_window_is_half_open():
    rows = orders(
        ("u0", "2025-03-01 00:00", 5),  # the instant of the assignment counts
        ("u1", "2025-03-15 00:00", 7),  # after exactly 14 days: does not
        ("u2", "2025-03-14 23:59:59", 9),
        ("u2", "2025-02-28 23:59:59", 100),  # before the assignment: does not
    )
    outcomes = {
        "ordered": {"kind": "rate", "table": "orders", "within_days": 14},
        "orders": {"kind": "mean", "table": "orders", "within_days": 14},
        "revenue": {"kind": "money", "table": "orders", "column": "amount", "within_days": 14},
    }
    of = values(found("arm_outcome", outcomes, {"experiment_units": units("aabb"), "orders": rows}))
    assert of == {
        **{"ordered, a": 50, "ordered, b": 50, "orders, a": 0.5, "orders, b": 0.5},
        **{"revenue, a": 2.5, "revenue, b": 4.5},
    }


def test_what_a_customer_was_like_before_is_of_the_days_before():
    chance = np.random.default_rng(3)
    before, after = chance.gamma(2, 10, 60).round(2), chance.gamma(2, 10, 60).round(2)
    after = (after + before).round(2)
    rows = [(f"u{at}", "2025-02-01", amount) for at, amount in enumerate(before)]
    rows += [(f"u{at}", "2025-03-05", amount) for at, amount in enumerate(after)]
    rows += [("u3", "2024-11-01", 1e6)]  # too long ago
    outcome = {"kind": "money", "table": "orders", "column": "amount", "within_days": 30, "before_days": 60}
    of = units("ab" * 30)
    row = found("experiment_effect", {"revenue": outcome}, {"experiment_units": of, "orders": orders(*rows)}).rows.iloc[
        0
    ]
    slope = np.cov(after, before)[0, 1] / np.var(before, ddof=1)
    left = after - slope * before
    expected = stats.ttest_ind(left[::2], left[1::2], equal_var=False)
    limits = expected.confidence_interval()
    assert (row["value"], row["low"], row["high"]) == pytest.approx(
        (left[::2].mean() - left[1::2].mean(), limits.low, limits.high), rel=1e-9
    )


def test_units_count_once_they_were_followed():
    of = units("aabb").assign(assigned_at=pd.to_datetime(["2025-12-01", "2025-12-25", "2025-12-17", "2025-12-18"]))
    outcome = {"ordered": {"kind": "rate", "table": "orders", "within_days": 14}}
    frames = {"experiment_units": of, "orders": orders(("u0", "2025-12-05", 1))}
    assert found("arm_outcome", outcome, frames).rows["n"].tolist() == [1, 2]  # the year ends 14 days after 18 December
    assert found("sample_ratio", outcome, frames).rows["numerator"].tolist() == [2, 2]


def test_an_experiment_is_reported_while_it_runs():
    of = units("aabb", spent=[1.0, 2.0, 3.0, 4.0])
    outcome = {"spent": {"kind": "money", "column": "spent"}}
    later = Period.parse("2026").observe(pd.Timestamp("2024-01-01"), pd.Timestamp("2027-01-01"))
    assert "nothing_counted" in reasons(found("experiment_effect", outcome, {"experiment_units": of}, later))


def test_without_the_planned_ratio_no_effect_is_stated():
    of = units("a" * 80 + "b" * 30, spent=np.arange(110.0))
    measured = found("experiment_effect", {"spent": {"kind": "money", "column": "spent"}}, {"experiment_units": of})
    assert measured.rows["value"].isna().all()
    assert "sample_ratio_off" in reasons(measured)
    p = stats.chisquare([80, 30]).pvalue
    assert measured.notes[0].values["p"] == pytest.approx(p, rel=1e-9)
    planned = found(
        "experiment_effect",
        {"spent": {"kind": "money", "column": "spent"}},
        {"experiment_units": of},
        arms={"a": 8, "b": 3},
    )
    assert planned.rows["value"].notna().all()


def test_values_that_are_missing_in_one_arm_are_a_ratio_that_is_off():
    spent = np.where(np.arange(200) < 60, np.nan, 1.0) + np.arange(200) / 100
    of = units("a" * 100 + "b" * 100, spent=spent)
    measured = found("experiment_effect", {"spent": {"kind": "money", "column": "spent"}}, {"experiment_units": of})
    assert "sample_ratio_off" in reasons(measured)


def test_an_arm_that_is_not_declared_is_named():
    of = units("aabbc", spent=np.arange(5.0))
    measured = found("experiment_effect", {"spent": {"kind": "money", "column": "spent"}}, {"experiment_units": of})
    assert "arm_not_declared" in reasons(measured)
    assert '"c"' in reasons(measured)


def test_a_rate_has_two_values():
    of = units("aabb", visits=[0, 2, 1, 1])
    measured = found("experiment_effect", {"visits": {"kind": "rate", "column": "visits"}}, {"experiment_units": of})
    assert "not_a_rate" in reasons(measured)


def test_texts_are_no_outcome():
    of = units("aabb", spent=["1", "2", "3", "x"])
    measured = found("experiment_effect", {"spent": {"kind": "money", "column": "spent"}}, {"experiment_units": of})
    assert "outcome_is_text" in reasons(measured)


def test_several_arms_are_corrected_together():
    chance = np.random.default_rng(8)
    of = units("abc" * 40, spent=chance.normal(10, 1, 120) + np.tile([0.6, 0, 0.1], 40))
    outcome = {"spent": {"kind": "money", "column": "spent"}}
    measured = found("experiment_effect", outcome, {"experiment_units": of}, arms={"a": 1, "b": 1, "c": 1})
    sides = {name: of.loc[of["arm"] == name, "spent"] for name in "abc"}
    a, c = (stats.ttest_ind(sides[name], sides["b"], equal_var=False).pvalue for name in "ac")
    assert a < c
    notes = {note.values["effect"]: note.values["p"] for note in measured.notes}
    assert notes == pytest.approx({"test: spent, a": 2 * a, "test: spent, c": max(c, 2 * a)}, rel=1e-9)


def test_peeking_widens_the_interval():
    of = units("ab" * 50, spent=np.random.default_rng(9).normal(10, 1, 100))
    outcome = {"spent": {"kind": "money", "column": "spent"}}
    once = found("experiment_effect", outcome, {"experiment_units": of}).rows.iloc[0]
    often = found("experiment_effect", outcome, {"experiment_units": of}, peeking={"planned_units": 400})
    row = often.rows.iloc[0]
    assert row["low"] < once["low"] < once["high"] < row["high"]
    assert often.notes[0].code == "always_valid"


def test_two_experiments_stand_side_by_side():
    first = units("ab" * 20, spent=np.arange(40.0), bought=np.nan)
    second = units("ab" * 20, spent=np.nan, bought=np.tile([1.0, 0.0, 0.0, 0.0], 10)).assign(experiment="other")
    of = {
        "test": Experiment(
            arms={"a": 1, "b": 1}, control="b", outcomes={"spent": {"kind": "money", "column": "spent"}}
        ),
        "other": Experiment(
            arms={"a": 1, "b": 1}, control="b", outcomes={"bought": {"kind": "rate", "column": "bought"}}
        ),
    }
    of = client().model_copy(update={"experiments": of, "segments": {}})
    tables = in_memory(of, {"experiment_units": pd.concat([first, second], ignore_index=True)})
    rows = measure(catalogue()["experiment_effect"], tables, YEAR).rows.set_index("breakdown")
    assert rows["value"].to_dict() == pytest.approx({"test: spent": -1, "other: bought": 50})
    assert rows["unit"].to_dict() == {"test: spent": "money", "other: bought": "points"}


def test_the_required_sample_is_that_of_the_arm_that_needs_most():
    of = units("aab" * 30, spent=np.random.default_rng(2).normal(10, 2, 90))
    outcome = {"spent": {"kind": "money", "column": "spent", "smallest_effect": 0.5}}
    (needed,) = values(found("required_sample", outcome, {"experiment_units": of}, arms={"a": 2, "b": 1})).values()
    pooled = of.groupby("arm")["spent"].apply(lambda own: ((own - own.mean()) ** 2).sum()).sum() / 90
    z = stats.norm.ppf(0.975) + stats.norm.ppf(0.8)
    assert needed == np.ceil(z**2 * pooled * (1.5 + 3) / 0.25)


def test_sums_of_large_values_keep_their_digits():
    spent = 1e9 + np.random.default_rng(4).normal(0, 1, 80)
    of = units("ab" * 40, spent=spent)
    row = found(
        "experiment_effect", {"spent": {"kind": "money", "column": "spent"}}, {"experiment_units": of}
    ).rows.iloc[0]
    limits = stats.ttest_ind(spent[::2], spent[1::2], equal_var=False).confidence_interval()
    assert (row["low"], row["high"]) == pytest.approx((limits.low, limits.high), abs=1e-6)


@pytest.mark.parametrize(
    "metric",
    [
        "arm_outcome",
        "experiment_effect",
        "relative_effect",
        "covariate_balance",
        "detectable_effect",
        "required_sample",
    ],
)
def test_nothing_is_shown_from_which_an_arm_of_few_follows(metric):
    """In the south three units have arm a: what is known of the control and of the difference would be what they did."""
    south = units("a" * 3 + "b" * 40, spent=np.arange(43.0), age=np.arange(43.0) % 7)
    experiment = Experiment(
        arms={"a": 3, "b": 40},
        control="b",
        outcomes={"spent": {"kind": "money", "column": "spent", "smallest_effect": 1}},
        covariates=["age"],
    )
    of = client().model_copy(update={"experiments": {"test": experiment}, "privacy": Privacy(), "segments": {}})
    rows = measure(catalogue()[metric], in_memory(of, {"experiment_units": south}), YEAR).rows
    of_few = rows[~rows["breakdown"].str.endswith(", b")]
    assert of_few["flags"].str.contains("suppressed").all()
    assert of_few["value"].isna().all()
    assert len(of_few) > 0


def test_neither_the_whole_nor_the_other_level_gives_an_arm_of_few_away():
    north = units("a" * 40 + "b" * 40, spent=np.arange(80.0)).assign(area="north")
    south = units("a" * 3 + "b" * 40, spent=np.arange(43.0)).assign(area="south")
    south[["unit_id", "customer_id"]] += "s"
    experiment = Experiment(
        arms={"a": 43, "b": 80}, control="b", outcomes={"spent": {"kind": "money", "column": "spent"}}
    )
    segments = {"area": Segment(column="experiment_units.area")}
    of = client().model_copy(update={"experiments": {"test": experiment}, "privacy": Privacy(), "segments": segments})
    frames = {"experiment_units": pd.concat([north, south], ignore_index=True)}
    for metric in ("arm_outcome", "experiment_effect"):
        rows = measure(catalogue()[metric], in_memory(of, frames), YEAR).rows
        rows = rows[~rows["breakdown"].str.endswith(", b")].set_index("level")["value"]
        assert rows.isna()["south"]
        assert rows.isna().sum() == 2, metric  # with it the whole, or the other level
