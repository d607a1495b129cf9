"""Market: what ordinary tables of competitors, brands and peers hold, and what the metrics make of it."""

from pathlib import Path

import pandas as pd
import pytest

from crmnb.core.errors import InputError
from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import Measured, measure, measure_all
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client

OWN = "Alma"
PERIOD = Period.parse("2025").observe(pd.Timestamp("2023-01-01"), pd.Timestamp("2026-01-01"))
NAN = float("nan")


def client(**facts) -> Client:
    named = {"id": "alma", "folder": Path(), "name": "Alma", "currency": "EUR", "sources": {}, "tables": {}}
    return Client(**named | {"market": {"own_brand": OWN, "rest": ["others"]}} | facts)


def measured(metric: str, tables: dict[str, pd.DataFrame], period: Period = PERIOD, **facts) -> Measured:
    return measure(catalogue()[metric], in_memory(client(**facts), tables), period)


def whole(told: Measured) -> pd.DataFrame:
    rows = told.rows
    return rows[(rows["part"] == "") & (rows["segment"] == "")].set_index("breakdown")


def codes(told: Measured) -> set[str]:
    return {note.code for note in told.notes}


def market(*rows: tuple, columns=("month", "competitor", "value")) -> dict[str, pd.DataFrame]:
    frame = pd.DataFrame(rows, columns=columns)
    return {"market": frame.assign(month=pd.to_datetime(frame["month"]))}


# ---- Shares ----------------------------------------------------------------------------------------------------------


def test_a_market_without_segments_moves_by_own_growth_and_market_growth():
    tables = market(
        ("2024-05", OWN, 200.0), ("2024-05", "Boro", 800.0), ("2025-05", OWN, 300.0), ("2025-05", "Boro", 900.0)
    )
    bridge = whole(measured("share_shift", tables))["value"]
    assert list(bridge.index) == ["comparison", "own growth", "market growth", "current"]
    assert bridge["comparison"] == pytest.approx(20)
    assert bridge["current"] == pytest.approx(25)
    assert bridge["own growth"] + bridge["market growth"] == pytest.approx(5, abs=1e-12)
    assert bridge["own growth"] > 5 > 0 > bridge["market growth"]  # the market grew by 20%, which by itself costs share


def test_segments_that_come_and_go_leave_no_remainder_and_many_are_together():
    columns = ("month", "competitor", "segment", "value")
    rows = [
        (f"{year}-05", name, f"s{at}", amount * (1 + at * (year == 2025)))
        for year in (2024, 2025)
        for at in range(6)
        for name, amount in ((OWN, 10.0 + at), ("Boro", 90.0))
    ]
    rows += [("2025-05", "Boro", "new", 50.0), ("2024-05", OWN, "gone", 30.0)]
    bridge = whole(measured("share_shift", market(*rows, columns=columns)))["value"]
    parts = bridge.drop(["comparison", "current"])
    assert parts.sum() == pytest.approx(bridge["current"] - bridge["comparison"], abs=1e-9)
    assert {"other segments: own growth", "other segments: market growth"} <= set(parts.index)
    assert len(parts) == 8


def test_a_bridge_needs_the_same_months_a_year_before():
    tables = market(("2024-05", OWN, 1.0), ("2024-06", OWN, 1.0), ("2025-05", OWN, 1.0))
    assert "market_months_differ" in whole(measured("share_shift", tables))["reason"][""]
    tables = market(("2025-05", OWN, 1.0), ("2025-05", "Boro", 3.0))
    assert "no_earlier_market" in whole(measured("share_shift", tables))["reason"][""]


def test_the_own_brand_by_another_name_is_told_with_the_known_ones():
    reason = whole(measured("market_share", market(("2025-05", "ALMA", 1.0))))["reason"].iloc[0]
    assert "own_brand_not_in_market" in reason
    assert "ALMA" in reason


def test_months_that_a_competitor_lacks_and_rows_without_sales_are_noted():
    tables = market(("2025-05", OWN, 1.0), ("2025-06", OWN, 1.0), ("2025-05", "Boro", 1.0), ("2025-06", "Caro", NAN))
    told = measured("market_share", tables)
    assert {"competitors_without_months", "market_rows_without_sales"} <= codes(told)
    assert whole(told)["value"]["by value"] == pytest.approx(100 * 2 / 3)


def test_a_share_is_of_whole_months_and_has_no_people_to_be_hidden():
    tables = market(("2025-05", OWN, 1.0), ("2025-05", "Boro", 3.0))
    weeks = Period.parse("2025-05-05..2025-05-18").observe(PERIOD.data_from, PERIOD.cutoff)
    assert "market_by_month" in whole(measured("market_share", tables, weeks))["reason"].iloc[0]
    told = whole(measured("market_share", tables)).loc["by value"]
    assert told["value"] == 25
    assert told["flags"] == ""
    assert pd.isna(told["low"])


@pytest.mark.parametrize("rest", [[], ["others"]])
def test_the_rest_of_the_market_bounds_the_concentration(rest):
    tables = market(("2025-05", OWN, 30.0), ("2025-05", "Boro", 50.0), ("2025-05", "others", 20.0))
    told = measured("market_concentration", tables, market={"own_brand": OWN, "rest": rest})
    values = whole(told)["value"]
    assert values["by value"] == pytest.approx(3400 if rest else 3800)
    assert ("by value, rest as one competitor" in values) == bool(rest)
    assert ("rest_of_market" in codes(told)) == bool(rest)


def test_the_rest_is_no_rival():
    tables = market(("2025-05", OWN, 30.0), ("2025-05", "Boro", 20.0), ("2025-05", "others", 50.0))
    told = measured("relative_market_share", tables)
    assert whole(told)["value"]["by value"] == pytest.approx(1.5)
    assert [note.values["rival"] for note in told.notes if note.code == "largest_rival"] == ["Boro"]


# ---- Brands ----------------------------------------------------------------------------------------------------------


def survey(people: int, **more) -> dict[str, pd.DataFrame]:
    """Of so many respondents, all know both brands; the first three quarters use the own brand, the first half the rival."""
    rows = []
    for brand, users in ((OWN, 3 * people // 4), ("Boro", people // 2)):
        for at in range(people):
            uses = at < users
            flags = {"aware": True, "considers": uses, "prefers": uses, "uses": uses}
            rows.append(
                {"respondent_id": f"R{at}", "wave": "w", "asked_at": pd.Timestamp("2025-05-01"), "brand": brand} | flags
            )
    return {"brand_survey": pd.DataFrame(rows).assign(**more)}


def test_weights_count_and_respondents_without_one_do_not():
    tables = survey(40)
    rows = tables["brand_survey"]
    place = rows["respondent_id"].str[1:].astype(int)
    rows["weight"] = 1.0 + 2 * (place < 30) - (place == 39)  # those who use the own brand weigh three times as much
    funnel = whole(measured("brand_funnel", tables))["value"]
    assert funnel[f"{OWN}, use"] == pytest.approx(100 * 90 / 99)
    gap = whole(measured("brand_gap", tables))["value"]
    assert gap["use: against Boro"] == pytest.approx(100 * (90 - 60) / 99)


def test_few_respondents_are_hidden_and_their_brand_with_them():
    rows = whole(measured("brand_funnel", survey(8)))
    assert rows["flags"].str.contains("suppressed").all()
    assert rows["value"].isna().all()
    assert whole(measured("brand_gap", survey(8)))["value"].isna().all()
    assert whole(measured("brand_funnel", survey(12)))["value"].notna().any()


def test_gaps_are_of_respondents_who_judged_both_and_corrected_for_their_number():
    rows = whole(measured("brand_gap", survey(60)))
    assert rows.loc["aware: against Boro", "value"] == 0
    assert rows.loc["aware: against Boro", "flags"] == ""
    assert rows.loc["use: against Boro", "value"] == pytest.approx(25)
    assert rows.loc["use: against Boro", "flags"] == "above_rival"
    alone = survey(60)
    alone["brand_survey"] = alone["brand_survey"][lambda of: (of["brand"] == OWN) | (of["respondent_id"] < "R3")]
    assert whole(measured("brand_gap", alone))["n"].eq(alone["brand_survey"]["brand"].eq("Boro").sum()).all()


def test_equity_needs_declared_pillars_and_premium_prices():
    told = whole(measured("brand_equity_index", survey(30, quality=4), items={"quality": {"scale": [1, 5]}}))
    assert "needs_pillars" in told["reason"].iloc[0]
    assert "fair_price" in whole(measured("price_premium", survey(30)))["reason"].iloc[0]
    priced = survey(30)
    priced["brand_survey"]["fair_price"] = priced["brand_survey"]["brand"].map({OWN: 12.0, "Boro": 10.0})
    assert whole(measured("price_premium", priced))["value"].to_dict() == pytest.approx(
        {"": 20.0, "against Boro": 20.0}
    )


# ---- Peers -----------------------------------------------------------------------------------------------------------


def peers(*figures: tuple, metric: str = "price_premium", **more) -> dict[str, pd.DataFrame]:
    rows = pd.DataFrame(figures, columns=["peer", "period", "value"]).assign(metric=metric, **more)
    tables = survey(30)
    tables["brand_survey"]["fair_price"] = tables["brand_survey"]["brand"].map({OWN: 12.0, "Boro": 10.0})
    return tables | {"benchmarks": rows}


FOUR = (("a", "2025", 5.0), ("b", "2025", 10.0), ("c", "2025", 20.0), ("d", "2025", 30.0))


def test_the_newest_figure_of_a_peer_counts_that_is_not_of_a_time_after_the_period():
    older = (*FOUR, ("d", "2024", 0.0), ("a", "2026", 99.0), ("b", "2025Q4", 25.0))
    assert whole(measured("benchmark_position", peers(*FOUR)))["value"].to_list() == [62.5]  # two below, one equal
    assert whole(measured("benchmark_position", peers(*older)))["value"].to_list() == [37.5]  # of b the newest is 25


def test_a_metric_that_nobody_knows_is_named_with_the_nearest():
    with pytest.raises(InputError, match=r"'price_premum'.*price_premium"):
        measured("benchmark_position", peers(*FOUR, metric="price_premum"))
    with pytest.raises(InputError, match="compares figures with those of peers itself"):
        measured("benchmark_position", peers(*FOUR, metric="benchmark_gap"))
    with pytest.raises(InputError, match="table benchmarks: period '2025 Q4'"):
        measured("benchmark_position", peers(("a", "2025 Q4", 1.0)))


def test_few_peers_make_no_position_and_a_breakdown_that_is_not_there_is_named():
    told = measured("benchmark_position", peers(*FOUR[:3]))
    assert whole(told)["value"].isna().all()
    assert "too_few_peers" in whole(told)["reason"].iloc[0]
    told = measured("benchmark_position", peers(*FOUR, breakdown="against Borro"))
    assert "no_such_breakdown" in whole(told)["reason"].iloc[0]
    assert "against Boro" in whole(told)["reason"].iloc[0]


def test_where_the_own_figure_is_hidden_nothing_follows_from_its_peers():
    rows = [("p1", "2025", 10.0), ("p2", "2025", 20.0), ("p3", "2025", 30.0), ("p4", "2025", 40.0)]
    tables = survey(8) | {
        "benchmarks": pd.DataFrame(rows, columns=["peer", "period", "value"]).assign(
            metric="brand_funnel", breakdown=f"{OWN}, use", n=100.0
        )
    }
    for metric in ("benchmark_position", "benchmark_gap", "benchmark_difference"):
        told = measured(metric, tables)
        assert told.rows["value"].isna().all()
        assert told.points.empty
        assert "own_figure_missing" in whole(told)["reason"].iloc[0]


def test_the_difference_from_a_peer_is_newcombes():
    rows = pd.DataFrame({"peer": ["p1", "p2"], "period": "2025", "value": [50.0, 50.0], "n": [100.0, NAN]})
    tables = survey(100) | {"benchmarks": rows.assign(metric="brand_funnel", breakdown=f"{OWN}, use")}
    told = whole(measured("benchmark_difference", tables))
    assert list(told.index) == [f"Brand funnel, {OWN}, use, less p1"]  # of the other nobody knows how exact it is
    assert told["unit"].to_list() == ["points"]
    low, high = told[["low", "high"]].iloc[
        0
    ]  # 75 of 100 and 50 of 100: statsmodels' confint_proportions_2indep(75, 100, 50, 100, "newcomb")
    from statsmodels.stats.proportion import confint_proportions_2indep

    limits = confint_proportions_2indep(75, 100, 50, 100, compare="diff", method="newcomb")
    assert (low, high) == pytest.approx([100 * limit for limit in limits], rel=1e-9)


def test_gaps_are_in_the_units_of_their_metrics():
    gaps = whole(measured("benchmark_gap", peers(*FOUR)))
    assert gaps["value"].to_dict() == pytest.approx(
        {"Price premium, to the median": 5.0, "Price premium, to the best quarter": -2.5}
    )
    assert set(gaps["unit"]) == {"points"}


def test_a_gap_does_not_give_back_a_small_group_that_the_funnel_hides():
    rows = []
    for brand, sizes in ((OWN, (40, 30, 20, 15)), ("Boro", (20, 5, 3, 2))):
        for at in range(40):
            flags = dict(zip(("aware", "considers", "prefers", "uses"), (at < size for size in sizes), strict=True))
            asked = {"respondent_id": f"R{at}", "wave": "w", "asked_at": pd.Timestamp("2025-05-01"), "brand": brand}
            rows.append(asked | flags)
    tables = in_memory(client(), {"brand_survey": pd.DataFrame(rows)})
    funnel, gap = (
        whole(told) for told in measure_all([catalogue()["brand_funnel"], catalogue()["brand_gap"]], tables, PERIOD)
    )
    assert funnel.loc["Boro, consider", "flags"] == "suppressed"
    assert gap.loc[[f"{stage}: against Boro" for stage in ("consider", "prefer", "use")], "value"].isna().all()
    assert gap.loc["aware: against Boro", "value"] == pytest.approx(50)
    assert not gap.loc["consider: against Boro", "flags"].count("rival")  # nor on which side it lies
