"""Small groups: what is hidden, and that nobody gets it back by subtraction."""

import numpy as np
import pandas as pd
import pytest
from groups import levels, months, rows
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import null_space
from worded import reason_words

from crmnb.evaluate.disclosure_control import protect
from crmnb.evaluate.disclosure_control.quantities import located
from crmnb.evaluate.results_frame import FIGURES
from crmnb.schema.client import Privacy

MIN_BASE, BELOW = 30, 10


def hidden(frame: pd.DataFrame, key: str, min_base: int = MIN_BASE, below: int = BELOW) -> set[str]:
    told = protect(frame, Privacy(min_base=min_base, suppress_below=below))
    return set(told.loc[told["flags"].str.contains("suppressed"), key])


def test_a_group_is_marked_below_30_and_hidden_below_10():
    frame = rows({"breakdown": "a", "n": 30}, {"breakdown": "b", "n": 29}, {"breakdown": "c", "n": 10})
    frame = pd.concat([frame, rows({"breakdown": "d", "n": 9})], ignore_index=True)
    told = protect(frame, Privacy()).set_index("breakdown")
    assert told["flags"].to_dict() == {"a": "", "b": "low_base", "c": "low_base", "d": "suppressed"}
    assert told.loc["d", list(FIGURES)].isna().all()
    assert reason_words(told.loc["d", "reason"]) == "fewer than 10"
    assert told.loc["a":"c", list(FIGURES)].notna().all(axis=None)


def test_it_is_customers_who_are_counted_where_they_are_known():
    frame = rows({"n": 50, "clusters": 9.0})
    assert "suppressed" in protect(frame, Privacy())["flags"][0]


def test_flags_that_were_there_stay():
    told = protect(rows({"n": 9, "flags": "partial unreliable"}), Privacy())
    assert set(told["flags"][0].split()) == {"partial", "unreliable", "suppressed"}


def test_the_frame_that_was_given_is_left_alone():
    frame = rows({"n": 9})
    before = frame.copy()
    protect(frame, Privacy())
    pd.testing.assert_frame_equal(frame, before)


def test_one_small_level_takes_the_next_smallest_with_it():
    frame = rows({"n": 129}, *levels(North=80, South=9, East=15, West=25))
    assert hidden(frame, "level") == {"South", "East"}
    told = protect(frame, Privacy()).set_index("level")
    reason = reason_words(told.loc["East", "reason"])
    assert reason == "hidden, so that a group of fewer than 10 cannot be computed by subtraction"
    assert told.loc["East", list(FIGURES)].isna().all()


def test_levels_go_until_ten_are_hidden_together():
    # 2 and 3 are 5 together: 4 more make 9, still too few, so 40 goes too.
    assert hidden(rows({"n": 129}, *levels(A=2, B=3, C=4, D=40, E=80)), "level") == {"A", "B", "C", "D"}


def test_two_small_levels_that_are_ten_together_hide_each_other():
    assert hidden(rows({"n": 111}, *levels(A=5, B=6, C=40, D=60)), "level") == {"A", "B"}


def test_segmentations_windows_and_components_are_each_their_own_sum():
    product = [{"segment": "product", "level": level, "n": n} for level, n in (("tea", 30), ("rum", 30))]
    other = [group | {"breakdown": "other"} for group in levels(North=20, South=40)]
    earlier = [group | {"win": "comparison"} for group in levels(North=31, South=32)]
    told = protect(rows({"n": 60}, *levels(North=8, South=52), *product, *other, *earlier), Privacy())
    assert told["flags"].str.contains("suppressed").tolist() == [False, True, True] + [False] * 6


def test_months_are_hidden_inside_their_quarter():
    year = [40, 50, 60, 12, 7, 30, 11, 90, 90, 90, 90, 90]
    frame = rows({"n": sum(year)}, *months(year))
    assert hidden(frame, "part") == {"2025-05", "2025-04"}  # not July, which is smaller than April


@pytest.mark.parametrize("sizes", [[12, 7, 30], [3, 8, 50], [5, 40, 6]])
def test_a_yearly_and_a_quarterly_report_hide_the_same_months(sizes):
    year = [40, 50, 60, *sizes, 11, 90, 90, 90, 90, 90]
    of_year = hidden(rows({"n": sum(year)}, *months(year)), "part")
    of_quarter = hidden(rows({"n": sum(sizes)}, *months(sizes, first=4)), "part")
    assert of_year == of_quarter


def test_a_quarter_too_small_to_hide_in_takes_a_month_of_another():
    # The year less the months that are shown would be the 5 of January; April goes too, and May, since the second
    # quarter's total may be known.
    year = [5, 0, 0, 50, 60, 70, 80, 90, 90, 90, 90, 90]
    assert hidden(rows({"n": sum(year)}, *months(year)), "part") == {"2025-01", "2025-04", "2025-05"}


def test_a_count_of_none_is_shown():
    told = protect(rows(*months([0, 40, 50])), Privacy())
    assert told["flags"].tolist() == ["", "", ""]
    assert told["value"].notna().all()


def test_what_is_unavailable_stays_so_and_is_not_called_small():
    told = protect(rows({"n": float("nan"), "clusters": float("nan"), "flags": "unavailable"}), Privacy())
    assert told["flags"].tolist() == ["unavailable"]


def test_thresholds_of_one_hide_nothing():
    assert hidden(rows({"n": 3}, *levels(A=1, B=2), *months([1, 2, 0])), "level", 1, 1) == set()


def cohorts(sizes: dict[str, int], ages: int = 3, **keys) -> list[dict]:
    return [{"breakdown": f"{cohort} +{k}", "n": n} | keys for cohort, n in sizes.items() for k in range(ages)]


def test_a_small_cohort_goes_whole_and_the_next_smallest_of_its_quarter_with_it():
    frame = rows(*cohorts({"2025-01": 40, "2025-02": 6, "2025-03": 20, "2025-04": 12, "2025-05": 90, "2025-06": 90}))
    assert hidden(frame, "breakdown") == {f"{cohort} +{k}" for cohort in ("2025-02", "2025-03") for k in range(3)}


def test_only_a_month_and_an_age_are_a_cohort():
    cells = located(rows({"breakdown": "2025-01 +2", "n": 40}, {"breakdown": "Google +2", "n": 40}))
    assert cells[["win", "breakdown"]].to_numpy().tolist() == [["2025-01", " +2"], ["current", "Google +2"]]


def test_the_levels_of_a_hidden_cohort_do_not_give_it_back():
    # February goes with January; its North and South, each large enough, would add up to it.
    north = cohorts({"2025-02": 15, "2025-03": 30}, segment="region", level="North")
    south = cohorts({"2025-02": 16, "2025-03": 30}, segment="region", level="South")
    frame = rows(*cohorts({"2025-01": 6, "2025-02": 31, "2025-03": 60}), *north, *south)
    told = protect(frame, Privacy())
    february = told[told["breakdown"].str.startswith("2025-02") & (told["segment"] != "")]
    assert february["flags"].str.contains("suppressed").all()


def test_a_region_with_a_single_cohort_does_not_protect_its_neighbour():
    # South's 20 are known from the customers won; February less them would be North's 5. So February goes, and January,
    # the next smallest, so that it does not follow from the year.
    north = [("2025-01", 40), ("2025-02", 5), ("2025-03", 80)]
    cells = [{"breakdown": f"{c} +0", "segment": "region", "level": "North", "n": n} for c, n in north]
    south = {"breakdown": "2025-02 +0", "segment": "region", "level": "South", "n": 20}
    frame = rows(*cohorts({"2025-01": 40, "2025-02": 25, "2025-03": 80}, ages=1), *cells, south)
    told = protect(frame, Privacy())
    gone = told[told["flags"].str.contains("suppressed") & (told["segment"] == "")]
    assert gone["breakdown"].tolist() == ["2025-01 +0", "2025-02 +0"]


# ---- An attacker, who knows what adds up to what and solves for what is hidden --------------------------------------


def sums_of(frame: pd.DataFrame) -> list[tuple[int, list[int]]]:
    """(the total's row, the rows that make it up): the year's months, a whole's levels, the cohorts of a level."""

    def at(condition: pd.Series) -> list[int]:
        return frame.index[condition].tolist()

    whole, first = frame["segment"] == "", frame["breakdown"].str.endswith(" +0")
    sums = []
    for breakdown in frame["breakdown"].unique():
        mine = (frame["breakdown"] == breakdown) & (frame["part"] == "")
        for total in at(mine & whole):
            sums.append((total, at(mine & ~whole)))
    for total in at((frame["breakdown"] == "") & (frame["part"] == "")):
        same = (frame["segment"] == frame.at[total, "segment"]) & (frame["level"] == frame.at[total, "level"])
        sums += [(total, at(same & first)), (total, at(same & (frame["part"] != "")))]
    return [(total, parts) for total, parts in sums if parts]


def found_out(frame: pd.DataFrame, told: pd.DataFrame) -> list[int]:
    """The small rows whose size the shown ones determine (a larger one that was hidden for their sake is no loss)."""
    unknown = told.index[told["flags"].str.contains("suppressed")].tolist()
    equations = np.zeros((len(sums_of(frame)) + 1, len(unknown)))
    for i, (total, parts) in enumerate(sums_of(frame)):
        for at in set(parts) & set(unknown):
            equations[i, unknown.index(at)] -= 1
        if total in unknown:
            equations[i, unknown.index(total)] += 1
    free = np.abs(null_space(equations)).max(axis=1, initial=0) if unknown else []
    return [at for at, freedom in zip(unknown, free, strict=True) if freedom < 1e-9 and frame.at[at, "n"] < BELOW]


SIZE = st.one_of(st.integers(1, 12), st.integers(1, 80))


def test_the_attacker_of_these_tests_succeeds_where_nothing_is_done_about_it():
    frame = rows({"n": 129}, *levels(North=120, South=9))
    naive = frame.assign(flags=["", "", "suppressed"])
    assert found_out(frame, naive) == [2]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(SIZE, min_size=1, max_size=7), st.lists(st.one_of(st.just(0), SIZE), min_size=12, max_size=12))
def test_no_level_and_no_month_can_be_had_by_subtraction(of_levels, of_months):
    year = {"n": sum(of_levels)}
    by_level = rows(year, *levels(**{f"L{i}": n for i, n in enumerate(of_levels)}))
    by_month = rows({"n": sum(of_months)}, *months(of_months)) if any(of_months) else by_level
    for frame in (by_level, by_month):
        told = protect(frame, Privacy())
        assert found_out(frame, told) == []
        gone = told["flags"].str.contains("suppressed")
        assert gone[(frame["n"] > 0) & (frame["n"] < BELOW)].all()
        if gone[1:].any() and not gone[0]:
            assert gone[1:].sum() >= 2
            assert frame["n"][1:][gone[1:]].sum() >= BELOW


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.lists(st.one_of(st.just(0), SIZE), min_size=3, max_size=3), min_size=1, max_size=12))
def test_no_cohort_can_be_had_from_its_levels_nor_from_the_customers_won(table):
    # `table`: a row per month, a column per region. New customers are the sums, and stand in the report too.
    groups = [{"n": sum(map(sum, table))}]
    groups += [
        {"segment": "region", "level": f"L{j}", "n": sum(column)} for j, column in enumerate(zip(*table, strict=True))
    ]
    for month, sizes in enumerate(table, 1):
        cell = f"2025-{month:02} +0"
        groups.append({"breakdown": cell, "n": sum(sizes)})
        groups += [{"breakdown": cell, "segment": "region", "level": f"L{j}", "n": n} for j, n in enumerate(sizes)]
    frame = rows(*(group for group in groups if group["n"]))
    if frame.empty:
        return
    won = frame["breakdown"] == ""
    told = pd.concat([protect(frame[won], Privacy()), protect(frame[~won], Privacy())])
    assert found_out(frame, told) == []
