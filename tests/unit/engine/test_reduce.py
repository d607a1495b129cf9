"""The engine's reduction against pandas, a customer at a time."""

import numpy as np
import pandas as pd
import pytest
from reducing import evidence_in, reduced, tables

from crmnb.engine.evidence import Segmentation
from crmnb.engine.reduce_time_bins import reduce_bins
from crmnb.schema.tables import UNKNOWN

SUMS = ["num", "den", "n", "clusters", "w", "w2", "magnitude", "ss", "s3"]
NOBODY = None


def hand_count(rows: pd.DataFrame) -> dict[str, float]:
    """The statistics of one group by walking over its customers; a row without a customer is its own."""
    num = rows["num"] if "num" in rows else rows["value"]
    den = rows["den"] if "den" in rows else pd.Series(1.0, rows.index)
    weight = rows["weight"] if "weight" in rows else pd.Series(1.0, rows.index)
    who = rows["customer_id"] if "customer_id" in rows else pd.Series([None] * len(rows), rows.index)
    ratio = (num * weight).sum() / (den * weight).sum()
    off: dict[object, float] = {}
    for at in rows.index:
        key = ("row", at) if pd.isna(who[at]) else ("customer", who[at])
        off[key] = off.get(key, 0.0) + weight[at] * (num[at] - ratio * den[at])
    return {
        "num": (num * weight).sum(),
        "den": (den * weight).sum(),
        "n": len(rows),
        "clusters": len(off),
        "w": weight.sum(),
        "w2": (weight**2).sum(),
        "magnitude": (num.abs() * weight).sum(),
        "ss": sum(u**2 for u in off.values()),
        "s3": sum(u**3 for u in off.values()),
    }


def answers(seed: int, rows: int = 120) -> pd.DataFrame:
    """Rows of several customers, a few of nobody, with weights, a channel (sometimes unknown) and a skewed amount."""
    rng = np.random.default_rng(seed)
    customers = np.array([f"{i:03}" for i in rng.integers(0, 25, rows)], dtype=object)
    customers[rng.random(rows) < 0.1] = NOBODY
    channel = rng.choice(np.array(["shop", "web", None], dtype=object), rows, p=[0.5, 0.4, 0.1])
    return pd.DataFrame(
        {
            "customer_id": customers,
            "num": rng.gamma(1.5, 20, rows) - 10,
            "den": rng.integers(1, 5, rows).astype(float),
            "weight": rng.uniform(0.2, 3, rows),
            "channel": channel,
        }
    )


def close_to(expected: dict[str, float]):
    return pytest.approx(expected, rel=1e-11, abs=1e-9)


def test_a_pencils_example():
    # 7 said 1 and 0, 9 said 1, two nobodies said 0 and 1: 3 of 5; off by -.2, .4, -.6, .4.
    rows = pd.DataFrame({"customer_id": ["7", "7", "9", NOBODY, NOBODY], "num": [1, 0, 1, 0, 1], "den": 1})
    found = reduced(rows).iloc[0]
    assert found["num"] / found["den"] == 3 / 5
    assert (found["n"], found["clusters"]) == (5, 4)
    assert found["ss"] == pytest.approx(0.04 + 0.16 + 0.36 + 0.16)
    assert found["s3"] == pytest.approx(-0.008 + 0.064 - 0.216 + 0.064)


@pytest.mark.parametrize("seed", range(3))
def test_the_whole_equals_a_walk_over_the_customers(seed):
    rows = answers(seed)
    assert reduced(rows).iloc[0][SUMS].to_dict() == close_to(hand_count(rows))


def test_without_weights_or_customers_each_row_counts_once():
    rows = answers(1).drop(columns=["weight", "customer_id"])
    found = reduced(rows).iloc[0]
    assert found["n"] == found["clusters"] == found["w"] == found["w2"] == len(rows)
    assert found[SUMS].to_dict() == close_to(hand_count(rows))


def test_levels_of_the_evidence_itself_and_the_unknown_one():
    rows = answers(2)
    found = reduced(rows, by="channel").set_index("level")
    expected = {level: hand_count(group) for level, group in rows.fillna({"channel": UNKNOWN}).groupby("channel")}
    assert set(found.index) == {"shop", "web", UNKNOWN}
    assert set(found["segment"]) == {"channel"}
    for level, sums in expected.items():
        assert found.loc[level, SUMS].to_dict() == close_to(sums)


def test_levels_of_customers_and_nobody_is_not_known():
    rows = answers(3)
    levels = pd.DataFrame({"cluster": [f"{i:03}" for i in range(20)], "level": ["North", "South"] * 10})
    found = reduced(rows, by="region", levels=levels).set_index("level")
    region = rows["customer_id"].map(levels.set_index("cluster")["level"]).fillna(UNKNOWN)
    assert set(found.index) == {"North", "South", UNKNOWN}
    for level, group in rows.groupby(region):
        assert found.loc[level, SUMS].to_dict() == close_to(hand_count(group))


def test_levels_add_up_to_the_whole():
    rows = answers(4)
    sums = ["num", "den", "n", "w", "w2", "magnitude"]
    assert reduced(rows, by="channel")[sums].sum().to_dict() == close_to(reduced(rows).iloc[0][sums].to_dict())


def test_components_stand_apart():
    rows = answers(5).assign(breakdown=["a", "b", "c"] * 40)
    found = reduced(rows).set_index("breakdown")
    for name, group in rows.groupby("breakdown"):
        assert found.loc[name, SUMS].to_dict() == close_to(hand_count(group))


def test_the_order_of_the_rows_does_not_matter():
    rows = answers(6)
    turned = rows.sample(frac=1, random_state=1)
    assert reduced(turned).iloc[0][SUMS].to_dict() == close_to(reduced(rows).iloc[0][SUMS].to_dict())


def test_the_same_again_of_other_customers_leaves_the_rate_and_halves_the_variance():
    rows = answers(7)
    others = rows.assign(customer_id="again " + rows["customer_id"])
    once, twice = reduced(rows).iloc[0], reduced(pd.concat([rows, others])).iloc[0]
    assert twice["num"] / twice["den"] == pytest.approx(once["num"] / once["den"])
    assert twice["clusters"] == 2 * once["clusters"]
    assert twice["ss"] / twice["den"] ** 2 == pytest.approx(once["ss"] / once["den"] ** 2 / 2)


def test_the_same_again_of_the_same_customers_tells_nothing_new():
    rows = answers(8).dropna(subset="customer_id")
    once, twice = reduced(rows).iloc[0], reduced(pd.concat([rows, rows])).iloc[0]
    assert twice["num"] / twice["den"] == pytest.approx(once["num"] / once["den"])
    assert twice["clusters"] == once["clusters"]
    assert twice["ss"] / twice["den"] ** 2 == pytest.approx(once["ss"] / once["den"] ** 2)


def test_one_row_per_customer_takes_the_shorter_way_to_the_same():
    rows = answers(9).dropna(subset="customer_id").drop_duplicates("customer_id")
    assert reduced(rows, once=True).iloc[0][SUMS].to_dict() == close_to(reduced(rows).iloc[0][SUMS].to_dict())


def test_what_customers_of_both_periods_share():
    now, before = answers(10), answers(11)
    found = reduced(now, before).set_index("win")
    off = {}
    for win, rows in (("current", now), ("comparison", before)):
        ratio = (rows["num"] * rows["weight"]).sum() / (rows["den"] * rows["weight"]).sum()
        off[win] = (rows["weight"] * (rows["num"] - ratio * rows["den"])).groupby(rows["customer_id"]).sum()
    both = off["current"].index.intersection(off["comparison"].index)
    assert 0 < len(both) < len(off["current"]) + len(off["comparison"])
    assert found.loc["current", "shared"] == pytest.approx((off["current"][both] * off["comparison"][both]).sum())


def test_the_same_customers_asked_twice_share_their_phi():
    now = pd.DataFrame({"customer_id": list("abcdefgh"), "num": [1, 1, 1, 0, 0, 1, 0, 1], "den": 1})
    before = now.assign(num=[1, 1, 0, 0, 0, 1, 1, 1])
    found = reduced(now, before).set_index("win")
    phi = np.corrcoef(now["num"], before["num"])[0, 1]
    assert found.loc["current", "shared"] / np.sqrt(found["ss"].prod()) == pytest.approx(phi)


def test_nobody_is_not_the_same_nobody_next_time():
    rows = pd.DataFrame({"customer_id": [NOBODY] * 6, "num": [1, 0, 1, 1, 0, 0], "den": 1})
    assert (reduced(rows, rows, types={"customer_id": "varchar"})["shared"] == 0).all()


def counted(days: list[int], exposure: list[float], size: int, bins: int, level: list[str] | None = None):
    """`reduce_bins` of events on so many days from 2025-01-01, and of rows that only bring exposure (if any)."""
    at = pd.Timestamp("2025-01-01 12:00") + pd.to_timedelta(days, unit="D")
    rows = pd.DataFrame({"at": at, "num": 1, "den": 0.0 if exposure else np.nan})
    if exposure:
        base = pd.DataFrame({"at": pd.NaT, "num": 0, "den": exposure}).astype({"at": rows["at"].dtype})
        rows = pd.concat([rows, base])
    if level:
        rows["channel"] = level
    opened = tables()
    segmentations = [Segmentation("channel", own='"channel"::varchar')] if level else []
    evidence = evidence_in(opened, {"current": rows}, {})
    found = reduce_bins(opened.con, evidence, segmentations, {"current": ("2025-01-01", size, bins)})
    return found[found["segment"] == ("channel" if level else "")].reset_index(drop=True)


def test_a_count_and_its_scatter_over_weeks_empty_ones_among_them():
    # 3, 0, 5, 0 in four weeks; about their mean 2: 1 + 4 + 9 + 4.
    found = counted([0, 1, 6, 14, 15, 16, 17, 20], [], 7, 4).iloc[0]
    assert (found["num"], found["n"], found["bins"], found["ss"]) == (8, 8, 4, pytest.approx(18))
    assert found["den"] == 1


def test_days_beyond_the_last_whole_week_are_counted_and_tell_nothing_of_scatter():
    # 30 days are four weeks: 1, 0, 0, 0; the 29th and 30th day are in none of them.
    found = counted([0, 28, 29], [], 7, 4).iloc[0]
    assert (found["num"], found["binned"]) == (3, 1)
    assert found["ss"] == pytest.approx(0.75**2 + 3 * 0.25**2)


def test_a_steady_count_has_poissons_interval_however_long_the_period():
    for days in (84, 90, 96):
        found = counted([day for day in range(days) for _ in range(15)], [], 7, days // 7)
        assert found["ss"].item() == pytest.approx(0)


def test_a_window_of_comparison_without_a_base_is_no_error():
    nobody_yet = pd.DataFrame({"customer_id": ["a"], "num": [1], "den": [0]})
    found = reduced(pd.DataFrame({"customer_id": ["a", "b"], "num": [1, 0], "den": [1, 1]}), nobody_yet, once=True)
    assert (found["shared"] == 0).all()


def test_exposure_is_the_denominator_and_no_event():
    found = counted([0, 1], [0.01] * 50, 1, 10).iloc[0]
    assert (found["num"], found["den"], found["n"]) == (2, pytest.approx(0.5), 2)
    assert found["ss"] == pytest.approx(2 * 0.8**2 + 8 * 0.2**2)


def test_counts_by_level():
    found = counted([0, 0, 9], [], 5, 2, ["shop", "web", "shop"]).set_index("level")
    assert found["num"].to_dict() == {"shop": 2, "web": 1}
    assert found["ss"].to_dict() == pytest.approx({"shop": 0, "web": 0.5})


def test_a_customers_count_is_squared_as_a_whole_and_within_each_level_of_the_rows():
    # a has 2 in the shop and 1 on the web, b 1 on the web. In all 9 + 1; shop 4; web 1 + 1.
    rows = pd.DataFrame(
        {"customer_id": list("aaab"), "channel": ["shop", "shop", "web", "web"], "num": 1, "den": np.nan}
    )
    rows["at"] = pd.Timestamp("2025-01-01 12:00")
    opened = tables()
    evidence = evidence_in(opened, {"current": rows}, {})
    spans = {"current": ("2025-01-01", 1, 1)}
    alone = reduce_bins(opened.con, evidence, [], spans)
    found = reduce_bins(opened.con, evidence, [Segmentation("channel", own='"channel"::varchar')], spans)
    assert alone["squares"].tolist() == [10]
    assert found.set_index("level")["squares"].to_dict() == {"": 10, "shop": 4, "web": 2}
    many = reduce_bins(opened.con, evidence, [Segmentation("channel", own='"channel"::varchar')], spans, are_many=True)
    assert many["squares"].tolist() == found["squares"].tolist()
