"""The corner shop: every figure of it, counted with a pencil, by a second route, and by the suite.

`HAND` was counted from the rows before any of the suite's metrics existed. It is checked against plain pandas
(`second_route`), which shares no code with the suite, and then the suite is checked against it.
"""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import duckdb
import pandas as pd
import pytest
from evaluating import family_rows
from hand_counts import equal, figures_of, pencilled
from second_route import Figures, compared, raw_corner_shop, retention, satisfaction, tidy_corner_shop

from crmnb.intake import Intake
from crmnb.metrics.definition import Metric, catalogue

PARAMETERS = Path(__file__).parents[3] / "parameters"
FILE = PARAMETERS / "corner_shop.yml"
Raw = dict[str, pd.DataFrame]


def _cells(cohort: str, members: int, active: tuple[int, ...]) -> dict[str, tuple[int, int]]:
    return {f"{cohort} +{k}": (count, members) for k, count in enumerate(active)}


# {metric: {breakdown: (numerator, denominator)}}, or a value in the metric's unit where there is no plain ratio.
# Of a %, the ratio is the share: 5 of 8 is 62.5 %. parameters/corner_shop.yml tells it customer by customer.
HAND: Figures = {
    "csat": {"purchase": (7, 9), "support": (2, 5)},
    "csat_mean": {"purchase": (36 / 9 - 1) / 4 * 100, "support": (15 / 5 - 1) / 4 * 100},
    "nps": {"purchase": (4 - 2) / 8 * 100, "support": (1 - 2) / 5 * 100},
    "ces": {"purchase": (23, 9), "support": (20, 4)},
    "ces_low_effort": {"purchase": (6, 9), "support": (1, 4)},
    "acceptance_rate": {"purchase": (7, 9), "support": (5, 6)},
    "completion_rate": {"purchase": (5, 7), "support": (4, 5)},
    "response_rate": {
        "purchase": (5, 11),
        "purchase, cooperation rate (COOP1)": (5, 9),
        "support": (4, 6),
        "support, cooperation rate (COOP1)": (4, 6),
    },
    "review_rating": {
        "Trustpilot": (75 + 100 + 0 + 50) / 4,
        "Local Guide": (3 + 6 + 9) / 9 / 3 * 100,
    },
    "review_volume": {"Trustpilot": 4, "Local Guide": 3},
    "retention_rate": {"": (5, 8)},
    "churn_rate": {"": (3, 8)},
    "churn_rate_annualised": {"": 100 * (1 - (1 - 3 / 8) ** (365.25 / 365))},
    "customer_base_growth": {"": (10, 8)},
    "new_customers": {"": 4, "per 100 at start": 4 / 8 * 100, "reactivated": 2},
    "repeat_purchase_rate": {"": (7, 14)},
    "second_purchase_rate": {"": (2, 3)},
    "purchase_frequency": {"": (23, 14)},
    "cohort_retention": {
        **_cells("2025-01", 1, (1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
        **_cells("2025-07", 2, (2, 1, 0, 1, 0, 1)),
        **_cells("2025-12", 1, (1,)),
    },
}

# 2024. At the start: 001, 002, 003 (exactly 90 days before), 004, 007; not 011 (90 days and a second). At the end, the
# eight of the start of 2025; 003 is lost, 011 is back; new are 005, 006, 008, 013, 099. 015 orders of 11 buyers,
# 001, 005, 007 and 013 twice. Followed for 90 days: 005 (again after 250), 006 (never: refunded), 013 (after 60).
# Sheets A01 to A05, invitations I01 to I09, reviews V01 to V03.
HAND_2024: Figures = {
    "csat": {"purchase": (1, 3), "support": (2, 2)},
    "csat_mean": {"purchase": (9 / 3 - 1) / 4 * 100, "support": (9 / 2 - 1) / 4 * 100},
    "nps": {"purchase": (1 - 1) / 3 * 100, "support": 1 / 1 * 100},
    "ces": {"purchase": (11, 3), "support": (7, 2)},
    "ces_low_effort": {"purchase": (1, 3), "support": (1, 2)},
    "acceptance_rate": {"purchase": (3, 4), "support": (3, 4)},
    "completion_rate": {"purchase": (3, 3), "support": (3, 3)},
    "response_rate": {
        "purchase": (3, 5),
        "purchase, cooperation rate (COOP1)": (3, 4),
        "support": (3, 4),
        "support, cooperation rate (COOP1)": (3, 4),
    },
    "review_rating": {
        "Trustpilot": (25 + 100) / 2,
        "Local Guide": 8 / 9 * 100,
    },
    "review_volume": {"Trustpilot": 2, "Local Guide": 1},
    "retention_rate": {"": (4, 5)},
    "churn_rate": {"": (1, 5)},
    "churn_rate_annualised": {"": 100 * (1 - (1 - 1 / 5) ** (365.25 / 366))},
    "customer_base_growth": {"": (8, 5)},
    "new_customers": {"": 5, "per 100 at start": 5 / 5 * 100, "reactivated": 1},
    "repeat_purchase_rate": {"": (4, 11)},
    "second_purchase_rate": {"": (1, 3)},
    "purchase_frequency": {"": (15, 11)},
    "cohort_retention": {
        **_cells("2024-02", 1, (1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0)),
        **_cells("2024-04", 1, (1, 0, 1, 0, 0, 0, 0, 0, 0)),
        **_cells("2024-05", 1, (1, 0, 0, 0, 0, 0, 0, 0)),
        **_cells("2024-11", 1, (1, 0)),
        **_cells("2024-12", 1, (1,)),
    },
}

# {metric: {level: ...}} in 2025, whole client's breakdown. 013 has no region, 099 is on no list of customers.
# South's 7 and North's 007 are two customers.
BY_REGION = {
    "retention_rate": {"North": (2, 3), "South": (2, 4), "(not known)": (1, 1)},
    "churn_rate": {"North": (1, 3), "South": (2, 4), "(not known)": (0, 1)},
    "customer_base_growth": {"North": (5, 3), "South": (4, 4), "(not known)": (1, 1)},
    "repeat_purchase_rate": {"North": (4, 6), "South": (3, 6), "(not known)": (0, 2)},
    "purchase_frequency": {"North": (12, 6), "South": (9, 6), "(not known)": (2, 2)},
}


def second_route(raw: Raw, year: int) -> Figures:
    """All figures of a year, from the raw files."""
    shop, span = tidy_corner_shop(raw), (f"{year}-01-01", f"{year + 1}-01-01")
    return satisfaction(shop, *span) | retention(shop["orders"], *span)


@pytest.fixture
def raw() -> Raw:
    return raw_corner_shop(PARAMETERS / "corner_shop")


def same(figures: Figures, hand: Figures) -> bool:
    """Whether two sets of figures hold the same breakdowns with the same counts and values."""
    return figures.keys() == hand.keys() and all(equal(figures[metric], hand[metric]) for metric in hand)


# ---- The pencil and the second route --------------------------------------------------------------------------------


@pytest.mark.parametrize(("year", "hand"), [(2025, HAND), (2024, HAND_2024)])
def test_the_second_route_counts_what_the_pencil_counted(raw: Raw, year: int, hand: Figures):
    found = second_route(raw, year)
    assert found.keys() == hand.keys()
    assert {m: found[m] for m in hand if not equal(found[m], hand[m])} == {}


@pytest.mark.parametrize("region", ["North", "South", "(not known)"])
def test_the_second_route_counts_each_region_likewise(raw: Raw, region: str):
    shop = tidy_corner_shop(raw)
    where = shop["orders"]["customer_id"].map(shop["customers"].set_index("customer_id")["region"])
    known = where.fillna("").replace("", "(not known)")
    found = retention(shop["orders"][known == region], "2025-01-01", "2026-01-01")
    assert {m: found[m][""] for m in BY_REGION} == {m: levels[region] for m, levels in BY_REGION.items()}


def test_the_rows_are_as_many_as_the_parameters_file_says(raw: Raw):
    assert {name: len(rows) for name, rows in raw.items()} == {
        "customers": 16, "orders": 54, "invitations": 28, "answers": 22, "reviews": 10,
    }  # fmt: skip
    shop = tidy_corner_shop(raw)
    years = shop["orders"]["ordered_at"].dt.year.value_counts().to_dict()
    assert years == {2023: 6, 2024: 15, 2025: 24}
    assert set(raw["answers"]["Sheet"]) - set(shop["answers"]["Sheet"]) == {"A20", "A21"}


def test_the_parameters_file_tells_the_same_counts():
    told = pencilled(FILE.read_text(encoding="utf-8").split("Counted with a pencil")[1])
    assert told.keys() >= HAND.keys()  # newer families hold theirs themselves
    for metric, breakdowns in HAND.items():
        assert told[metric] == pytest.approx({c: _share(metric, hand) for c, hand in breakdowns.items()}, rel=1e-12)


def _share(metric: str, hand: tuple[float, float] | float) -> float:
    """A figure of `HAND` as the parameters file writes it: a metric in percent as a share."""
    if isinstance(hand, tuple):
        return hand[0] / hand[1]
    return hand / 100 if metric == "churn_rate_annualised" else hand


# ---- Every trap is one of the rows ----------------------------------------------------------------------------------


def _put(table: str, column: str, old: str, new: str) -> Callable[[Raw], None]:
    """A change of the raw rows: in one column, every `old` becomes `new`."""

    def change(raw: Raw) -> None:
        raw[table][column] = raw[table][column].replace(old, new)

    return change


def _order(number: str, column: str, value: str) -> Callable[[Raw], None]:
    def change(raw: Raw) -> None:
        raw["orders"].loc[raw["orders"]["Order no"] == number, column] = value

    return change


def _keys_are_numbers(raw: Raw) -> None:
    raw["orders"]["Customer no"] = raw["orders"]["Customer no"].str.lstrip("0")


def _all_a_second_later(raw: Raw) -> None:
    times = pd.to_datetime(raw["orders"]["Ordered"], format="%d/%m/%Y %H:%M:%S", errors="coerce")
    raw["orders"]["Ordered"] = (times + pd.Timedelta(seconds=1)).dt.strftime("%d/%m/%Y %H:%M:%S").fillna("")


def _all_a_second_earlier(raw: Raw) -> None:
    times = pd.to_datetime(raw["orders"]["Ordered"], format="%d/%m/%Y %H:%M:%S", errors="coerce")
    raw["orders"]["Ordered"] = (times - pd.Timedelta(seconds=1)).dt.strftime("%d/%m/%Y %H:%M:%S").fillna("")


def _a_basket_of_two_days(raw: Raw) -> None:
    """The second of two orders at one time comes a day later."""
    _order("1036", "Ordered", "15/06/2025 11:00:00")(raw)


def _effort_runs_the_other_way(raw: Raw) -> None:
    raw["answers"]["Effort"] = raw["answers"]["Effort"].map(lambda x: str(8 - int(x)) if x.isdigit() else x)


def _one_answer_per_customer(raw: Raw) -> None:
    raw["answers"] = raw["answers"].drop_duplicates("Customer no")


def _answers_belong_to_the_year_of_the_invitation(raw: Raw) -> None:
    raw["answers"].loc[raw["answers"]["Sheet"] == "A06", "Answered"] = "2024-12-30 10:00"


def _bounced_counts_as_reached(raw: Raw) -> None:
    raw["invitations"]["Reached"] = raw["invitations"]["Reached"].where(
        raw["invitations"]["Reached"] != "", raw["invitations"]["Sent"]
    )


def _started_counts_as_completed(raw: Raw) -> None:
    raw["invitations"]["Finished"] = raw["invitations"]["Started"]


def _surveys_are_one(raw: Raw) -> None:
    raw["invitations"]["Survey"] = "after purchase"


def _answers_are_of_one_survey(raw: Raw) -> None:
    raw["answers"]["Survey"] = "after purchase"


def _an_invitation_of_the_last_days_is_unanswered(raw: Raw) -> None:
    late = raw["invitations"]["Invitation"] == "I28"
    raw["invitations"].loc[late, "Sent"] = "2025-12-17 23:59:59"


def _not_applicable_is_low(item: str, low: str) -> Callable[[Raw], None]:
    return _put("answers", item, "n/a", low)


# What a careless reading does to the rows, and a metric that it must get wrong.
CARELESS: dict[str, tuple[Callable[[Raw], None], str]] = {
    "a cancelled order counts": (_put("orders", "Status", "void", "done"), "repeat_purchase_rate"),
    "a cancelled first order makes the customer an old one": (_order("1014", "Status", "done"), "new_customers"),
    "a fully refunded order counts at the end": (_order("1046", "Status", "done"), "retention_rate"),
    "a fully refunded order counts at the start": (_order("1023", "Status", "done"), "new_customers"),
    "a partly refunded order does not count": (_put("orders", "Status", "returned", "void"), "retention_rate"),
    "no customer is a customer": (_put("orders", "Customer no", "", "?"), "purchase_frequency"),
    "7 and 007 are one": (_keys_are_numbers, "new_customers"),
    "the last second of 2024 is 2025": (_order("1024", "Ordered", "01/01/2025 00:00:00"), "retention_rate"),
    "the first instant of 2025 is 2024": (_order("1025", "Ordered", "31/12/2024 23:59:59"), "new_customers"),
    "the last second of 2025 is 2026": (_order("1053", "Ordered", "01/01/2026 00:00:00"), "customer_base_growth"),
    "exactly 90 days before is too long ago": (_all_a_second_earlier, "retention_rate"),
    "91 days before is not too long ago": (_order("1015", "Ordered", "03/10/2024 00:00:00"), "new_customers"),
    "a second later is the same": (_all_a_second_later, "cohort_retention"),
    "two orders at one time are two purchases": (_a_basket_of_two_days, "repeat_purchase_rate"),
    "31 February is 3 March": (_order("1028", "Ordered", "03/03/2025 12:00:00"), "repeat_purchase_rate"),
    "again after 91 days is within 90": (_order("1042", "Ordered", "08/10/2025 10:00:00"), "second_purchase_rate"),
    "who came too late is followed all the same": (
        _order("1050", "Ordered", "03/10/2025 00:00:00"),
        "second_purchase_rate",
    ),
    "an 11 on the 0-10 question is a 10": (_put("answers", "Recommend", "11", "10"), "nps"),
    "an 11 on the 0-10 question is no answer": (_put("answers", "Recommend", "11", ""), "csat"),
    "a 0 on the 1-5 question is a 1": (_put("answers", "Satisfied", "0", "1"), "csat_mean"),
    "all answers are of one survey": (_answers_are_of_one_survey, "csat"),
    "an invitation of the last days is unanswered": (_an_invitation_of_the_last_days_is_unanswered, "acceptance_rate"),
    "satisfaction: n/a is low": (_not_applicable_is_low("Satisfied", "1"), "csat"),
    "recommendation: n/a is low": (_not_applicable_is_low("Recommend", "0"), "nps"),
    "effort: n/a is low": (_not_applicable_is_low("Effort", "1"), "ces_low_effort"),
    "effort is ease": (_effort_runs_the_other_way, "ces"),
    "effort is ease, on the easy side": (_effort_runs_the_other_way, "ces_low_effort"),
    "a customer answers once": (_one_answer_per_customer, "csat"),
    "an answer belongs where its invitation does": (_answers_belong_to_the_year_of_the_invitation, "csat"),
    "a sheet broken off is no sheet": (_put("answers", "Satisfied", "4", ""), "csat"),
    "bounced is reached": (_bounced_counts_as_reached, "acceptance_rate"),
    "started is completed": (_started_counts_as_completed, "completion_rate"),
    "two surveys are one": (_surveys_are_one, "response_rate"),
    "all platforms rate out of 10": (_put("reviews", "Out of", "5", "10"), "review_rating"),
    "all platforms are one": (_put("reviews", "Platform", "Local Guide", "Trustpilot"), "review_rating"),
    "a review without a customer does not count": (
        lambda raw: raw.update(reviews=raw["reviews"][raw["reviews"]["Customer no"] != ""]),
        "review_rating",
    ),
}


@pytest.mark.parametrize("reading", CARELESS)
def test_every_trap_bites_a_careless_reading(raw: Raw, reading: str):
    change, metric = CARELESS[reading]
    change(raw)
    assert not equal(second_route(raw, 2025)[metric], HAND[metric])


# ---- The suite ------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def taken(corner_shop_intake) -> Intake:
    return corner_shop_intake[1]


@pytest.fixture(scope="module")
def results(corner_shop_in) -> Callable[[int], pd.DataFrame]:
    """Gives the results frame of both families of a year."""

    @cache
    def of_year(year: int) -> pd.DataFrame:
        book = corner_shop_in(str(year))
        return pd.concat([book.results("satisfaction"), book.results("retention")], ignore_index=True)

    return of_year


def test_the_intake_sets_aside_the_thirteen_wrong_rows_and_no_other(taken: Intake):
    counts = {account.table: (account.read, account.accepted, account.rejected) for account in taken.audits}
    wanted = {
        "customers": (16, 16, 0),
        "orders": (54, 52, 2),
        "survey_invitations": (28, 28, 0),
        "survey_responses": (22, 20, 2),
        "reviews": (10, 10, 0),
        "employee_responses": (31, 27, 4),
        "sends": (18, 17, 1),
        "market": (37, 36, 1),
        "brand_survey": (40, 38, 2),
        "benchmarks": (13, 12, 1),
    }
    assert {name: counts[name] for name in wanted} == wanted
    assert sum(aside for _, _, aside in counts.values()) == 13


def test_what_was_set_aside_can_be_mended(taken: Intake):
    aside = {
        path.stem: pd.read_csv(path, dtype=str).rename(columns=lambda c: c.removesuffix(" (crmnb)"))
        for path in (taken.folder / "quarantine").glob("*.csv")
    }
    assert set(aside) == {
        "orders",
        "survey_responses",
        "employee_responses",
        "sends",
        "market",
        "brand_survey",
        "benchmarks",
    }
    assert dict(zip(aside["orders"]["Order no"], aside["orders"]["Ordered"], strict=True)) == {
        "1028": "31/02/2025 12:00:00",  # as it came
        "1031": "10/04/2025 18:00:00",
    }
    assert set(aside["survey_responses"]["Sheet"]) == {"A20", "A21"}
    assert sorted(aside["employee_responses"]["Sheet"]) == ["E10", "E28", "E29", "E30"]
    assert set(aside["sends"]["Message"]) == {"M10"}
    assert set(aside["market"]["Month"]) == {"2025-12"}
    assert sorted(aside["brand_survey"]["Person"]) == ["R05", "R12"]
    assert set(aside["benchmarks"]["Figure"]) == {"response_rate"}
    assert all(rows["reasons"].str.len().min() > 0 for rows in aside.values())


def test_odd_texts_and_keys_are_taken_as_they_came(taken: Intake):
    def column(table: str, name: str) -> set[str]:
        return {value for (value,) in duckdb.read_parquet(str(taken.tables[table])).project(name).fetchall()}

    assert {"7", "007"} <= column("customers", "customer_id") & column("orders", "customer_id")
    assert {"<script>alert(1)</script>", "Kind, quick\nand it worked."} <= column("survey_responses", "comment")
    assert "=SUM(A1:A9) is what I paid" in column("reviews", "text")
    assert {'Ives, Ida "Duchess"', "Max'); DROP TABLE orders;--", "Dée Dürer"} <= column("customers", "name")
    assert 1250 in column("orders", "amount")


@pytest.mark.parametrize(("year", "hand"), [(2025, HAND), (2024, HAND_2024)])
def test_the_suite_counts_what_the_pencil_counted(results, year: int, hand: Figures):
    rows = results(year)
    rows = rows[rows["metric"].isin(HAND)]
    assert compared(rows[(rows["part"] == "") & (rows["segment"] == "")], hand) == []


def test_every_metric_that_was_counted_by_hand_is_there(results):
    assert set(results(2025)["metric"]) >= set(HAND)  # a newer one declares its count itself, and is held to it


@pytest.mark.parametrize("metric", [m for id_, m in catalogue().items() if id_ in HAND], ids=lambda metric: metric.id)
def test_a_metric_declares_what_the_pencil_counted(metric: Metric):
    declared = metric.hand_count if isinstance(metric.hand_count, dict) else {"": metric.hand_count}
    hand = HAND[metric.id]
    if metric.id != "cohort_retention":  # declares four cells of its nineteen
        assert declared.keys() == hand.keys()
    for breakdown, expression in declared.items():
        wanted = _in_unit(metric.id, hand[breakdown])
        assert figures_of("", expression)[""] * metric.scaled == pytest.approx(wanted, rel=1e-12)


@pytest.mark.parametrize("region", ["North", "South", "(not known)"])
def test_the_suite_counts_each_region_likewise(results, region: str):
    rows = results(2025)
    rows = rows[
        (rows["segment"] == "region")
        & (rows["level"] == region)
        & (rows["breakdown"] == "")
        & rows["metric"].isin(HAND)
    ]
    assert compared(rows, {metric: {"": levels[region]} for metric, levels in BY_REGION.items()}) == []


# At the start of 2024Q4 nobody is a customer: nothing is per 100 of nobody, neither then nor as what 2025Q1 is
# compared with.
@pytest.mark.parametrize("quarter", ["2024Q4", "2025Q1", "2025Q2", "2025Q4"])
def test_a_quarter_agrees_with_the_second_route(raw: Raw, corner_shop_intake, quarter: str):
    whole = pd.Period(quarter)
    shop = tidy_corner_shop(raw)
    rows = family_rows("retention", *corner_shop_intake, quarter)
    rows = rows[(rows["part"] == "") & (rows["segment"] == "") & rows["metric"].isin(HAND)]
    now, before = (
        retention(shop["orders"], str(span.start_time), str((span + 1).start_time)) for span in (whole, whole - 1)
    )
    assert compared(rows, now) == []
    assert compared(*_as_compared(rows, before)) == []


def _as_compared(rows: pd.DataFrame, before: Figures) -> tuple[pd.DataFrame, Figures]:
    """What rows say of the period before, and the figures of that period to which they have something to compare."""
    had = set(zip(rows["metric"], rows["breakdown"].where(rows["value"].notna()), strict=True))
    figures = {
        metric: {c: _in_unit(metric, figure) for c, figure in breakdowns.items() if (metric, c) in had}
        for metric, breakdowns in before.items()
        if metric != "cohort_retention"  # another period's cohorts are others
    }
    return rows[rows["previous"].notna()].assign(value=rows["previous"]), figures


def test_the_change_is_measured_from_the_year_before(results):
    rows = results(2025)
    whole = rows[(rows["part"] == "") & (rows["segment"] == "")]
    assert compared(*_as_compared(whole, HAND_2024)) == []
    assert whole["change"].dropna().to_list() == pytest.approx((whole["value"] - whole["previous"]).dropna().to_list())


def _in_unit(metric: str, hand: tuple[float, float] | float) -> float:
    percent = 100 if catalogue()[metric].unit == "%" else 1
    if isinstance(hand, tuple):
        return hand[0] / hand[1] * percent if hand[1] else float("nan")
    return hand


def test_a_part_of_the_year_is_the_year_cut_at_its_months(results):
    rows = results(2025)
    rows = rows[rows["period"] == "2025"]  # the parts of the year before are rows, too
    bought = rows[(rows["metric"] == "purchase_frequency") & (rows["part"] != "") & (rows["flags"] != "unavailable")]
    assert dict(zip(bought["part"], bought["numerator"], strict=True)) == {
        "2025-01": 2, "2025-02": 1, "2025-03": 2, "2025-04": 1, "2025-05": 2, "2025-06": 1,
        "2025-07": 2, "2025-08": 1, "2025-10": 4, "2025-11": 2, "2025-12": 5,
    }  # fmt: skip
