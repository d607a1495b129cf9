"""The relationship: one set of weights for every period and segment, gaps in answers, few answers, and repeated answers."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
import surveyed

from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.measure import Measured, measure, measure_all
from crmnb.metrics.definition import catalogue
from crmnb.schema.client import Client
from crmnb.stats.models.item_moments import cluster_sums, item_moments
from crmnb.stats.models.pls import fit_path_model
from crmnb.stats.models.pls_model import path_model

BLOCKS = {
    "Service": ["s1", "s2", "s3"],
    "Price": ["p1", "p2"],
    "Relationship index": ["i1", "i2", "i3"],
    "Loyalty": ["l1"],
}
ITEMS = [item for block in BLOCKS.values() for item in block]
PATHS = [("Service", "Relationship index"), ("Price", "Relationship index"), ("Relationship index", "Loyalty")]
DECLARED = {
    "index": BLOCKS["Relationship index"],
    "drivers": {"Service": BLOCKS["Service"], "Price": BLOCKS["Price"]},
    "outcomes": {"Loyalty": BLOCKS["Loyalty"]},
}
REGIONS = ("North", "South")


def client(**changes) -> Client:
    plain = {
        "items": {name: {"scale": (1, 10), "name": name.upper()} for name in ITEMS},
        "relationship": DECLARED,
        "segments": {"region": {"column": "customers.region"}, "channel": {"column": "survey_responses.channel"}},
    }
    return surveyed.client(**(plain | changes))


def answers(year: int, n: int, first: int = 0, seed: int = 0) -> pd.DataFrame:
    """Answers of so many customers, of whom the service of the North is worse; a customer's opinion is the same in every year."""
    customers = np.arange(first, first + n)
    own = [np.random.default_rng([customer, 7]).normal(size=2) for customer in customers]
    draw = np.random.default_rng([year, seed])
    service, price = np.array(own).T
    service = service - 0.8 * (customers % 2 == 0)
    index = 0.6 * service + 0.4 * price + 0.4 * draw.normal(size=n)
    latent = {"Service": service, "Price": price, "Relationship index": index, "Loyalty": index}
    columns = {
        item: np.clip(np.round(6 + 1.6 * (latent[name] + 0.7 * draw.normal(size=n))), 1, 10).astype(int)
        for name, block in BLOCKS.items()
        for item in block
    }
    days = pd.date_range(f"{year}-01-05", f"{year}-12-20", periods=n).floor("s")
    frame = pd.DataFrame(columns).assign(
        survey="relationship", responded_at=days, customer_id=[f"c{c}" for c in customers]
    )
    frame["channel"] = np.where(customers % 3 == 0, "phone", "web")
    return frame.assign(response_id=[f"{year}-{c}" for c in customers])


def measured(metric: str, rows: pd.DataFrame, of: Client | None = None) -> Measured:
    names = sorted(set(rows.get("customer_id", pd.Series(dtype=str)).dropna()))
    base = pd.DataFrame({"customer_id": names, "region": [REGIONS[int(name[1:]) % 2] for name in names]})
    tables = {"survey_responses": rows} | ({"customers": base} if names else {})
    period = Period.parse("2025").observe(datetime(2024, 1, 1), datetime(2026, 1, 1))
    return measure(catalogue()[metric], in_memory(of or client(), tables), period)


def on_100(rows: pd.DataFrame) -> pd.DataFrame:
    return (rows[ITEMS].astype(float) - 1) / 9 * 100


def weights(rows: pd.DataFrame) -> pd.Series:
    """The index weights of the complete answers in some rows, fitted directly."""
    fit = fit_path_model(item_moments(cluster_sums(on_100(rows))), path_model(BLOCKS, PATHS))
    return fit.index_weights


def score(rows: pd.DataFrame, construct: str, by: pd.Series) -> float:
    """The mean of the weighted items of a construct, of those who answered all of them."""
    items = BLOCKS[construct]
    return float((on_100(rows)[items].dropna() * by[items]).sum(axis=1).mean())


def row(found: Measured, breakdown: str = "", **where) -> pd.Series:
    """The row of a breakdown; of the whole client in the whole period where nothing else is said."""
    where = {"part": "", "segment": "", "level": "", "breakdown": breakdown} | where
    [only] = found.rows[(found.rows[list(where)] == pd.Series(where)).all(axis=1)].to_dict("records")
    return pd.Series(only)


BOTH = pd.concat([answers(2024, 240), answers(2025, 240)], ignore_index=True)
NOW, BEFORE = BOTH[240:], BOTH[:240]


def test_the_weights_of_both_periods_together_hold_for_every_period_part_and_segment():
    found, by = measured("relationship_index", BOTH), weights(BOTH)
    assert row(found)["value"] == pytest.approx(score(NOW, "Relationship index", by))
    assert row(found)["previous"] == pytest.approx(score(BEFORE, "Relationship index", by))
    march = NOW[NOW["responded_at"].dt.month == 3]
    assert row(found, part="2025-03")["value"] == pytest.approx(score(march, "Relationship index", by))
    north = NOW[[int(name[1:]) % 2 == 0 for name in NOW["customer_id"]]]
    assert row(found, segment="region", level="North")["value"] == pytest.approx(score(north, "Relationship index", by))
    phone = NOW[NOW["channel"] == "phone"]
    assert row(found, segment="channel", level="phone")["value"] == pytest.approx(
        score(phone, "Relationship index", by)
    )


def test_drivers_have_scores_of_their_own():
    found, by = measured("driver_score", BOTH), weights(BOTH)
    for driver in ("Service", "Price"):
        assert row(found, driver)["value"] == pytest.approx(score(NOW, driver, by)), driver
    north, south = (row(found, "Service", segment="region", level=region) for region in REGIONS)
    assert north["high"] < south["low"]


def test_effects_are_those_of_both_periods_and_have_no_comparison():
    found = measured("driver_impact", BOTH)
    fit = fit_path_model(item_moments(cluster_sums(on_100(BOTH))), path_model(BLOCKS, PATHS))
    for driver in ("Service", "Price"):
        expected = 5 * fit.unstandardised_total_effects.loc[driver, "Relationship index"]
        assert row(found, driver)["value"] == pytest.approx(expected)
        assert row(found, driver)["n"] == 480
        assert row(found, driver)["clusters"] == 240
        assert "no_comparison_joint_model" in row(found, driver)["reason"]
        assert np.isnan(row(found, driver)["change"])
    assert set(found.rows["segment"]) == {""}
    assert set(found.rows["part"]) == {""}
    shares = measured("driver_share", BOTH).rows.set_index("breakdown")["value"]
    assert shares.sum() == pytest.approx(100)
    assert shares["Service"] > shares["Price"]


def test_a_change_of_the_same_customers_is_known_more_exactly_than_one_of_others():
    same = row(measured("relationship_index", BOTH))
    others = pd.concat([answers(2024, 240), answers(2025, 240, first=240)], ignore_index=True)
    other = row(measured("relationship_index", others))
    assert same["change_high"] - same["change_low"] < 0.8 * (other["change_high"] - other["change_low"])


def test_an_answer_with_a_gap_counts_where_it_is_complete_and_the_rest_is_told():
    gaps = BOTH.astype({"p1": "Int64"})
    gaps.loc[NOW.index[:20], "p1"] = pd.NA
    by = weights(gaps.dropna(subset=ITEMS))
    found = measured("driver_score", gaps)
    assert row(found, "Price")["n"] == 220
    assert row(found, "Price")["value"] == pytest.approx(score(gaps[240:], "Price", by))
    assert row(found, "Service")["n"] == 240
    assert row(found, "Service")["value"] == pytest.approx(score(NOW, "Service", by))
    [note] = [note for note in found.notes if note.code == "answers_with_gaps"]
    assert (note.values["construct"], note.values["n"].number, note.values["of"].number) == ("Price", 20, 240)
    [left] = [n for n in measured("driver_impact", gaps).notes if n.code == "respondents_with_gaps_left_out"]
    assert (left.values["n"].number, left.values["of"].number) == (20, 480)


def test_sheets_of_other_surveys_and_empty_ones_do_not_count():
    others = NOW.assign(survey="purchase", response_id=[f"o{i}" for i in range(240)], i1=1)
    empty = NOW[:9].assign(response_id=[f"e{i}" for i in range(9)], **dict.fromkeys(ITEMS, pd.NA))
    mixed = pd.concat([BOTH.astype(dict.fromkeys(ITEMS, "Int64")), others, empty.astype(dict.fromkeys(ITEMS, "Int64"))])
    plain, found = (row(measured("relationship_index", rows)) for rows in (BOTH, mixed))
    assert found["value"] == pytest.approx(plain["value"])
    assert found["n"] == plain["n"] == 240


def test_fewer_than_a_hundred_complete_answers_have_equal_weights():
    few = pd.concat([answers(2024, 45), answers(2025, 45)], ignore_index=True)
    found = measured("relationship_index", few)
    plain = on_100(few[45:])[BLOCKS["Relationship index"]].to_numpy().mean()
    assert row(found)["value"] == pytest.approx(plain)
    [note] = [note for note in found.notes if note.code == "equal_weights_few_answers"]
    assert note.values["n"].number == 90
    assert row(measured("driver_impact", few), "Service")["value"] > 0


def test_fewer_than_thirty_complete_answers_have_no_effects():
    few = pd.concat([answers(2024, 14), answers(2025, 15)], ignore_index=True)
    for metric in ("driver_impact", "driver_share"):
        found = measured(metric, few)
        assert "too_few_complete_answers" in row(found)["reason"]
        assert found.notes == ()
    assert row(measured("relationship_index", few))["flags"] == "unreliable"


def test_a_question_that_points_the_other_way_is_told_beside_the_score():
    other = BOTH.assign(s3=11 - BOTH["s3"])
    notes = measured("driver_score", other).notes
    assert [dict(n.items) for n in notes if n.code == "negative_weights"] == [
        {"construct": "Service", "items": ("S3",)}
    ]


def test_answers_without_differences_have_equal_weights_and_no_effects():
    alike = BOTH.assign(p1=7, p2=7)
    found = measured("driver_score", alike)
    assert row(found, "Price")["value"] == pytest.approx(100 * 6 / 9)
    assert "equal_weights_no_model" in [note.code for note in found.notes]
    impact = row(measured("driver_impact", alike))
    assert np.isnan(impact["value"])
    assert "items_without_variance" in impact["reason"]


def test_without_customers_every_sheet_is_a_respondent():
    nameless = BOTH.drop(columns="customer_id")
    alike = nameless.assign(**{item: nameless.loc[nameless.index[0], item] for item in ITEMS})
    rows = pd.concat([nameless, alike.assign(response_id=[f"a{i}" for i in range(480)])], ignore_index=True)
    found = row(measured("relationship_index", rows))
    assert found["clusters"] == found["n"] == 480


def test_weights_of_sheets_count():
    heavy = BOTH.assign(weight=np.where(BOTH["channel"] == "phone", 3.0, 1.0))
    thrice = pd.concat([BOTH, *[BOTH[BOTH["channel"] == "phone"]] * 2], ignore_index=True)
    thrice["response_id"] = [f"t{i}" for i in range(len(thrice))]
    found, expected = (row(measured("relationship_index", rows)) for rows in (heavy, thrice))
    assert found["value"] == pytest.approx(expected["value"])
    assert found["n"] == 240


def test_future_behaviour_is_the_mean_of_each_declared_answer():
    found = measured("future_behaviour", BOTH)
    assert row(found, "L1")["value"] == pytest.approx(on_100(NOW)["l1"].mean())
    assert row(found, "L1")["previous"] == pytest.approx(on_100(BEFORE)["l1"].mean())


def test_what_is_not_declared_is_named():
    nothing = measured("relationship_index", BOTH, client(relationship=None))
    assert "needs_relationship" in nothing.rows["reason"].iloc[0]
    silent = measured("future_behaviour", BOTH, client(relationship={**DECLARED, "outcomes": {}}))
    assert "needs_relationship_outcomes" in silent.rows["reason"].iloc[0]


def test_a_question_that_the_data_lack_is_named():
    [reason] = measured("driver_score", BOTH.drop(columns="s1")).rows["reason"].unique()
    assert "survey_responses.s1" in reason


def test_without_answers_in_the_period_there_is_no_figure():
    for metric in ("relationship_index", "driver_score", "driver_impact", "driver_share", "future_behaviour"):
        whole = row(measured(metric, BEFORE))
        assert np.isnan(whole["value"])
        assert "nothing_counted" in whole["reason"]


def test_a_small_segment_is_hidden_with_another_by_which_it_could_be_had():
    few = BOTH.assign(channel=["letter" if i % 240 < 6 else "phone" if i % 3 else "web" for i in range(480)])
    found = measured("relationship_index", few, client(privacy={"min_base": 30, "suppress_below": 10}))
    channels = found.rows[found.rows["segment"] == "channel"].set_index("level")
    assert "suppressed" in channels.loc["letter", "flags"]
    assert channels["flags"].str.contains("suppressed").sum() == 2
    assert channels.loc["letter", ["value", "low", "high", "n"]].isna().all()


def test_an_unknown_level_is_neither_the_weakest_segment_nor_hides_it():
    """The few whose region is not known are the least satisfied; East is the weakest region and the smallest: another one is hidden with the few."""
    frame, customers = answers(2025, 400), pd.DataFrame({"customer_id": [f"c{at}" for at in range(400)]})
    at = np.arange(400)
    customers["region"] = np.select([at < 6, at < 46, at < 106, at < 250], [None, "East", "West", "South"], "North")
    for place, item in enumerate(BLOCKS["Relationship index"]):
        frame[item] = np.select([at < 6, at < 46], [1, 4], 8) + (at + place) % 2
    segments, privacy = {"region": {"column": "customers.region"}}, {"min_base": 30, "suppress_below": 10}
    tables = in_memory(client(segments=segments, privacy=privacy), {"survey_responses": frame, "customers": customers})
    period = Period.parse("2025").observe(*surveyed.SEEN)
    names = ("relationship_index", "dissatisfied_segments")
    index, gaps = measure_all([catalogue()[name] for name in names], tables, period)
    levels = index.rows[(index.rows["segment"] == "region") & (index.rows["part"] == "")].set_index("level")
    assert set(levels.index[levels["value"].isna()]) == {"(not known)", "West"}
    weakest = gaps.rows[gaps.rows["flags"].str.contains("below_rest") & (gaps.rows["segment"] != "")]
    assert set(weakest.loc[weakest["value"].notna(), "level"]) == {"East"}


def test_the_order_of_rows_does_not_matter():
    mixed = BOTH.sample(frac=1, random_state=3)
    for metric in ("relationship_index", "driver_impact"):
        plain, other = (measured(metric, rows).rows for rows in (BOTH, mixed))
        pd.testing.assert_frame_equal(plain, other)
