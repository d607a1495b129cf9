"""Worth and losses where customers are not alike: levels, fees that go with leaving, ages, customers older than the data."""

from datetime import datetime

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from worded import note_words, reason_words

from crmnb.core.period import Period
from crmnb.engine.session import in_memory
from crmnb.evaluate.customer_list import listed
from crmnb.metrics.definition import catalogue
from crmnb.metrics.features.purchase_history import contracts
from crmnb.schema.client import Churn, Client, Worth
from crmnb.stats import cac, clv, clv_contractual, clv_models, clv_noncontractual, expected_churn, strata
from crmnb.stats.estimation import EstimationContext, GroupedCounts
from crmnb.stats.models.bg_nbd import simulate_buying
from crmnb.stats.models.bg_nbd_left_truncated import Older, discounted_further, silent
from crmnb.stats.models.gamma_gamma import independence
from crmnb.stats.models.shifted_beta_geometric import discounted_residual

START, END = datetime(2023, 1, 1), datetime(2026, 1, 1)
YEAR = Period.parse("2025").observe(START, END)
BY_CONTRACT = {"contractual": True}
BY_INACTIVITY = {"contractual": False, "inactivity_days": 90, "grace_days": 90}


def context(churn: dict, **settings) -> EstimationContext:
    forecast = {"discount_rate": 0.10, "horizon_months": 36, "renewal_months": 1, "horizon_days": 365}
    return EstimationContext(0.95, churn | forecast | settings, {"current": YEAR})


def groups(counts: pd.DataFrame) -> list[GroupedCounts]:
    """The whole client, and the levels of the segmentations in its columns `of ...`."""
    counts = counts if "n" in counts else counts.assign(n=1.0)
    found = [GroupedCounts("current", "", "", "", counts, counts["n"].sum())]
    for column in (name for name in counts if name.startswith("of ")):
        for level, own in counts.groupby(column):
            found.append(GroupedCounts("current", "", column[3:], level, own.reset_index(drop=True), own["n"].sum()))
    return found


def by_level(inferred) -> dict[str, dict]:
    return {row["level"]: row for row in inferred.rows}


# ---- Contracts ------------------------------------------------------------------------------------------------------

DEAR, CHEAP = (60.0, 0.08), (15.0, 0.01)  # a month's fee, and the chance to leave in it


def two_plans(seed: int, size: int = 2500, months: int = 36) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Contracts of a dear plan that many leave and a cheap one that few do, by months of age; and what is true of who is there."""
    rng = np.random.default_rng(seed)
    dear = rng.random(size) < 0.35
    fee, leaving = (np.where(dear, *pair) for pair in zip(DEAR, CHEAP, strict=True))
    seen = rng.integers(1, months + 1, size)
    stays = rng.geometric(leaving)
    gone = stays <= seen
    times = np.where(gone, 0, np.minimum(seen, 12))
    counts = pd.DataFrame(
        {
            **{"entry": 1, "last": np.where(gone, stays, seen), "lost": gone.astype(int), "age": seen},
            **{"there": 1 - gone, "new": (seen <= 12).astype(int), "n": 1.0, "fold": np.arange(size) % 200},
            **{"margin": fee * times, "times": times, "pay": fee, "known": 1.0, "due": fee * times},
            **{"of plan": np.where(dear, "dear", "cheap"), "of region": rng.choice(["East", "West"], size)},
        }
    )
    worth = np.where(dear, expected_of(*DEAR), expected_of(*CHEAP))
    return counts, pd.DataFrame({"worth": worth, "plan": counts["of plan"], "there": ~gone, "new": counts["new"] == 1})


def expected_of(fee: float, leaving: float, months: int = 36) -> float:
    """The margin of so many months at 10 % a year, by hand: who leaves in a month brings half of it."""
    k, discount = np.arange(1, months + 1), 1.1 ** (1 / 12)
    return float(fee * (((1 - leaving) ** (k - 1) + (1 - leaving) ** k) / 2 / discount ** (k - 0.5)).sum())


def test_where_dear_contracts_end_sooner_the_whole_is_the_sum_of_its_levels_and_near_the_truth():
    errors, held = [], []
    for seed in range(12):
        counts, truth = two_plans(seed)
        rows = by_level(clv.predicted(groups(counts), context(BY_CONTRACT)))
        there = truth[truth["there"]]
        for level, true in {
            "": there["worth"].mean(),
            "dear": expected_of(*DEAR),
            "cheap": expected_of(*CHEAP),
        }.items():
            errors.append(rows[level]["value"] / true - 1)
            held.append(rows[level]["low"] <= true <= rows[level]["high"])
        for levels, difference in ((("dear", "cheap"), 1e-9), (("East", "West"), 0.01)):
            total = pytest.approx(rows[""]["numerator"], rel=difference)
            assert sum(rows[name]["numerator"] for name in levels) == total
    assert abs(np.mean(errors[::3])) < 0.02  # mean margin times mean stay: 0.15 too high
    assert np.mean(held) >= 0.8  # of 36 at 95 %; 0 of 12 of the whole client before


def test_that_those_lost_brought_more_is_said():
    counts, _ = two_plans(1)
    notes = " ".join(note_words(clv.predicted(groups(counts), context(BY_CONTRACT)).notes))
    mean = counts.groupby("there")["pay"].mean()
    assert (
        f"Per month, lost customers brought {100 * (mean[0] / mean[1] - 1):.0f}% more than the remaining ones." in notes
    )
    assert "By plan losses differ by more than chance" in notes
    assert "By region losses do not differ" in notes


def test_fees_that_go_with_leaving_count_without_any_level():
    """A fee of each customer's own, which is the higher the sooner they leave: renewals weigh as much as they bring."""
    errors = []
    for seed in range(10):
        rng = np.random.default_rng(seed)
        spread = rng.normal(size=3000)
        fee, leaving = 20 * np.exp(0.5 * spread), np.minimum(0.03 * np.exp(0.5 * spread), 0.9)
        seen, stays = rng.integers(1, 37, 3000), rng.geometric(leaving)
        gone = stays <= seen
        times = np.where(gone, 0, np.minimum(seen, 12))
        counts = pd.DataFrame(
            {"entry": 1, "last": np.minimum(stays, seen), "lost": gone * 1, "age": seen, "there": 1 - gone}
        )
        counts = counts.assign(new=0, n=1.0, fold=np.arange(3000) % 200, margin=fee * times, times=times)
        counts = counts.assign(pay=fee, known=1.0, due=fee * times)
        true = np.mean([expected_of(*each) for each in zip(fee[~gone], leaving[~gone], strict=True)])
        errors.append(clv.predicted(groups(counts), context(BY_CONTRACT)).rows[0]["value"] / true - 1)
    assert abs(np.mean(errors)) < 0.03  # 0.09 too high where fees count for nothing


def test_a_new_customer_is_worth_what_those_won_are_and_not_what_those_who_stayed_are():
    values, truths = [], []
    for seed in range(8):
        counts, truth = two_plans(100 + seed)
        values.append(cac._value_by_contracts(counts, context(BY_CONTRACT))[0])
        truths.append(truth.loc[truth["new"], "worth"].mean())
    assert np.mean(values) == pytest.approx(np.mean(truths), rel=0.04)


def test_levels_of_constant_hazards_that_differ_are_found_to():
    """Both levels have one parameter and the whole two: the test has a degree of freedom all the same."""
    counts, _ = two_plans(3)
    whole, dear, cheap = (clv_models.fit_renewals(of, 1) for of in (counts, *(c for _, c in counts.groupby("of plan"))))
    if clv_models.is_constant(dear) and clv_models.is_constant(cheap):
        assert (
            clv_models.number_of_parameters(dear)
            + clv_models.number_of_parameters(cheap)
            - clv_models.number_of_parameters(whole)
            <= 0
        )
    found = clv_contractual.fit_contracts(counts, context(BY_CONTRACT)).strata
    assert found.by == ("plan",)
    assert found.p_values["plan"] < 1e-9


def test_degrees_of_freedom_are_the_parts_less_one_at_least():
    rows = pd.DataFrame({"part": [0, 0, 1, 1]})

    def fit(some: pd.DataFrame):
        return type(
            "Fit",
            (),
            {"log_likelihood": 0.0 if some["part"].nunique() > 1 else 2.0, "k": 1 + (some["part"].nunique() > 1)},
        )

    p = strata.likelihood_ratio(
        rows, np.zeros(4, int), rows["part"].to_numpy(), fit, lambda some, whole: 0.0, lambda found: found.k
    )
    assert p == pytest.approx(stats.chi2.logsf(8, 1))  # two of one parameter each, against one of two


def test_a_level_that_is_too_small_where_levels_differ_is_told_nothing_of():
    counts, _ = two_plans(4)
    tiny = np.flatnonzero(counts["of plan"] == "cheap")[:25]
    counts.loc[tiny, "of plan"] = "trial"
    rows = by_level(clv.predicted(groups(counts), context(BY_CONTRACT)))
    assert np.isnan(rows["trial"]["value"])
    assert "too small for a model of its own" in reason_words(rows["trial"]["reason"])
    assert np.isfinite(rows["dear"]["value"])


def test_a_level_too_small_to_be_tested_has_no_estimate():
    counts, _ = two_plans(5, size=400)
    counts["of region"] = np.where(np.arange(len(counts)) < 385, "East", "West")
    rows = by_level(clv.predicted(groups(counts.drop(columns="of plan")), context(BY_CONTRACT)))
    assert np.isfinite(rows[""]["value"])
    assert np.isfinite(rows["East"]["value"])
    assert "too small for a model of its own" in reason_words(rows["West"]["reason"])


# ---- Months of age --------------------------------------------------------------------------------------------------


def tables(plans: pd.DataFrame, **facts):
    client = Client(
        **{"id": "x", "folder": ".", "name": "X", "currency": "EUR", "sources": {}},
        **{"churn": Churn(kind="contractual", table="subscriptions")},
        **{"data_from": START.date(), "data_until": "2025-12-31", "worth": {"margin_rate": 1.0}},
        **{"tables": {"subscriptions": {"columns": {}}}} | facts,
    )
    return in_memory(client, {"subscriptions": plans})


def plans(*spans: tuple[str, str | None]) -> pd.DataFrame:
    began, ended = zip(*spans, strict=True)
    keys = [f"c{place}" for place in range(len(spans))]
    facts = {"subscription_id": keys, "customer_id": keys, "monthly_amount": 10.0}
    return pd.DataFrame(facts).assign(
        started_at=pd.to_datetime(list(began), format="ISO8601"), ended_at=pd.to_datetime(list(ended), format="ISO8601")
    )


def histories(of: pd.DataFrame) -> pd.DataFrame:
    opened = tables(of)
    frames = (opened.frame(name, per_customer=True) for name in ("tenures", "payments"))
    found = contracts(*frames, YEAR, Worth(margin_rate=1.0)).to_native().df()
    return found[found["breakdown"] == ""].set_index("customer_id").sort_index()


def test_ages_are_counted_by_anniversaries():
    found = histories(
        plans(
            ("2025-03-20", "2025-03-29"),  # in the first month
            ("2025-03-20", "2025-04-02"),  # in the first month, too, though of another calendar month
            ("2025-03-20", "2025-04-20"),  # at the end of the first month
            ("2025-03-20 10:00", "2025-04-20 09:00"),
            ("2025-03-20", "2025-04-21"),  # in the second
            ("2025-01-31", "2025-02-28"),  # a month has no such day: its last
            ("2024-01-15", "2025-01-15"),  # a year to the day
            ("2025-03-20", None),  # nine months are whole on 20 December
            ("2022-12-20", "2023-01-15"),  # of the first month only a part was seen: nothing is told of it
            ("2022-12-20", None),  # seen from the second month on
            ("2025-12-20", "2025-12-28"),  # of those who joined with it nobody's month is whole yet
        )
    )
    one = {key: (row["entry"], row["last"], row["lost"], row["there"]) for key, row in found.iterrows()}
    assert [one[f"c{k}"] for k in range(8)] == [
        *((1, 1, 1, 0), (1, 1, 1, 0), (1, 1, 1, 0), (1, 1, 1, 0), (1, 2, 1, 0), (1, 1, 1, 0), (1, 12, 1, 0)),
        (1, 9, 0, 1),
    ]
    assert one["c8"][0] > one["c8"][1]
    assert one["c9"] == (2, 36, 0, 1)
    assert one["c10"][1:] == (0, 0, 0)


def test_a_constant_hazard_is_found_the_same_in_each_month():
    rng = np.random.default_rng(7)
    began = pd.Timestamp(START) + pd.to_timedelta(rng.integers(0, 36 * 30 * 1440, 12_000), "min")
    ended = began + pd.to_timedelta((rng.exponential(-30.4375 / np.log(0.95), 12_000) * 1440).round(), "min")
    keys = [f"c{place}" for place in range(12_000)]
    rows = pd.DataFrame({"subscription_id": keys, "customer_id": keys, "monthly_amount": 10.0, "started_at": began})
    found = histories(rows.assign(ended_at=ended.where(ended < END)))
    _, at_risk, lost = clv_models.renewals(found.assign(n=1.0), 1)
    error = np.sqrt(0.05 * 0.95 / at_risk[:6])
    assert (abs(lost[:6] / at_risk[:6] - 0.05) < 3.3 * error).all()  # month 1 was .0755
    assert clv_models.p_value_of_falling_churn(found.assign(n=1.0), 1) > 0.001


def test_losses_of_one_rate_are_found_to_fall_with_age_as_seldom_as_the_test_says():
    rng, rejected = np.random.default_rng(8), 0
    for _ in range(100):
        seen, stays = rng.integers(1, 37, 800), rng.geometric(0.05, 800)
        counts = pd.DataFrame({"entry": 1, "last": np.minimum(seen, stays), "lost": (stays <= seen) * 1, "n": 1.0})
        rejected += clv_models.p_value_of_falling_churn(counts, 1) < 0.05
    assert rejected <= 12  # of 100 at 5 %: more than 12 in two of a thousand


def test_a_sum_to_infinity_is_that_of_its_terms_at_any_discount():
    for alpha, beta in ((0.05, 0.3), (0.8, 6.0), (3.0, 60.0), (0.45, 900.0)):
        rate = 1e-3
        k = np.arange(1, 60_000)
        stays = np.cumsum(np.log1p(-alpha / (alpha + beta + k - 1)))
        terms = np.exp(stays - (k - 1) * np.log1p(rate)).sum()
        assert discounted_residual((alpha, beta), np.zeros(1), np.inf, rate)[0] == pytest.approx(terms, rel=1e-9)
    # 2 (1 - p) / (rate + p) for a p of each's own: the less is discounted, the nearer to (beta) / (alpha - 1).
    near = discounted_residual((3.0, 60.0), np.arange(500.0), np.inf, 1e-9)
    assert near == pytest.approx((60.0 + np.arange(500)) / 2, rel=1e-5)


# ---- Losses by contract ---------------------------------------------------------------------------------------------


def lives(seed: int, size: int = 2848) -> pd.DataFrame:
    """Customers of two plans that lose 8 % and 1 % a month, in days, as evidence holds them."""
    rng = np.random.default_rng(seed)
    dear = rng.random(size) < 0.5
    rate = -np.log(1 - np.where(dear, 0.08, 0.01)) / 30.4375
    age, life = rng.integers(30, 1095, size), np.ceil(rng.exponential(1 / rate))
    gone = life <= age
    rows = pd.DataFrame({"entry": 0, "duration": np.minimum(life, age), "event": gone * 1.0, "n": 1.0})
    rows["age"] = np.where(gone, np.nan, age)
    return rows.assign(**{"of plan": np.where(dear, "dear", "cheap"), "of region": rng.choice(["E", "W"], size)})


def test_expected_churn_by_level_is_that_of_the_level_s_own_hazards():
    held = []
    for seed in range(12):
        rows = lives(seed)
        found = by_level(expected_churn.expected(groups(rows), context(BY_CONTRACT)))
        for level, leaving in (("dear", 0.08), ("cheap", 0.01)):
            there = rows[(rows["of plan"] == level) & rows["age"].notna()]
            true = len(there) * (1 - (1 - leaving) ** (365 / 30.4375))
            held.append(found[level]["low"] <= true <= found[level]["high"])
        assert sum(found[name]["value"] for name in ("dear", "cheap")) == pytest.approx(found[""]["value"], rel=1e-9)
        assert sum(found[name]["value"] for name in ("E", "W")) == pytest.approx(found[""]["value"], rel=0.01)
    assert np.mean(held) >= 0.8  # none of them before


def test_levels_alike_have_the_hazards_of_all():
    parted = sum("region" in expected_churn._strata(lives(seed), context(BY_CONTRACT)).by for seed in range(40))
    assert parted <= 7  # of 40 at 5 % or less


def test_the_analysts_list_ranks_by_the_hazards_of_each_plan():
    rng = np.random.default_rng(2)
    dear = rng.random(1500) < 0.4
    rate = -np.log(1 - np.where(dear, 0.08, 0.01)) / 30.4375
    began = pd.Timestamp(START) + pd.to_timedelta(rng.integers(0, 1000, 1500), "D")
    ended = began + pd.to_timedelta(np.ceil(rng.exponential(1 / rate)), "D")
    who = pd.DataFrame({"customer_id": [f"c{k}" for k in range(1500)], "joined_at": began})
    who = who.assign(left_at=ended.where(ended < END), plan=np.where(dear, "dear", "cheap"))
    client = Client(
        **{"id": "x", "folder": ".", "name": "X", "currency": "EUR", "sources": {}, "data_from": START.date()},
        **{"data_until": "2025-12-31", "churn": Churn(kind="contractual", table="customers")},
        **{"segments": {"plan": {"column": "customers.plan"}}, "tables": {"customers": {"columns": {}}}},
    )
    found = listed(catalogue()["expected_churn"], in_memory(client, {"customers": who}), YEAR, 5000)
    mean = found.merge(who).groupby("plan")["probability"].mean()
    assert mean["dear"] == pytest.approx(1 - 0.92**12, abs=0.1)
    assert mean["cheap"] == pytest.approx(1 - 0.99**12, abs=0.05)


# ---- By inactivity --------------------------------------------------------------------------------------------------

QUICK_TO_LEAVE, LOYAL = np.array([0.6, 40.0, 2.0, 2.0]), np.array([0.6, 40.0, 0.5, 6.0])  # r, alpha (days), a, b


def shoppers(seed: int, size: int, parameters: dict[str, np.ndarray]) -> pd.DataFrame:
    rng, parts = np.random.default_rng(seed), []
    for level, of in parameters.items():
        T = rng.integers(200, 700, size)
        x, t_x = simulate_buying(of, T, rng)
        t_x = np.where(x > 0, np.clip(np.round(t_x), 1, T), 0)
        again = np.where(x > 0, rng.gamma(4.0, 5.0, size), 0.0)
        spend = again + np.where(x > 1, rng.gamma(4.0 * np.maximum(x - 1, 1), 5.0), 0.0)
        rows = pd.DataFrame({"x": x, "t_x": t_x, "T": T, "there": (T - t_x <= 90) * 1, "spend": spend, "again": again})
        parts.append(rows.assign(**{"of plan": level}))
    counts = pd.concat(parts, ignore_index=True).assign(margin=20.0, times=1.0, new=0, n=1.0)
    return counts.assign(fold=np.arange(len(counts)) % 200, before=0, wait=0)


def test_levels_that_leave_at_other_rates_have_models_of_their_own():
    counts = shoppers(1, 1500, {"loyal": LOYAL, "quick": QUICK_TO_LEAVE})
    ask = context(BY_INACTIVITY)
    found = by_level(expected_churn.expected(groups(counts), ask))
    worth = by_level(clv.predicted(groups(counts), ask))
    for level, parameters in (("loyal", LOYAL), ("quick", QUICK_TO_LEAVE)):
        there = counts[(counts["of plan"] == level) & (counts["there"] == 1)]
        true = expected_churn._lost(parameters, there, 365, 90).sum()
        assert found[level]["low"] <= true <= found[level]["high"]
        weekly = parameters * np.array([1, 1 / 7, 1, 1])
        often = clv_models.purchases_ahead(weekly, there, 36 * clv_models.WEEKS_PER_MONTH, np.log(1.1) * 7 / 365.25)
        assert worth[level]["low"] <= 20 * often.mean() <= worth[level]["high"]
    total = sum(worth[level]["numerator"] for level in ("loyal", "quick"))
    assert total == pytest.approx(worth[""]["numerator"], rel=1e-9)
    assert any(
        "By plan buying and leaving differ" in note
        for note in note_words(expected_churn.expected(groups(counts), ask).notes)
    )


def test_levels_of_one_model_are_found_to_differ_as_seldom_as_the_test_says():
    rejected = 0
    for seed in range(20):
        counts = shoppers(50 + seed, 500, {"a": LOYAL, "b": LOYAL})
        rejected += expected_churn._strata(counts, context(BY_INACTIVITY)).by == ("plan",)
    assert rejected <= 4


def test_spending_more_when_buying_more_often_is_seen_in_one_purchase_of_each():
    """Ranks of means go along with numbers of purchases where the model holds exactly; those of one purchase do not."""
    alarms = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        x, rate = 1 + rng.poisson(rng.gamma(0.8, 2.5, 300)), rng.gamma(3.74, 1 / 15.44, 300)
        _, low, high = independence(x, rng.gamma(6.25, 1 / rate), np.ones(300))
        alarms += low > 0 or high < 0
    assert alarms <= 12  # of 100 at 5 %


# ---- Customers who are older than the data --------------------------------------------------------------------------


def older_customers(seed: int, size: int, of: np.ndarray) -> tuple[Older, np.ndarray]:
    """Those of the model who joined up to 1,500 days before the data begin and were seen in the 700 days since; their purchases in the next 365."""
    rng = np.random.default_rng(seed)
    r, alpha, a, b = of
    rate, leaving, before = rng.gamma(r, 1 / alpha, size), rng.beta(a, b, size), rng.uniform(1, 1500, size)
    now, active = -before.copy(), np.ones(size, bool)
    first, last, x, later = np.full(size, np.nan), np.zeros(size), np.zeros(size), np.zeros(size)
    while active.any():
        now = np.where(active, now + rng.exponential(1 / rate), now)
        active &= now < 1065
        inside = active & (now >= 0) & (now < 700)
        x += inside & ~np.isnan(first)
        first, last = np.where(inside & np.isnan(first), now, first), np.where(inside, now, last)
        later += active & (now >= 700)
        active &= rng.random(size) >= leaving
    seen = ~np.isnan(first)
    times = (last - first, 700 - first, before, first)
    return Older(x[seen], *(each[seen] for each in times)), later[seen]


@pytest.mark.parametrize("of", [LOYAL, np.array([1.5, 40.0, 0.8, 6.0])])
def test_what_older_customers_buy_is_what_the_model_says_of_those_who_stayed(of: np.ndarray):
    histories, later = older_customers(3, 8000, of)
    expected = discounted_further(of, histories, 365.0, 0.0)
    spread = np.sqrt(((later - expected) ** 2).sum())
    assert abs(later.sum() - expected.sum()) < 3 * spread
    none = silent(of, histories, 0.0, 365.0)
    assert abs((later == 0).sum() - none.sum()) < 3 * np.sqrt((none * (1 - none)).sum())


@pytest.mark.parametrize(("a", "b"), [(0.3, 1.5), (3.0, 2.0), (8.0, 2.0), (5.0, 0.2), (60.0, 80.0)])
@pytest.mark.parametrize(("x", "t_x"), [(0, 0.0), (1, 380.0), (20, 380.0)])
def test_older_customers_are_summed_over_all_that_leaving_can_be(a: float, b: float, x: int, t_x: float):
    """Against a sum over 200,000 log odds, far beyond both ends."""
    r, alpha, T, before, wait, begins, lasts = 1.5, 40.0, 390.0, 800.0, 10.0, 100.0, 90.0
    odds, k = np.linspace(-16 / a - 60, 16 / b + 60, 200_001), r + x + 1
    p, stay = 1 / (1 + np.exp(-odds)), 1 / (1 + np.exp(odds))
    weight = p**a * stay**b
    since = alpha + wait + T
    alive = stay ** (x + 1) * ((since + p * before) / since) ** -k
    left = p * stay**x * ((since - T + t_x + p * before) / since) ** -k
    ahead = since + p * (before + begins)
    comes = stay ** (x + 1) * ((ahead / since) ** -k - ((ahead + lasts) / since) ** -k)
    history = Older(*(np.array([value]) for value in (float(x), t_x, T, before, wait)))
    expected = 1 - (weight @ comes) / (weight @ (alive + left))
    assert silent(np.array([r, alpha, a, b]), history, begins, lasts) == pytest.approx([expected], rel=1e-9)


def test_older_customers_of_whom_nearly_none_ever_leaves_need_no_more_memory():
    """With p = 0, none comes in 90 days with (since / (since + 90))^k: gamma's mixture of e^(-90 l). The mean of p is a / b = 1e-6."""
    x = np.arange(1000) % 40.0
    histories = Older(x, np.full(1000, 380.0), *(np.full(1000, days) for days in (390.0, 800.0, 10.0)))
    none = silent(np.array([1.5, 40.0, 7e-6, 7.0]), histories, 100.0, 90.0)
    assert none == pytest.approx((440 / 530) ** (1.5 + x + 1), abs=1e-6)


def test_the_model_is_fitted_to_those_who_came_after_the_data_begin():
    counts = shoppers(4, 2000, {"a": LOYAL})
    older = counts.iloc[:800].assign(before=1000, wait=10)
    both = pd.concat([counts, older], ignore_index=True)
    assert clv_models.fit_purchases(both).parameters == pytest.approx(
        clv_models.fit_purchases(counts).parameters, rel=1e-12
    )
    found = clv.predicted(groups(both.drop(columns="of plan")), context(BY_INACTIVITY))
    assert np.isfinite(found.rows[0]["value"])
    assert any("customers joined before the data start" in note for note in note_words(found.notes))


def test_purchases_ahead_that_are_worked_out_once_are_those_of_each_row():
    counts = shoppers(6, 300, {"a": LOYAL})
    counts.loc[:99, ["before", "wait"]] = [400, 5]
    ahead, weekly = clv_noncontractual._Forecasts(), LOYAL * np.array([1, 1 / 7, 1, 1])
    for rows in (counts, counts.iloc[50:150].reset_index(drop=True), counts.iloc[::7]):
        of_each = clv_models.purchases_ahead(weekly, rows, 150.0, 0.002)
        places = ahead.places(rows)
        assert ahead(weekly, 150.0, 0.002)[places] == pytest.approx(of_each, rel=1e-9)
    assert ahead(weekly, 50.0, 0.002).sum() < ahead(weekly, 150.0, 0.002).sum()
    fewer = clv_noncontractual._Forecasts()
    fewer.places(counts.iloc[:10])
    places = fewer.places(counts)  # what is not known yet is worked out
    expected = clv_models.purchases_ahead(weekly, counts, 150.0, 0.002)
    assert fewer(weekly, 150.0, 0.002)[places] == pytest.approx(expected, rel=1e-9)
