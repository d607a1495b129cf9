"""Employees: what counts, by plain pandas on the corner shop; the threshold of seven answers whatever the client declares; the link."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from benchmarks.robustness.disclosure_employees import survey_with_customers
from crmnb.core.errors import InputError
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import measure, measure_all
from crmnb.metrics.definition import catalogue, family
from crmnb.report.text.notes import reason_text
from crmnb.schema.client import Client, load_client

SHOP = Path(__file__).parents[3] / "parameters" / "corner_shop"
PERIOD = Period.parse("2025").observe(pd.Timestamp("2023-01-01"), pd.Timestamp("2026-01-01"))
METRICS = [metric for metric in family("employees").values() if metric.id != "employee_customer_link"]


def client(declared: dict, tables: dict, suppress_below: int = 1) -> Client:
    privacy = {"min_base": 1, "suppress_below": suppress_below}
    mapped = {name: {"columns": {}} for name in tables}
    basics = {"id": "firm", "folder": Path(), "name": "Firm", "currency": "EUR", "sources": {}}
    return Client(**basics, tables=mapped, privacy=privacy, **declared)


def measured(metric: str, tables: dict, declared: dict, suppress_below: int = 1) -> pd.DataFrame:
    opened = in_memory(client(declared, tables, suppress_below), tables)
    return measure(catalogue()[metric], opened, PERIOD).rows


def simple(sizes: dict[str, tuple[int, int]], **more) -> tuple[dict, dict]:
    """Tables of teams, by name (people, answers), every second of them satisfied; and what is declared."""
    teams = pd.DataFrame({"team": list(sizes), "headcount": [people for people, _ in sizes.values()]})
    staff = np.repeat(list(sizes), [answers for _, answers in sizes.values()])
    sheets = pd.DataFrame(
        {"response_id": [f"E{at}" for at in range(len(staff))], "team": staff, "responded_at": "2025-09-10"}
    )
    sheets["work_satisfied"] = np.where(np.arange(len(staff)) % 2, 5, 2)
    declared = {
        "items": {"work_satisfied": {"scale": [1, 5]}},
        "segments": {"team": {"column": "employee_responses.team"}},
    }
    return {"employee_responses": sheets.assign(**more), "teams": teams}, declared


def shown_of(rows: pd.DataFrame) -> dict[str, float]:
    """n by team ("" the whole), of what is shown."""
    own = rows[(rows["part"] == "") & rows["value"].notna()]
    return dict(zip(own["level"], own["n"], strict=True))


# ---- What counts ----------------------------------------------------------------------------------------------------


def test_the_corner_shop_by_plain_pandas(corner_shop):
    sheets = pd.read_csv(SHOP / "employee_answers.csv", na_values="n/a").drop_duplicates("Sheet")
    sheets = sheets[sheets["Answered"].str.startswith("2025") & sheets["Team"].isin(["Counter", "Bakery", "Office"])]
    sheets = sheets[(sheets["Would recommend us"].fillna(0) <= 10) & (sheets["Satisfied at work"].fillna(1) <= 5)]
    satisfied, enps = sheets["Satisfied at work"].dropna(), sheets["Would recommend us"].dropna()
    wanted = {
        "employee_satisfaction": 100 * (satisfied >= 4).mean(),
        "employee_satisfaction_mean": (25 * (satisfied - 1)).mean(),
        "employee_nps": 100 * ((enps >= 9).mean() - (enps <= 6).mean()),
        "employee_engagement_index": (25 * (sheets[["Energy", "Proud"]].mean(axis=1) - 1)).mean(),
        "customer_centric_culture": (25 * (sheets["Customers first"] - 1)).mean(),
    }
    for metric, value in wanted.items():
        [whole] = corner_shop(metric).entries
        assert whole.value == pytest.approx(value), metric
        assert whole.n == 15


def test_a_team_that_is_not_in_the_list_does_not_count():
    tables, declared = simple({"a": (20, 15), "b": (20, 12)})
    tables["teams"] = tables["teams"][:1]
    assert shown_of(measured("employee_satisfaction", tables, declared)) == {"": 15, "a": 15}


def test_an_answer_to_half_of_the_items_is_a_score_and_less_is_none():
    tables, declared = simple({"a": (20, 10)})
    sheets = tables["employee_responses"].assign(e1=5.0, e2=np.nan, e3=np.nan, e4=np.nan)
    sheets.loc[:7, "e2"] = 3
    declared["items"] |= {item: {"scale": [1, 5]} for item in ("e1", "e2", "e3", "e4")}
    declared["employees"] = {"engagement": ["e1", "e2", "e3", "e4"]}
    rows = measured("employee_engagement_index", tables | {"employee_responses": sheets}, declared)
    whole = rows[(rows["part"] == "") & (rows["segment"] == "")].iloc[0]
    assert (whole["n"], whole["value"]) == (8, 75)


def test_of_two_waves_in_a_period_the_last_one_counts():
    """All 24 answer in spring and in autumn; in autumn all are satisfied. Without the name of the wave there are more answers than people."""
    tables, declared = simple({"A": (12, 24), "B": (12, 24)})
    sheets = tables["employee_responses"]
    autumn = np.arange(len(sheets)) % 24 >= 12
    sheets["responded_at"] = np.where(autumn, "2025-10-05", "2025-04-05")
    sheets["work_satisfied"] = np.where(autumn, 5, 1)
    [unknown] = (
        measured("employee_satisfaction", tables, declared).query("segment == '' and part == ''").to_dict("records")
    )
    assert np.isnan(unknown["value"])
    assert "more_answers_than_staff" in unknown["reason"]
    sheets["wave"] = np.where(autumn, "autumn", "spring")
    rows = measured("employee_satisfaction", tables, declared)
    rows = rows[(rows["part"] == "") & rows["value"].notna()].set_index("level")
    assert rows["value"].to_dict() == {"": 100.0, "A": 100.0, "B": 100.0}
    assert rows["n"].to_dict() == {"": 24, "A": 12, "B": 12}


def test_more_answers_than_people_are_said():
    tables, declared = simple({"a": (20, 15), "b": (12, 13)})
    rows = measured("employee_satisfaction", tables, declared)
    own = rows[rows["part"] == ""].set_index("level")
    assert shown_of(rows) == {"a": 15}
    words = reason_text(own.at["b", "reason"], client(declared, tables))
    assert "more answers than people" in words
    assert own.at["", "reason"] == own.at["b", "reason"]


# ---- Nothing of fewer than seven ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("declares", "hidden"), [(1, {"c", "d"}), (7, {"c", "d"}), (10, {"b", "c", "d"})])
def test_fewer_than_seven_are_hidden_whatever_the_client_declares(declares: int, hidden: set[str]):
    tables, declared = simple({"a": (30, 25), "b": (12, 9), "c": (8, 6), "d": (6, 3), "e": (30, 20)})
    rows = measured("employee_satisfaction", tables, declared, declares)
    own = rows[(rows["part"] == "") & (rows["segment"] == "team")]
    assert set(own.loc[own["flags"].str.contains("suppressed"), "level"]) == hidden
    assert (
        own.loc[own["level"].isin(hidden), ["value", "low", "high", "n", "numerator", "denominator"]]
        .isna()
        .all(axis=None)
    )


def test_a_single_small_team_does_not_follow_by_subtraction():
    tables, declared = simple({"a": (30, 25), "b": (12, 9), "c": (8, 4)})
    assert set(shown_of(measured("employee_satisfaction", tables, declared))) == {"", "a"}


def test_a_client_with_fewer_than_seven_answers_shows_nothing():
    tables, declared = simple({"a": (6, 6)})
    assert shown_of(measured("employee_satisfaction", tables, declared)) == {}


def test_metrics_of_customers_keep_the_threshold_of_the_client():
    tables, declared = simple({"a": (30, 25), "b": (6, 4), "c": (8, 5)})
    answers = pd.DataFrame(
        {"response_id": range(4), "survey": "s", "responded_at": "2025-03-01", "satisfied": [5, 4, 3, 2]}
    )
    declared["items"]["satisfied"] = {"scale": [1, 5]}
    opened = in_memory(client(declared, tables | {"survey_responses": answers}), tables | {"survey_responses": answers})
    csat, own = measure_all([catalogue()["csat"], catalogue()["employee_satisfaction"]], opened, PERIOD)
    assert csat.rows["n"].max() == 4
    assert shown_of(own.rows) == {"": 34, "a": 25}


def test_single_answers_are_shown_to_nobody(corner_shop):
    assert list(corner_shop.rows("employee_nps").columns) == ["not available"]


def test_no_text_of_an_employee_can_be_a_segment(tmp_path):
    text = (
        (SHOP.parent / "corner_shop.yml").read_text().replace("employee_responses.team}", "employee_responses.comment}")
    )
    (tmp_path / "corner_shop.yml").write_text(text)
    with pytest.raises(InputError, match=r"segments.team.column: employee_responses.comment is free text"):
        load_client("corner_shop", tmp_path)


# ---- The link -------------------------------------------------------------------------------------------------------


def linked(seed: int = 1):
    tables, declared, _ = survey_with_customers(np.random.default_rng(seed))
    opened = in_memory(client(declared, tables, 7), tables)
    names = ("employee_engagement_index", "employee_customer_link")
    return measure_all([catalogue()[name] for name in names], opened, PERIOD)


@pytest.mark.parametrize("seed", range(5))
def test_no_dot_stands_for_a_team_that_is_hidden_elsewhere(seed: int):
    index, link = linked(seed)
    hidden = set(index.rows.loc[index.rows["flags"].str.contains("suppressed"), "level"])
    dots = set(link.points["level"]) - {""}
    assert hidden
    assert not dots & hidden
    assert bool(dots) == link.rows["value"].notna().any()


def test_a_link_that_rests_on_a_hidden_team_is_withheld(monkeypatch):
    """As if the estimator had not foreseen which team is hidden beside the small ones."""
    monkeypatch.setattr("crmnb.stats.employees._left_out", lambda employees, fewest: [])
    shown = [linked(seed)[1] for seed in range(5)]
    withheld = [link for link in shown if link.rows["flags"].str.contains("suppressed").all()]
    assert withheld
    assert all(link.points.empty and not link.notes for link in withheld)


def test_teams_without_tickets_have_no_link():
    tables, declared, _ = survey_with_customers(np.random.default_rng(1))
    tables.pop("tickets")
    [row] = measured("employee_customer_link", tables, declared).to_dict("records")
    assert "tickets" in row["reason"]


@pytest.mark.parametrize("metric", METRICS, ids=lambda metric: metric.id)
def test_a_change_is_compared_with_the_year_before(metric, corner_shop):
    rows = corner_shop(metric.id).rows
    whole = rows[(rows["part"] == "") & (rows["segment"] == "")].iloc[0]
    assert np.isfinite(whole["change"])
    assert whole["change_low"] < whole["change"] < whole["change_high"]
